import { describe, expect, it } from 'vitest'
import type { Outcome, RetryPolicy } from '../../src/contracts/outcome.ts'
import { type DecideInput, type Decision, decide } from '../../src/delivery/decide.ts'
import { resolveRetryPolicy } from '../../src/delivery/policy.ts'

const NOW = 1_800_000_000_000

/** The first exchange of a delivery, in the middle of every random range, where nothing else is said. */
function verdictOn(
  outcome: Outcome,
  rest: Partial<Omit<DecideInput, 'policy'>> = {},
  policy: RetryPolicy = {},
): Decision {
  return decide({
    outcome,
    attempts: 1,
    rounds: 0,
    quickTried: false,
    now: NOW,
    random: () => 0.5,
    ...rest,
    policy: resolveRetryPolicy(policy),
  })
}

const limited = (retryAfterMs?: number): Outcome => ({
  kind: 'retry',
  code: 'rate_limited',
  status: 429,
  ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
})
const down: Outcome = { kind: 'retry', code: 'http_5xx', status: 503 }

describe('a delivered message', () => {
  it('is delivered, keeps its receipt, and clears the connection’s health', () => {
    expect(verdictOn({ kind: 'delivered', status: 200, receipt: { ts: '1.2' } })).toEqual({
      kind: 'settle',
      next: { status: 'delivered', receipt: { ts: '1.2' } },
      health: 'success',
    })
  })

  it('that used the allowance up cools the whole connection, for at most the longest Retry-After', () => {
    const cooling = (cooldownMs: number) => {
      const decision = verdictOn({ kind: 'delivered', cooldownMs }, {}, { maxRetryAfterMs: 60_000 })
      return decision.kind === 'settle' ? decision.blockedUntil : undefined
    }
    expect(cooling(1_500.2)).toBe(NOW + 1_501)
    expect(cooling(90_000)).toBe(NOW + 60_000)
    expect([cooling(0), cooling(-5), cooling(Number.NaN)]).toEqual([undefined, undefined, undefined])
    expect(verdictOn({ kind: 'delivered', cooldownMs: 1_000 })).toMatchObject({
      next: { status: 'delivered' },
      health: 'success',
    })
  })
})

describe('a failure that may pass', () => {
  it('is tried again after the round’s wait, varied by the jitter', () => {
    const dueIn = (rounds: number, random: number) => {
      const decision = verdictOn(down, { rounds, attempts: rounds + 1, random: () => random })
      return decision.kind === 'settle' && decision.next.status === 'pending' ? decision.next.dueAt - NOW : undefined
    }
    expect(dueIn(0, 0.5)).toBe(5_000)
    expect(dueIn(0, 0)).toBe(4_000)
    expect(dueIn(1, 1)).toBe(360_000)
    expect(dueIn(8, 0.5)).toBe(86_400_000)
  })

  it('counts against the connection and leaves it open to others', () => {
    expect(verdictOn(down)).toMatchObject({ health: 'failure' })
    expect(verdictOn(down)).not.toHaveProperty('blockedUntil')
    expect(verdictOn(down)).not.toHaveProperty('suspend')
  })

  it('ends when the schedule is used up, the attempts are, or the policy does not want the code', () => {
    const exhausted = { kind: 'settle', next: { status: 'failed', failure: 'exhausted' }, health: 'failure' }
    expect(verdictOn(down, { rounds: 9, attempts: 10 })).toEqual(exhausted)
    expect(verdictOn(down, { rounds: 1, attempts: 3 }, { maxAttempts: 3 })).toEqual(exhausted)
    expect(verdictOn(down, {}, { only: ['timeout'] })).toEqual(exhausted)
  })

  it('ends as ambiguous where it may have arrived and the policy takes no chance', () => {
    const lost: Outcome = { kind: 'retry', code: 'timeout', ambiguous: true }
    expect(verdictOn(lost, {}, { ambiguous: 'fail' })).toMatchObject({
      next: { status: 'failed', failure: 'ambiguous' },
    })
    expect(verdictOn(lost)).toMatchObject({ next: { status: 'pending' } })
    expect(verdictOn({ kind: 'retry', code: 'timeout' }, {}, { ambiguous: 'fail' })).toMatchObject({
      next: { status: 'pending' },
    })
  })
})

describe('Retry-After', () => {
  const unavailable = (retryAfterMs: number): Outcome => ({
    kind: 'retry',
    code: 'http_5xx',
    status: 503,
    retryAfterMs,
  })

  it('is a floor for the delivery and a cooldown for the connection', () => {
    expect(verdictOn(unavailable(60_000), { random: () => 0 })).toMatchObject({
      next: { status: 'pending', dueAt: NOW + 60_000 },
      blockedUntil: NOW + 60_000,
    })
    expect(verdictOn(unavailable(60_000), { random: () => 1 })).toMatchObject({
      next: { status: 'pending', dueAt: NOW + 72_000 },
      blockedUntil: NOW + 60_000,
    })
  })

  it('does not shorten a longer wait of the schedule', () => {
    expect(verdictOn(unavailable(1_000), { rounds: 1 })).toMatchObject({ next: { dueAt: NOW + 300_000 } })
  })

  it('is cut to an hour', () => {
    expect(verdictOn(unavailable(86_400_000), { random: () => 1 })).toMatchObject({
      next: { status: 'pending', dueAt: NOW + 3_600_000 },
      blockedUntil: NOW + 3_600_000,
    })
  })

  it('cools the connection also when this delivery has ended', () => {
    expect(verdictOn(unavailable(9_000), {}, { maxAttempts: 1 })).toMatchObject({
      next: { status: 'failed', failure: 'exhausted' },
      blockedUntil: NOW + 9_000,
    })
  })
})

describe('a 429', () => {
  it('is tried once more in the same claim, after a short random wait or after a short Retry-After', () => {
    expect(verdictOn(limited())).toEqual({ kind: 'again', waitMs: 1_050 })
    expect(verdictOn(limited(), { random: () => 0 })).toEqual({ kind: 'again', waitMs: 100 })
    expect(verdictOn(limited(), { random: () => 1 })).toEqual({ kind: 'again', waitMs: 2_000 })
    expect(verdictOn(limited(1_000), { random: () => 0 })).toEqual({ kind: 'again', waitMs: 1_000 })
    expect(verdictOn(limited(2_000), { random: () => 1 })).toEqual({ kind: 'again', waitMs: 2_000 })
    expect(verdictOn(limited(0), { random: () => 0 })).toEqual({ kind: 'again', waitMs: 100 })
  })

  it('is waited for durably when Retry-After is long, the quick try was made, or quick is off', () => {
    const durable = { kind: 'settle', next: { status: 'pending' }, health: 'neutral' }
    expect(verdictOn(limited(2_001))).toMatchObject({ ...durable, blockedUntil: NOW + 2_001 })
    expect(verdictOn(limited(), { quickTried: true, attempts: 2 })).toMatchObject({
      ...durable,
      next: { dueAt: NOW + 5_000 },
      blockedUntil: NOW + 5_000,
    })
    expect(verdictOn(limited(), {}, { quick: false })).toMatchObject(durable)
  })

  it('cools the connection by no more than a minute when nobody said how long', () => {
    expect(verdictOn(limited(), { quickTried: true, attempts: 8, rounds: 6 })).toMatchObject({
      next: { dueAt: NOW + 14 * 3_600_000 },
      blockedUntil: NOW + 60_000,
    })
    expect(verdictOn(limited(), { quickTried: true, attempts: 2 }, { delaysMs: [] })).toMatchObject({
      next: { status: 'failed' },
      blockedUntil: NOW + 5_000,
    })
  })

  it('is final where the policy does not want it, allows one attempt, or takes no chance', () => {
    const unsure: Outcome = { kind: 'retry', code: 'rate_limited', ambiguous: true }
    expect(verdictOn(unsure, {}, { ambiguous: 'fail' })).toMatchObject({ next: { failure: 'ambiguous' } })
    expect(verdictOn(limited(), {}, { only: ['timeout'] })).toMatchObject({ next: { failure: 'exhausted' } })
    expect(verdictOn(limited(), {}, { maxAttempts: 1 })).toMatchObject({ next: { failure: 'exhausted' } })
  })
})

describe('the end', () => {
  it('of a rejected message says nothing about the connection', () => {
    expect(verdictOn({ kind: 'rejected', code: 'payload_too_large', status: 413 })).toEqual({
      kind: 'settle',
      next: { status: 'failed', failure: 'rejected' },
      health: 'neutral',
    })
  })

  it.each(['blocked_address', 'blocked_url'] as const)('by %s counts against the connection', (code) => {
    expect(verdictOn({ kind: 'rejected', code })).toMatchObject({ next: { failure: 'rejected' }, health: 'failure' })
  })

  it('of a destination or a credential suspends the connection at once, with the reason in words', () => {
    expect(verdictOn({ kind: 'gone', code: 'gone', status: 410 })).toEqual({
      kind: 'settle',
      next: { status: 'failed', failure: 'gone' },
      health: 'failure',
      suspend: { code: 'gone', text: 'The destination no longer exists (HTTP 410)', since: NOW },
    })
    expect(
      verdictOn({ kind: 'reauthorize', code: 'token_revoked', detail: 'Slack withdrew the token.' }),
    ).toMatchObject({
      next: { status: 'failed', failure: 'reauthorize' },
      suspend: { code: 'token_revoked', text: 'Slack withdrew the token.' },
    })
  })
})

describe('the policy of a Ghost workspace', () => {
  const policy: RetryPolicy = {
    delaysMs: [1_000],
    maxAttempts: 2,
    only: ['rate_limited'],
    quick: { maxWaitMs: 2_000 },
  }

  it('tries a 429 once more, at once or durably after a long Retry-After, and then no more', () => {
    expect(verdictOn(limited(), {}, policy)).toMatchObject({ kind: 'again' })
    expect(verdictOn(limited(), { attempts: 2, quickTried: true }, policy)).toMatchObject({
      next: { failure: 'exhausted' },
    })
    expect(verdictOn(limited(30_000), { random: () => 0 }, policy)).toMatchObject({ next: { dueAt: NOW + 30_000 } })
    expect(verdictOn(limited(), { attempts: 2, rounds: 1 }, policy)).toMatchObject({ next: { failure: 'exhausted' } })
  })

  it('takes any other failure for final', () => {
    expect(verdictOn(down, {}, policy)).toMatchObject({ next: { status: 'failed', failure: 'exhausted' } })
    expect(verdictOn({ kind: 'retry', code: 'timeout', ambiguous: true }, {}, policy)).toMatchObject({
      next: { status: 'failed', failure: 'exhausted' },
    })
  })
})
