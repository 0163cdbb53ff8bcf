import { describe, expect, it } from 'vitest'
import type { RetryPolicy } from '../../src/contracts/outcome.ts'
import { resolveRetryPolicy } from '../../src/delivery/policy.ts'
import { DEFAULT_DELAYS_MS } from '../../src/delivery/schedule.ts'

describe('resolveRetryPolicy', () => {
  it('fills in the documented defaults', () => {
    const defaults = {
      delaysMs: DEFAULT_DELAYS_MS,
      jitter: 0.2,
      maxRetryAfterMs: 3_600_000,
      ambiguous: 'retry',
      maxAttempts: Number.POSITIVE_INFINITY,
      quick: { maxWaitMs: 2_000 },
    }
    expect(resolveRetryPolicy()).toEqual(defaults)
    expect(resolveRetryPolicy({})).toEqual(defaults)
  })

  it('keeps what was given, and later changes to it do not reach the policy', () => {
    const delaysMs = [1_000]
    const policy = resolveRetryPolicy({ delaysMs, maxAttempts: 2, only: ['rate_limited'], quick: false, jitter: 0 })
    delaysMs.push(5)
    expect(policy.delaysMs).toEqual([1_000])
    expect(policy.only).toEqual(new Set(['rate_limited']))
    expect(policy.quick).toBe(false)
  })

  it.each<[Record<string, unknown>, string]>([
    [{ jitter: 1.1 }, 'retry.jitter'],
    [{ jitter: '0.2' }, 'retry.jitter'],
    [{ jitter: Number.NaN }, 'retry.jitter'],
    [{ delaysMs: 5 }, 'retry.delaysMs'],
    [{ delaysMs: [1, -1] }, 'retry.delaysMs[1]'],
    [{ delaysMs: [Number.POSITIVE_INFINITY] }, 'retry.delaysMs[0]'],
    [{ delaysMs: ['1'] }, 'retry.delaysMs[0]'],
    [{ maxRetryAfterMs: -1 }, 'retry.maxRetryAfterMs'],
    [{ ambiguous: 'maybe' }, 'retry.ambiguous'],
    [{ maxAttempts: 0 }, 'retry.maxAttempts'],
    [{ maxAttempts: 1.5 }, 'retry.maxAttempts'],
    [{ only: 'timeout' }, 'retry.only'],
    [{ only: ['timeout', '503'] }, 'retry.only[1]'],
    [{ only: ['toString'] }, 'retry.only[0]'],
    [{ quick: true }, 'retry.quick'],
    [{ quick: {} }, 'retry.quick.maxWaitMs'],
    [{ quick: { maxWaitMs: 3_600_000 } }, 'retry.quick.maxWaitMs'],
    [{ delayMs: [1] }, 'retry.delayMs'],
  ])('refuses %j, naming %s', (policy, field) => {
    expect(() => resolveRetryPolicy(policy as RetryPolicy)).toThrow(
      expect.objectContaining({ code: 'invalid_input', field }),
    )
  })

  it('names the policy as its owner does', () => {
    expect(() => resolveRetryPolicy({ jitter: 2 }, 'transports[0].retry')).toThrow(/^transports\[0\]\.retry\.jitter: /)
  })
})
