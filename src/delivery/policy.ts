import type { OutcomeCode, RetryPolicy } from '../contracts/outcome.ts'
import { invalidInput } from '../errors.ts'
import { isOutcomeCode } from './reasons.ts'
import { DEFAULT_DELAYS_MS, MAX_DELAY_MS } from './schedule.ts'

/** A {@link RetryPolicy} that was checked, with every default filled in: what `decide` works with. */
export interface ResolvedRetryPolicy {
  readonly delaysMs: readonly number[]
  readonly jitter: number
  readonly maxRetryAfterMs: number
  readonly ambiguous: 'retry' | 'fail'
  /** `Infinity` where only `delaysMs` bounds it. */
  readonly maxAttempts: number
  /** Absent: every code. */
  readonly only?: ReadonlySet<OutcomeCode>
  readonly quick: { readonly maxWaitMs: number } | false
}

const OPTIONS: readonly string[] = Object.freeze([
  'delaysMs',
  'jitter',
  'maxRetryAfterMs',
  'ambiguous',
  'maxAttempts',
  'only',
  'quick',
] satisfies (keyof RetryPolicy)[])

const MAX_QUICK_WAIT_MS = 60_000

/**
 * Checks a retry policy and fills in the defaults that {@link RetryPolicy} documents.
 *
 * `delaysMs: []` ends every delivery after its first round, in which a 429 may still have its quick second try; exactly
 * one exchange is `maxAttempts: 1`.
 *
 * @param field how errors name the policy.
 * @throws SignalboxError `invalid_input` naming the option, e.g. `retry.jitter`.
 */
export function resolveRetryPolicy(policy: RetryPolicy = {}, field = 'retry'): ResolvedRetryPolicy {
  if (typeof policy !== 'object' || policy === null) throw invalidInput(field, 'must be an object')
  for (const key of Object.keys(policy)) {
    if (!OPTIONS.includes(key)) throw invalidInput(`${field}.${key}`, 'is not an option of a retry policy')
  }
  const { delaysMs = DEFAULT_DELAYS_MS, jitter = 0.2, maxRetryAfterMs = 3_600_000, ambiguous = 'retry' } = policy
  const { maxAttempts = Number.POSITIVE_INFINITY, only, quick = { maxWaitMs: 2_000 } } = policy

  if (!Array.isArray(delaysMs)) throw invalidInput(`${field}.delaysMs`, 'must be an array of waits in ms')
  delaysMs.forEach((delay, i) => {
    checkMs(delay, MAX_DELAY_MS, `${field}.delaysMs[${i}]`)
  })
  if (!(typeof jitter === 'number' && jitter >= 0 && jitter <= 1)) {
    throw invalidInput(`${field}.jitter`, 'must be a number from 0 to 1')
  }
  checkMs(maxRetryAfterMs, MAX_DELAY_MS, `${field}.maxRetryAfterMs`)
  if (ambiguous !== 'retry' && ambiguous !== 'fail') {
    throw invalidInput(`${field}.ambiguous`, "must be 'retry' or 'fail'")
  }
  if (!(maxAttempts === Number.POSITIVE_INFINITY || (Number.isInteger(maxAttempts) && maxAttempts >= 1))) {
    throw invalidInput(`${field}.maxAttempts`, 'must be an integer of at least 1')
  }
  if (only !== undefined) checkCodes(only, `${field}.only`)
  if (quick !== false) {
    if (typeof quick !== 'object' || quick === null) {
      throw invalidInput(`${field}.quick`, 'must be false or an object with maxWaitMs')
    }
    checkMs(quick.maxWaitMs, MAX_QUICK_WAIT_MS, `${field}.quick.maxWaitMs`)
  }

  return Object.freeze({
    delaysMs: Object.freeze([...delaysMs]),
    jitter,
    maxRetryAfterMs,
    ambiguous,
    maxAttempts,
    ...(only === undefined ? {} : { only: new Set(only) }),
    quick: quick === false ? false : Object.freeze({ maxWaitMs: quick.maxWaitMs }),
  })
}

function checkMs(value: unknown, max: number, field: string): void {
  if (!(typeof value === 'number' && value >= 0 && value <= max))
    throw invalidInput(field, `must be from 0 to ${max} ms`)
}

function checkCodes(codes: unknown, field: string): void {
  if (!Array.isArray(codes)) throw invalidInput(field, 'must be an array of outcome codes')
  codes.forEach((code: unknown, i) => {
    if (!isOutcomeCode(code)) throw invalidInput(`${field}[${i}]`, 'is not an outcome code')
  })
}
