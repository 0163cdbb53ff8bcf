import type { HttpResponse } from '../contracts/http.ts'
import type { Outcome } from '../contracts/outcome.ts'
import { apiOutcome } from './api-outcome.ts'
import { asObject, asText, type JsonObject, jsonObject } from './provider-error.ts'
import { endDetail } from './reasons.ts'

/** The allowance is that of the last 24 hours: it comes back little by little. */
const LIMIT_WAIT_MS = 3_600_000

/**
 * What Salesforce's answer to an upsert by external id means. 401 asks for another token; 403 is a limit that needs a
 * long wait, or a permission that is missing; 300 says that several records have this external id, and ends the message;
 * the rest is as with any API.
 *
 * @param now epoch ms, for a `Retry-After` that is a date.
 * @see https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/errorcodes.htm
 */
export function salesforceOutcome(response: Pick<HttpResponse, 'status' | 'headers' | 'text'>, now: number): Outcome {
  const { status, text } = response
  const outcome = apiOutcome(response, now)
  if (outcome.kind === 'delivered') {
    const id = asText(jsonObject(text)?.id)
    return id === undefined ? outcome : { ...outcome, receipt: { id } }
  }
  if (status === 300) {
    const detail = 'Several records have this external id'
    return { kind: 'rejected', code: 'provider_error', status, detail }
  }
  const { error, codes } = errorsOf(text)
  const { detail: said, ...word } = error
  if (status === 401)
    return { kind: 'retry', code: 'token_expired', status, ...word, ...endDetail('token_expired', said) }
  if (status === 403) {
    return codes.includes('REQUEST_LIMIT_EXCEEDED')
      ? { kind: 'retry', code: 'rate_limited', status, retryAfterMs: LIMIT_WAIT_MS, ...error }
      : { kind: 'reauthorize', code: 'missing_scope', status, ...word, ...endDetail('missing_scope', said) }
  }
  // Somebody else was writing to the record: nothing is wrong with the message.
  if (status === 400 && codes.includes('UNABLE_TO_LOCK_ROW')) {
    return { kind: 'retry', code: 'provider_error', status, ...error }
  }
  return { ...outcome, ...error }
}

const MAX_ERRORS_TOLD = 5

/** `[{ message, errorCode, fields }]`: the first code, all of them, and the first messages with their fields. */
function errorsOf(text: string): {
  readonly error: { readonly providerCode?: string; readonly detail?: string }
  readonly codes: readonly string[]
} {
  const errors = jsonArray(text)
    .map(asObject)
    .filter((error) => error !== undefined)
  const codes = errors.flatMap(({ errorCode }) => asText(errorCode) ?? [])
  const detail = errors.slice(0, MAX_ERRORS_TOLD).flatMap(lineOf).join('; ')
  const [providerCode] = codes
  const error = {
    ...(providerCode === undefined ? {} : { providerCode }),
    ...(detail === '' ? {} : { detail }),
  }
  return { error, codes }
}

function lineOf({ message, fields }: JsonObject): readonly string[] {
  const text = asText(message)
  if (text === undefined) return []
  const names = Array.isArray(fields) ? fields.flatMap((field) => asText(field) ?? []) : []
  // Some messages name the fields themselves.
  return [names.length === 0 || names.every((name) => text.includes(name)) ? text : `${text} (${names.join(', ')})`]
}

function jsonArray(text: string): readonly unknown[] {
  if (!/^\s*\[/.test(text)) return []
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) ? value : []
  } catch {
    return []
  }
}
