import type { VerifyFailure } from '../contracts/signature.ts'
import { isSignalboxError, SignalboxError } from '../errors.ts'

/**
 * Why a request is refused, and what to answer.
 *
 * | `code` | `status` | meaning |
 * | --- | --- | --- |
 * | `signature_invalid` | 400 | not verified; `failure` says why |
 * | `invalid_input`, `field` `method` | 405 | not a POST |
 * | `invalid_input`, `field` `body` | 413 | larger than `maxBodyBytes` |
 * | | 415 | verified, but neither JSON nor a form, and says so itself |
 * | | 400 | verified, but no valid JSON; or the connection ended before the body did |
 * | | 500 | the raw body was lost before it came here: a mistake of the host |
 * | `conflict` | 409 | the same message is being handled at this moment: to be sent again later |
 * | `store_failed` | 503 | nobody knows whether it was handled before |
 */
export type ReceiveError = SignalboxError & {
  readonly status: ReceiveErrorStatus
  /** Only of `signature_invalid`. */
  readonly failure?: VerifyFailure
}

export type ReceiveErrorStatus = 400 | 405 | 409 | 413 | 415 | 500 | 503

/** Whether `error` is what `receive` refuses a request with. */
export function isReceiveError(error: unknown): error is ReceiveError {
  return isSignalboxError(error) && 'status' in error && typeof error.status === 'number'
}

export function refused(status: ReceiveErrorStatus, error: SignalboxError): ReceiveError {
  return Object.assign(error, { status })
}

export function badBody(status: ReceiveErrorStatus, rule: string): ReceiveError {
  return refused(status, new SignalboxError('invalid_input', `body: ${rule}`, { field: 'body' }))
}

export function tooLarge(maxBodyBytes: number): ReceiveError {
  return badBody(413, `must have at most ${maxBodyBytes} bytes`)
}

export function incomplete(): ReceiveError {
  return badBody(400, 'ended before it was complete')
}
