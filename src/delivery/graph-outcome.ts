import type { HttpResponse } from '../contracts/http.ts'
import type { Outcome, Receipt } from '../contracts/outcome.ts'
import { apiOutcome } from './api-outcome.ts'
import { asObject, asText, jsonObject } from './provider-error.ts'
import { endDetail } from './reasons.ts'

/**
 * What Microsoft Graph's answer to a channel message means. 401 asks for another token; 403 (a permission is missing,
 * or the person left the team) and 404 (team or channel is gone) end the connection; the rest is as with any API.
 *
 * @param now epoch ms, for a `Retry-After` that is a date.
 */
export function graphOutcome(response: Pick<HttpResponse, 'status' | 'headers' | 'text'>, now: number): Outcome {
  const { status, text } = response
  const outcome = apiOutcome(response, now)
  if (outcome.kind === 'delivered') {
    const receipt = receiptOf(text)
    return receipt === undefined ? outcome : { ...outcome, receipt }
  }
  const error = microsoftError(text)
  const { detail: said, ...word } = error
  switch (status) {
    case 401:
      return { kind: 'retry', code: 'token_expired', status, ...word, ...endDetail('token_expired', said) }
    case 403:
      return { kind: 'reauthorize', code: 'missing_scope', status, ...word, ...endDetail('missing_scope', said) }
    case 404:
    case 410:
      return { kind: 'gone', code: 'target_gone', status, ...word, ...endDetail('target_gone', said) }
    default:
      return { ...outcome, ...error }
  }
}

/** What Microsoft's services say of an error: `{ error: { code, message } }`. */
export function microsoftError(text: string): { readonly providerCode?: string; readonly detail?: string } {
  const error = asObject(jsonObject(text)?.error)
  const providerCode = asText(error?.code)
  const detail = asText(error?.message)
  return { ...(providerCode === undefined ? {} : { providerCode }), ...(detail === undefined ? {} : { detail }) }
}

function receiptOf(text: string): Receipt | undefined {
  const message = jsonObject(text)
  const id = asText(message?.id)
  const webUrl = asText(message?.webUrl)
  return id === undefined ? undefined : { id, ...(webUrl === undefined ? {} : { webUrl }) }
}
