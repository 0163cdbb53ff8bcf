import type { HttpFailure } from '../contracts/http.ts'
import type { OutcomeCode } from '../contracts/outcome.ts'

const BRAND = Symbol.for('signalbox.http-error')

/** Why no response arrived. Its message is composed here: it holds no URL, header or body, and it has no cause. */
export class HttpError extends Error implements HttpFailure {
  override readonly name = 'HttpError' as const
  readonly code: OutcomeCode
  readonly written: boolean | 'unknown'

  constructor(failure: Pick<HttpFailure, 'code' | 'written' | 'message'>) {
    super(failure.message)
    this.code = failure.code
    this.written = failure.written
    Object.defineProperty(this, BRAND, { value: true })
  }
}

/**
 * Makes the error that an `HttpPort` of your own rejects with.
 *
 * @example
 * throw httpError({ code: 'connection_refused', written: false, message: 'nothing listens there' })
 */
export function httpError(failure: Pick<HttpFailure, 'code' | 'written' | 'message'>): HttpError {
  return new HttpError(failure)
}

/** Whether `error` is an {@link HttpError}, also one of the other build, where the class is another. */
export function isHttpError(error: unknown): error is HttpError {
  return typeof error === 'object' && error !== null && BRAND in error
}
