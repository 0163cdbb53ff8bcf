import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Outcome, OutcomeCode, RetryPolicy } from '../../src/contracts/outcome.ts'
import { type DecideInput, decide } from '../../src/delivery/decide.ts'
import { resolveRetryPolicy } from '../../src/delivery/policy.ts'

const NOW = 1_800_000_000_000
const codes = fc.constantFrom<OutcomeCode>('timeout', 'http_5xx', 'rate_limited', 'connection_reset', 'redirect')
const wait = fc.oneof(fc.integer({ min: 0, max: 5_000 }), fc.integer({ min: 0, max: 1e8 }))
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined })

const retry: fc.Arbitrary<Outcome> = fc
  .record({ code: codes, retryAfterMs: optional(wait), ambiguous: fc.boolean() })
  .map(({ retryAfterMs, ...rest }) => ({
    kind: 'retry',
    ...rest,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  }))

const outcome: fc.Arbitrary<Outcome> = fc.oneof(
  { weight: 6, arbitrary: retry },
  fc.constantFrom<Outcome>(
    { kind: 'delivered', status: 200 },
    { kind: 'rejected', code: 'invalid_payload' },
    { kind: 'rejected', code: 'blocked_address' },
    { kind: 'gone', code: 'target_gone' },
    { kind: 'reauthorize', code: 'token_expired' },
  ),
)

const policy: fc.Arbitrary<RetryPolicy> = fc.record(
  {
    delaysMs: fc.array(wait, { maxLength: 6 }),
    jitter: fc.double({ min: 0, max: 1, noNaN: true }),
    maxRetryAfterMs: wait,
    ambiguous: fc.constantFrom('retry' as const, 'fail' as const),
    maxAttempts: fc.integer({ min: 1, max: 12 }),
    only: fc.uniqueArray(codes),
    quick: fc.oneof(fc.constant(false as const), fc.record({ maxWaitMs: fc.integer({ min: 0, max: 10_000 }) })),
  },
  { requiredKeys: [] },
)

const input: fc.Arbitrary<DecideInput> = fc
  .record({
    outcome,
    attempts: fc.integer({ min: 1, max: 20 }),
    rounds: fc.integer({ min: 0, max: 12 }),
    quickTried: fc.boolean(),
    policy: policy.map((one) => resolveRetryPolicy(one)),
    now: fc.constant(NOW),
    seed: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  .map(({ seed, ...rest }) => ({ ...rest, random: () => seed }))

/** Runs a delivery to its end against outcomes from `next`; answers how many exchanges it made. */
function run(retryPolicy: RetryPolicy, random: () => number, next: () => Outcome): number {
  const resolved = resolveRetryPolicy(retryPolicy)
  let [attempts, rounds, quickTried, now] = [0, 0, false, NOW]
  for (;;) {
    attempts += 1
    if (attempts > 1_000) throw new Error('it never ends')
    const decision = decide({ outcome: next(), attempts, rounds, quickTried, policy: resolved, now, random })
    if (decision.kind === 'again') {
      expect(quickTried).toBe(false)
      quickTried = true
      now += decision.waitMs
    } else if (decision.next.status === 'pending') {
      rounds += 1
      quickTried = false
      now = decision.next.dueAt
    } else {
      return attempts
    }
  }
}

describe('decide', () => {
  it('ends in a final state or in a later try, never in between', () => {
    fc.assert(
      fc.property(input, (given) => {
        const decision = decide(given)
        if (decision.kind === 'again') {
          expect(Number.isSafeInteger(decision.waitMs) && decision.waitMs >= 0).toBe(true)
          return
        }
        if (decision.next.status !== 'pending') return
        expect(given.outcome.kind).toBe('retry')
        expect(Number.isSafeInteger(decision.next.dueAt) && decision.next.dueAt >= NOW).toBe(true)
        expect(decision.blockedUntil ?? 0).toBeLessThanOrEqual(decision.next.dueAt)
      }),
    )
  })

  it('never waits less than Retry-After (cut to its cap), nor longer than the cap or the schedule allows', () => {
    fc.assert(
      fc.property(input, retry, (given, failed) => {
        const { policy: resolved, rounds } = given
        const decision = decide({ ...given, outcome: failed })
        const asked = failed.kind === 'retry' ? (failed.retryAfterMs ?? 0) : 0
        if (decision.kind === 'again') {
          const most = resolved.quick ? resolved.quick.maxWaitMs : -1
          expect(decision.waitMs).toBeGreaterThanOrEqual(Math.max(asked, Math.min(100, most)))
          expect(decision.waitMs).toBeLessThanOrEqual(most)
        } else if (decision.next.status === 'pending') {
          const waited = decision.next.dueAt - NOW
          const delay = resolved.delaysMs[rounds] ?? Number.NaN
          const floor = Math.min(asked, resolved.maxRetryAfterMs)
          const longest = Math.max(delay * (1 + resolved.jitter), floor === 0 ? 0 : resolved.maxRetryAfterMs)
          expect(waited).toBeGreaterThanOrEqual(Math.max(floor, Math.floor(delay * (1 - resolved.jitter))))
          expect(waited).toBeLessThanOrEqual(Math.ceil(longest))
        }
      }),
    )
  })

  it('cools a connection only when it was asked to slow down, and for no longer than asked or a minute', () => {
    fc.assert(
      fc.property(input, (given) => {
        const decision = decide(given)
        if (decision.kind === 'again' || decision.blockedUntil === undefined) return
        if (given.outcome.kind !== 'retry') throw new Error(`${given.outcome.kind} cooled the connection`)
        const asked = Math.min(given.outcome.retryAfterMs ?? 0, given.policy.maxRetryAfterMs)
        expect(asked > 0 || given.outcome.code === 'rate_limited').toBe(true)
        expect(decision.blockedUntil - NOW).toBeLessThanOrEqual(asked > 0 ? asked : 60_000)
      }),
    )
  })

  it('counts every success, and suspends only for gone and reauthorize', () => {
    fc.assert(
      fc.property(input, (given) => {
        const decision = decide(given)
        if (decision.kind === 'again') {
          expect(given.outcome).toMatchObject({ kind: 'retry', code: 'rate_limited' })
          return
        }
        expect(decision.health === 'success').toBe(given.outcome.kind === 'delivered')
        const over = given.outcome.kind === 'gone' || given.outcome.kind === 'reauthorize'
        expect(decision.suspend !== undefined).toBe(over)
        if (given.outcome.kind === 'retry') {
          expect(decision.health).toBe(given.outcome.code === 'rate_limited' ? 'neutral' : 'failure')
        }
      }),
    )
  })

  it('answers the same for the same randomness', () => {
    fc.assert(
      fc.property(input, (given) => {
        expect(decide(given)).toEqual(decide(given))
      }),
    )
  })

  it('answers, with whole instants, whatever transports and generators report', () => {
    const strange = fc.constantFrom(Number.NaN, -1, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, 1.5, 1e300)
    fc.assert(
      fc.property(input, codes, strange, strange, fc.nat(30), (given, code, retryAfterMs, value, rounds) => {
        const decision = decide({
          ...given,
          outcome: { kind: 'retry', code, retryAfterMs },
          rounds,
          random: () => value,
        })
        const instant =
          decision.kind === 'again' ? decision.waitMs : decision.next.status === 'pending' ? decision.next.dueAt : 0
        expect(Number.isSafeInteger(instant)).toBe(true)
        if (decision.kind === 'settle') expect(Number.isSafeInteger(decision.blockedUntil ?? 0)).toBe(true)
      }),
    )
  })
})

describe('a whole delivery', () => {
  const course = fc.infiniteStream(retry)
  const randoms = fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }))
  const take = <T>(stream: fc.Stream<T>) => {
    return (): T => {
      const { value, done } = stream.next()
      if (done) throw new Error('the stream ended')
      return value
    }
  }

  it('ends, within maxAttempts and within two exchanges a round', () => {
    fc.assert(
      fc.property(policy, course, randoms, (retryPolicy, outcomes, numbers) => {
        const resolved = resolveRetryPolicy(retryPolicy)
        const most = Math.min(resolved.maxAttempts, (resolved.delaysMs.length + 1) * (resolved.quick ? 2 : 1))
        expect(run(retryPolicy, take(numbers), take(outcomes))).toBeLessThanOrEqual(most)
      }),
    )
  })

  it('never makes more than two exchanges by the policy of a Ghost workspace', () => {
    const ghost: RetryPolicy = {
      delaysMs: [1_000],
      maxAttempts: 2,
      only: ['rate_limited'],
      quick: { maxWaitMs: 2_000 },
    }
    fc.assert(
      fc.property(course, randoms, (outcomes, numbers) => {
        let first: Outcome | undefined
        const exchanges = run(ghost, take(numbers), () => {
          const next = take(outcomes)()
          first ??= next
          return next
        })
        const expected = first?.kind === 'retry' && first.code === 'rate_limited' ? 2 : 1
        expect(exchanges).toBe(expected)
      }),
    )
  })
})
