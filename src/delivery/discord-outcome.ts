import type { HttpResponse } from '../contracts/http.ts'
import type { Outcome, OutcomeCode, Receipt } from '../contracts/outcome.ts'
import { apiOutcome } from './api-outcome.ts'
import { asObject, asText, type JsonObject, jsonObject } from './provider-error.ts'
import { endDetail } from './reasons.ts'
import { parseRetryAfter } from './retry-after.ts'

/** What ends the connection, in words for people: docs.discord.com/developers/topics/opcodes-and-status-codes#json. */
const GONE: ReadonlyMap<unknown, string> = new Map([
  [10003, 'The channel was deleted'],
  [10015, 'The webhook was deleted'],
  [50013, 'The webhook may not post in this channel'],
  [50027, 'The webhook URL is not valid any more'],
])

/** Request entity too large, empty message, invalid form body, invalid JSON. */
const REJECTED: ReadonlyMap<unknown, OutcomeCode> = new Map([
  [40005, 'payload_too_large'],
  [50006, 'invalid_payload'],
  [50035, 'invalid_payload'],
  [50109, 'invalid_payload'],
])

/**
 * What Discord's answer to a webhook message means. With a 4xx the JSON error `code` goes before the status; without one
 * that is known, 401, 403 and 404 end the connection (Discord bans an address for 10,000 of them in 10 minutes), and the
 * rest is as with any API. A delivered message that used up the allowance (`x-ratelimit-remaining: 0`) comes with the
 * time that the webhook has to rest.
 *
 * @param now epoch ms, for a `Retry-After` that is a date.
 */
export function discordOutcome(response: Pick<HttpResponse, 'status' | 'headers' | 'text'>, now: number): Outcome {
  const { status, headers } = response
  const outcome = apiOutcome(response, now)
  const body = jsonObject(response.text)
  if (outcome.kind === 'delivered') return { ...outcome, ...receiptOf(body), ...restOf(headers, now) }
  const error = errorOf(body)
  if (status === 429) {
    const retryAfterMs = milliseconds(body?.retry_after)
    return { ...outcome, ...(retryAfterMs === undefined ? {} : { retryAfterMs }), ...error }
  }
  if (status < 400 || status > 499) return { ...outcome, ...error }
  const rejected = REJECTED.get(body?.code)
  if (rejected !== undefined) return { kind: 'rejected', code: rejected, status, ...error }
  const gone = GONE.get(body?.code)
  if (gone !== undefined || [401, 403, 404, 410].includes(status)) {
    const { detail: said, ...word } = error
    return { kind: 'gone', code: 'target_gone', status, ...word, ...endDetail('target_gone', said, gone) }
  }
  return { ...outcome, ...error }
}

function receiptOf(message: JsonObject | undefined): { readonly receipt?: Receipt } {
  const id = asText(message?.id)
  const channel = asText(message?.channel_id)
  return id === undefined ? {} : { receipt: { id, ...(channel === undefined ? {} : { channel_id: channel }) } }
}

function restOf(headers: HttpResponse['headers'], now: number): { readonly cooldownMs?: number } {
  if (headers['x-ratelimit-remaining'] !== '0') return {}
  const cooldownMs = parseRetryAfter(headers['x-ratelimit-reset-after'], now)
  return cooldownMs === undefined ? {} : { cooldownMs }
}

/** Of seconds, which may be fractional. */
function milliseconds(seconds: unknown): number | undefined {
  if (typeof seconds !== 'number' || !(seconds >= 0)) return undefined
  return Math.min(Math.ceil(seconds * 1000), Number.MAX_SAFE_INTEGER)
}

/** `{ code, message, errors }`: the service's word, and in one sentence what it says of the message and its fields. */
function errorOf(body: JsonObject | undefined): { readonly providerCode?: string; readonly detail?: string } {
  const message = asText(body?.message)
  const parts = [...(message === undefined ? [] : [message]), ...fieldErrors(body?.errors)]
  return {
    ...(typeof body?.code === 'number' ? { providerCode: String(body.code) } : {}),
    ...(parts.length === 0 ? {} : { detail: parts.join('; ') }),
  }
}

const MAX_FIELD_ERRORS = 10
const MAX_DEPTH = 10

/** The first leaves of the tree of `errors`: `embeds[0].title: Must be 256 or fewer in length.` */
function fieldErrors(errors: unknown): readonly string[] {
  const lines: string[] = []
  const visit = (node: unknown, path: string, depth: number): void => {
    if (depth > MAX_DEPTH) return
    for (const [key, value] of Object.entries(asObject(node) ?? {})) {
      if (lines.length === MAX_FIELD_ERRORS) return
      if (key === '_errors' && Array.isArray(value))
        lines.push(...linesOf(path, value, MAX_FIELD_ERRORS - lines.length))
      else visit(value, joined(path, key), depth + 1)
    }
  }
  visit(errors, '', 0)
  return lines
}

function linesOf(path: string, errors: readonly unknown[], max: number): readonly string[] {
  return errors
    .slice(0, max)
    .flatMap((error) => asText(asObject(error)?.message) ?? asText(asObject(error)?.code) ?? [])
    .map((text) => (path === '' ? text : `${path}: ${text}`))
}

function joined(path: string, key: string): string {
  if (/^\d+$/.test(key)) return `${path}[${key}]`
  return path === '' ? key : `${path}.${key}`
}
