import { checkOptions, invalidInput } from '../../errors.ts'

/** How much a destination takes: `perSecond` on average, `burst` at once. */
export interface RateLimit {
  /** @default 1 */
  readonly perSecond?: number
  /** @default 1 */
  readonly burst?: number
}

export interface Allowance {
  readonly ok: boolean
  /** Ms until the next message is taken; 0 where `remaining` is above 0. */
  readonly waitMs: number
  readonly remaining: number
  readonly limit: number
}

export interface RateLimiter {
  set(limit: RateLimit | false): void
  /** Takes one message's worth of the allowance of `key`; `undefined` while nothing is limited. */
  take(key: string, now: number): Allowance | undefined
}

/** One token bucket a key, on the time that is passed in. */
export function createRateLimiter(): RateLimiter {
  let current: Required<RateLimit> | undefined
  const buckets = new Map<string, { tokens: number; at: number }>()
  return {
    set(limit) {
      buckets.clear()
      current = undefined
      if (limit === false) return
      checkOptions(limit, ['perSecond', 'burst'])
      const { perSecond = 1, burst = 1 } = limit
      if (!(perSecond > 0)) throw invalidInput('perSecond', 'must be above 0')
      if (!Number.isInteger(burst) || burst < 1) throw invalidInput('burst', 'must be a whole number above 0')
      current = { perSecond, burst }
    },
    take(key, now) {
      if (current === undefined) return undefined
      const { perSecond, burst } = current
      const bucket = buckets.get(key) ?? { tokens: burst, at: now }
      const tokens = Math.min(burst, bucket.tokens + (Math.max(0, now - bucket.at) / 1000) * perSecond)
      // what binary fractions lose must not cost a whole message
      const ok = tokens >= 1 - 1e-9
      const left = ok ? Math.max(0, tokens - 1) : tokens
      buckets.set(key, { tokens: left, at: now })
      const waitMs = left >= 1 - 1e-9 ? 0 : Math.ceil(((1 - left) / perSecond) * 1000)
      return { ok, waitMs, remaining: Math.floor(left + 1e-9), limit: burst }
    },
  }
}
