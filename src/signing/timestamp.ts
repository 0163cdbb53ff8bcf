import type { VerifyFailure, VerifyInput } from '../contracts/signature.ts'
import { invalidInput } from '../errors.ts'

/** How far a timestamp may be off, in ms, unless the caller says otherwise. */
const DEFAULT_TOLERANCE_MS = 300_000

/** The last instant that a `Date` can hold. */
const MAX_INSTANT = 8_640_000_000_000_000

/** More digits would be no instant in any unit, and lose precision as a number. */
const DIGITS = /^[0-9]{1,15}$/

/** Epoch ms of a header that holds whole seconds in decimal digits and nothing else; `undefined` for any other. */
export function parseSeconds(text: string): number | undefined {
  return DIGITS.test(text) ? Number(text) * 1000 : undefined
}

/** Epoch ms of a header that holds them as a whole decimal number, without leading zeros; `undefined` for any other. */
export function parseMillis(text: string): number | undefined {
  return DIGITS.test(text) && (text === '0' || !text.startsWith('0')) ? Number(text) : undefined
}

/** The epoch seconds of `sentAt`, as they are signed and sent. @throws SignalboxError `invalid_input` */
export function toSeconds(sentAt: number): string {
  return String(Math.floor(checkedInstant(sentAt) / 1000))
}

/** The whole epoch ms of `sentAt`, as they are signed and sent. @throws SignalboxError `invalid_input` */
export function toMillis(sentAt: number): string {
  return String(Math.floor(checkedInstant(sentAt)))
}

function checkedInstant(sentAt: number): number {
  if (sentAt >= 0 && sentAt <= MAX_INSTANT) return sentAt
  throw invalidInput('sentAt', 'must be an instant in epoch milliseconds')
}

/**
 * Why a request of that time is refused, or `undefined` where it is within the tolerance.
 * @throws SignalboxError `invalid_input` when the caller's own `now` or `toleranceMs` is no number: compared with NaN,
 *   every timestamp would pass.
 */
export function refuseTimestamp(timestamp: number, input: VerifyInput): VerifyFailure | undefined {
  const { now = Date.now(), toleranceMs = DEFAULT_TOLERANCE_MS } = input
  if (!Number.isFinite(now)) throw invalidInput('now', 'must be an instant in epoch milliseconds')
  if (!(toleranceMs >= 0)) throw invalidInput('toleranceMs', 'must be 0 or a positive number of milliseconds')
  if (now - timestamp > toleranceMs) return 'timestamp_too_old'
  if (timestamp - now > toleranceMs) return 'timestamp_too_new'
  return undefined
}
