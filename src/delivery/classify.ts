import type { HttpFailure, HttpResponse } from '../contracts/http.ts'
import type { FailedOutcome, Outcome, OutcomeCode } from '../contracts/outcome.ts'
import { parseRetryAfter } from './retry-after.ts'

/**
 * What a webhook endpoint's response means: 2xx delivered, 410 gone, everything else is tried again, redirects (never
 * followed) included. `Retry-After` is honoured on every failure. By Standard Webhooks 1.0.0.
 *
 * @param now epoch ms, for a `Retry-After` that is a date.
 */
export function classifyResponse(response: Pick<HttpResponse, 'status' | 'headers'>, now: number): Outcome {
  const { status } = response
  if (status >= 200 && status < 300) return { kind: 'delivered', status }
  if (status === 410) return { kind: 'gone', code: 'gone', status }
  const retryAfterMs = parseRetryAfter(response.headers['retry-after'], now)
  return {
    kind: 'retry',
    code: codeOf(status),
    status,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    // A gateway lost its upstream: whether that one took the message, nobody knows.
    ...(status === 502 || status === 504 ? { ambiguous: true } : {}),
  }
}

function codeOf(status: number): OutcomeCode {
  if (status === 429) return 'rate_limited'
  if (status >= 300 && status < 400) return 'redirect'
  if (status >= 400 && status < 500) return 'http_4xx'
  if (status >= 500 && status < 600) return 'http_5xx'
  return 'invalid_response'
}

/**
 * What it means that no response arrived. An address or URL that the egress guard refuses, and a request that cannot be
 * made, are `rejected`; the rest is tried again, `ambiguous` unless the request certainly was not written.
 */
export function classifyHttpFailure(failure: HttpFailure): FailedOutcome {
  const { code, message } = failure
  const detail = message === '' ? {} : { detail: message }
  switch (code) {
    case 'blocked_address':
    case 'blocked_url':
    case 'invalid_request':
      return { kind: 'rejected', code, ...detail }
    default:
      return { kind: 'retry', code, ...(failure.written === false ? {} : { ambiguous: true }), ...detail }
  }
}
