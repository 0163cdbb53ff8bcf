import type { HttpResponse } from '../contracts/http.ts'
import type { Outcome } from '../contracts/outcome.ts'
import { classifyResponse } from './classify.ts'

/**
 * What the status alone says where an API was asked to post a message: unlike a webhook endpoint, it means what it says
 * with a 4xx, and that ends the message. 408 and 429 pass, and so does a 5xx; a 500, like the 502 and 504 of a gateway,
 * may come after the message was posted.
 *
 * @param now epoch ms, for a `Retry-After` that is a date.
 */
export function apiOutcome(response: Pick<HttpResponse, 'status' | 'headers'>, now: number): Outcome {
  const { status } = response
  const outcome = classifyResponse(response, now)
  if (outcome.kind !== 'retry') return outcome
  if (status === 500) return { ...outcome, ambiguous: true }
  if (status === 408) return { ...outcome, code: 'timeout' }
  if (outcome.code !== 'http_4xx') return outcome
  if (status === 413) return { kind: 'rejected', code: 'payload_too_large', status }
  return { kind: 'rejected', code: status === 400 ? 'invalid_payload' : 'http_4xx', status }
}
