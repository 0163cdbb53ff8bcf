import { invalidInput } from '../errors.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/** The longest wait that a schedule may name, in ms: one year. */
export const MAX_DELAY_MS: number = 365 * 24 * HOUR

/**
 * The waits, in ms, that Standard Webhooks 1.0.0 recommends between attempts: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h,
 * 20 h, 24 h: ten attempts over a little more than three days.
 */
export const DEFAULT_DELAYS_MS: readonly number[] = Object.freeze([
  5 * SECOND,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  24 * HOUR,
])

export interface ExponentialDelaysOptions {
  /** The first wait, in ms. */
  readonly firstMs: number
  /** Each wait is so many times the one before; at least 1. @default 2 */
  readonly factor?: number
  /** No wait is longer, in ms. @default 86_400_000 (24 h) */
  readonly maxMs?: number
  /** Attempts in all, the first included: there is one wait fewer. 1 to 1000. */
  readonly attempts: number
}

/**
 * Waits that grow by a factor, for `delaysMs` of a retry policy.
 *
 * @example exponentialDelays({ firstMs: 1_000, attempts: 5 }) // [1_000, 2_000, 4_000, 8_000]
 * @throws SignalboxError `invalid_input`
 */
export function exponentialDelays(options: ExponentialDelaysOptions): readonly number[] {
  const { firstMs, factor = 2, maxMs = 24 * HOUR, attempts } = options
  if (!(firstMs >= 0 && firstMs <= MAX_DELAY_MS)) throw invalidInput('firstMs', `must be from 0 to ${MAX_DELAY_MS} ms`)
  if (!(factor >= 1 && Number.isFinite(factor))) throw invalidInput('factor', 'must be a finite number of at least 1')
  if (!(maxMs >= 0 && maxMs <= MAX_DELAY_MS)) throw invalidInput('maxMs', `must be from 0 to ${MAX_DELAY_MS} ms`)
  if (!(Number.isInteger(attempts) && attempts >= 1 && attempts <= 1000)) {
    throw invalidInput('attempts', 'must be an integer from 1 to 1000')
  }
  // `||`: nothing times an overflowing power is not a number.
  const waits = Array.from({ length: attempts - 1 }, (_, i) => Math.round(Math.min(maxMs, firstMs * factor ** i || 0)))
  return Object.freeze(waits)
}
