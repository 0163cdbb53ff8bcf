import type { HttpResponse } from '../contracts/http.ts'
import type { FailedOutcome, Outcome } from '../contracts/outcome.ts'
import { apiOutcome } from './api-outcome.ts'
import { asObject, asText, type JsonObject, jsonObject } from './provider-error.ts'
import { endDetail } from './reasons.ts'
import { parseRetryAfter } from './retry-after.ts'

const DAY_MS = 86_400_000
/** How long a lock lasts, by HubSpot's documentation of errors. */
const LOCK_MS = 2_000

/**
 * What HubSpot's answer to the upsert of one contact means. 401 asks for another token; 403 (a permission is missing)
 * ends the connection; 409 (a contact was being created at the same moment) is tried once more; 429 waits as the limit
 * it names needs; 207 tells of the one contact. The rest is as with any API.
 *
 * @param now epoch ms.
 * @param attempt 1 for the first exchange of the delivery.
 * @see https://developers.hubspot.com/docs/api-reference/error-handling
 */
export function hubspotOutcome(
  response: Pick<HttpResponse, 'status' | 'headers' | 'text'>,
  now: number,
  attempt: number,
): Outcome {
  const { status, text } = response
  const outcome = apiOutcome(response, now)
  const body = jsonObject(text)
  if (outcome.kind === 'delivered')
    return status === 207 ? itemOutcome(body, attempt) : { ...outcome, ...receiptOf(body) }
  const error = errorOf(body)
  const { detail: said, ...word } = error
  const told = parseRetryAfter(response.headers['retry-after'], now)
  switch (status) {
    case 401:
      return { kind: 'retry', code: 'token_expired', status, ...word, ...endDetail('token_expired', said) }
    case 403:
      return { kind: 'reauthorize', code: 'missing_scope', status, ...word, ...endDetail('missing_scope', said) }
    case 409:
      return onceMore(status, error, attempt)
    // Locked by a large import, and moving to another data centre (whose end `Retry-After` tells).
    case 423:
    case 477:
      return { kind: 'retry', code: 'provider_error', status, ...waiting(told ?? LOCK_MS), ...error }
    case 429:
      return { kind: 'retry', code: 'rate_limited', status, ...waiting(told ?? limitMs(body, now)), ...error }
    default:
      return { ...outcome, ...error }
  }
}

/** 207: the request was right, and each contact has a result or an error of its own. One was sent. */
function itemOutcome(body: JsonObject | undefined, attempt: number): Outcome {
  const status = 207
  const first = Array.isArray(body?.errors) ? asObject(body.errors[0]) : undefined
  if (first === undefined) {
    const { receipt } = receiptOf(body)
    // Neither a result nor an error that can be read: an upsert may be repeated.
    return receipt === undefined
      ? { kind: 'retry', code: 'invalid_response', status }
      : { kind: 'delivered', status, receipt }
  }
  const error = errorOf(first)
  switch (first.category) {
    case 'CONFLICT':
      return onceMore(status, error, attempt)
    case 'RATE_LIMITS':
    case 'RATE_LIMIT':
      return { kind: 'retry', code: 'rate_limited', status, ...error }
    case 'VALIDATION_ERROR':
      return { kind: 'rejected', code: 'invalid_payload', status, ...error }
    default:
      return { kind: 'rejected', code: 'provider_error', status, ...error }
  }
}

function onceMore(status: number, error: Pick<FailedOutcome, 'providerCode' | 'detail'>, attempt: number): Outcome {
  return { kind: attempt === 1 ? 'retry' : 'rejected', code: 'provider_error', status, ...error }
}

/** The daily limit is new at midnight of the account's time zone, which is not told: UTC's stands in for it. */
function limitMs(body: JsonObject | undefined, now: number): number | undefined {
  switch (body?.policyName) {
    case 'DAILY':
      return DAY_MS - (now % DAY_MS)
    case 'TEN_SECONDLY_ROLLING':
      return 10_000
    case 'SECONDLY':
      return 1_000
    default:
      return undefined
  }
}

function waiting(retryAfterMs: number | undefined): { readonly retryAfterMs?: number } {
  return retryAfterMs === undefined ? {} : { retryAfterMs }
}

/** `{ status, message, correlationId, category }`; of a limit, its `policyName` says more than the category. */
function errorOf(body: JsonObject | undefined): { readonly providerCode?: string; readonly detail?: string } {
  const providerCode = asText(body?.policyName) ?? asText(body?.category)
  const detail = asText(body?.message)
  return { ...(providerCode === undefined ? {} : { providerCode }), ...(detail === undefined ? {} : { detail }) }
}

function receiptOf(body: JsonObject | undefined): { readonly receipt?: { readonly id: string } } {
  const id = Array.isArray(body?.results) ? asText(asObject(body.results[0])?.id) : undefined
  return id === undefined ? {} : { receipt: { id } }
}
