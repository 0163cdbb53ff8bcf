import type { FailedOutcome, OutcomeCode } from '../contracts/outcome.ts'
import { classifyHttpFailure } from '../delivery/classify.ts'
import { endDetail } from '../delivery/reasons.ts'
import { parseRetryAfter } from '../delivery/retry-after.ts'
import { invalidInput, type SignalboxError } from '../errors.ts'
import { type HttpError, httpError } from '../http/http-error.ts'
import { redact } from '../http/redact.ts'
import type { FormAnswer } from './token-request.ts'

/** A failed call: the grant is dead, or the call may work later. */
export type OAuthFailure = Extract<FailedOutcome, { kind: 'retry' | 'reauthorize' }>
export type RetryLater = Extract<FailedOutcome, { kind: 'retry' }>

/**
 * The provider's error word, where it is a word: an answer may hold anything, what was sent included, and words are
 * shown and stored.
 */
export function providerWord(value: unknown, secrets: readonly string[]): string | undefined {
  if (typeof value !== 'string' || !/^[A-Za-z][\w.-]{0,63}$/.test(value)) return undefined
  return redact(value, secrets) === value ? value : undefined
}

/**
 * A call that got no answer. Nothing here is final, not even an address that the egress guard refuses: the messages that
 * wait for the token have done nothing wrong.
 */
export function unanswered(error: HttpError): RetryLater {
  const outcome = classifyHttpFailure(error)
  return outcome.kind === 'retry' ? outcome : { ...outcome, kind: 'retry' }
}

/** An answer that is neither what was asked for nor the end of the grant. */
export function retryLater(
  answer: FormAnswer,
  word: string | undefined,
  now: number,
  detail: string | undefined,
): RetryLater {
  const retryAfterMs = parseRetryAfter(answer.headers['retry-after'], now)
  return {
    kind: 'retry',
    code: codeOf(answer.status, word),
    status: answer.status,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(word === undefined ? {} : { providerCode: word }),
    ...(detail === undefined ? {} : { detail }),
  }
}

function codeOf(status: number, word: string | undefined): OutcomeCode {
  if (status === 429) return 'rate_limited'
  if (status >= 500) return 'http_5xx'
  if (status >= 300 && status < 400) return 'redirect'
  if (word !== undefined) return 'provider_error'
  return status >= 400 ? 'http_4xx' : 'invalid_response'
}

/** The outcome of a refresh in words: what the end of the grant means, or which option of the host's is at fault. */
export function advised(failure: OAuthFailure, option: string | undefined): OAuthFailure {
  if (failure.kind === 'reauthorize') return { ...failure, ...endDetail(failure.code, failure.detail) }
  if (option === undefined) return failure
  const more = failure.detail === undefined ? '' : ` (${failure.detail})`
  return { ...failure, detail: `the provider refuses the client: check the option ${option}${more}` }
}

/** What `exchange` throws: about `field` where the provider refused, else about an answer that is of no use. */
export function exchangeError(
  provider: string,
  failure: OAuthFailure,
  field: string | undefined,
): SignalboxError | HttpError {
  const { code, providerCode, status, detail } = failure
  const said = providerCode ?? (code === 'invalid_response' ? 'something that cannot be read' : `status ${status}`)
  const message = `${provider} answered ${said}${detail === undefined ? '' : ` (${detail})`}`
  return field === undefined ? httpError({ code, written: true, message }) : invalidInput(field, message)
}
