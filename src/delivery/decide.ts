import type { StatusReason } from '../contracts/connection.ts'
import type { NextState } from '../contracts/delivery.ts'
import type { HealthDelta } from '../contracts/health.ts'
import type { Outcome } from '../contracts/outcome.ts'
import type { ResolvedRetryPolicy } from './policy.ts'
import { outcomeText } from './reasons.ts'

type RetryOutcome = Extract<Outcome, { kind: 'retry' }>
type EndOfConnection = Extract<Outcome, { kind: 'gone' | 'reauthorize' }>

export interface DecideInput {
  /** Of the exchange that just ended. Its `detail` may become the reason of a suspension: redact it before. */
  readonly outcome: Outcome
  /** Exchanges of this delivery, this one included. */
  readonly attempts: number
  /** Durable rounds of this delivery that ended in a retry, this one not included. */
  readonly rounds: number
  /** This exchange is the quick second try of its claim. */
  readonly quickTried: boolean
  readonly policy: ResolvedRetryPolicy
  /** Epoch ms: when the exchange ended. */
  readonly now: number
  /** From 0 to 1; for jitter only. */
  readonly random: () => number
}

/** `again`: once more within this claim, after `waitMs`. `settle`: write `next`; the claim is over. */
export type Decision =
  | { readonly kind: 'again'; readonly waitMs: number }
  | {
      readonly kind: 'settle'
      readonly next: Exclude<NextState, { status: 'cancelled' }>
      /** How the last exchange counts for the connection. */
      readonly health: HealthDelta['kind']
      /** Epoch ms: the whole connection cools down until then. */
      readonly blockedUntil?: number
      /** Suspend the connection at once. */
      readonly suspend?: StatusReason
    }

/** A quick second try waits at least so long, in ms: at once would meet the same limit. */
const MIN_QUICK_WAIT_MS = 100
/** A 429 that does not say how long cools the whole connection at most so long, in ms. */
const MAX_UNASKED_COOLDOWN_MS = 60_000
/** … and so long where the policy names no waits. */
const FALLBACK_COOLDOWN_MS = 5_000

/**
 * What follows from one exchange: all rules of retrying, of health and of suspension at once. Pure and total.
 *
 * - A 429 is tried once more within the claim where `policy.quick` allows it and `Retry-After` is absent or short.
 * - A retry ends as `ambiguous` or `exhausted` where the policy says so; else it is due after the round's wait, varied
 *   by `jitter`, and not before `Retry-After` (cut to `maxRetryAfterMs`), varied upwards only.
 * - `Retry-After`, a 429 without one, and a used-up allowance of a delivered one cool the connection.
 * - 429s and rejected messages count neither for nor against the connection, unless its address itself is refused.
 * - `gone` and `reauthorize` suspend it; the delivery fails and can be replayed.
 */
export function decide(input: DecideInput): Decision {
  const { outcome } = input
  switch (outcome.kind) {
    case 'delivered': {
      const receipt = outcome.receipt === undefined ? {} : { receipt: outcome.receipt }
      const pauseMs = Math.min(sane(outcome.cooldownMs) ?? 0, input.policy.maxRetryAfterMs)
      const cooldown = pauseMs > 0 ? { blockedUntil: Math.ceil(input.now + pauseMs) } : {}
      return { kind: 'settle', next: { status: 'delivered', ...receipt }, health: 'success', ...cooldown }
    }
    case 'retry':
      return decideRetry(outcome, input)
    case 'gone':
    case 'reauthorize':
      return {
        kind: 'settle',
        next: { status: 'failed', failure: outcome.kind },
        health: 'failure',
        suspend: suspension(outcome, input.now),
      }
    default: {
      const refused = outcome.code === 'blocked_address' || outcome.code === 'blocked_url'
      return {
        kind: 'settle',
        next: { status: 'failed', failure: 'rejected' },
        health: refused ? 'failure' : 'neutral',
      }
    }
  }
}

function decideRetry(outcome: RetryOutcome, input: DecideInput): Decision {
  const { attempts, rounds, policy, now } = input
  const limited = outcome.code === 'rate_limited'
  const wanted = policy.only?.has(outcome.code) ?? true
  const unsafe = outcome.ambiguous === true && policy.ambiguous === 'fail'

  if (limited && wanted && !unsafe && attempts < policy.maxAttempts && !input.quickTried && policy.quick) {
    const waitMs = quickWait(outcome.retryAfterMs, policy.quick.maxWaitMs, policy.jitter, input.random)
    if (waitMs !== undefined) return { kind: 'again', waitMs }
  }

  const asked = Math.min(sane(outcome.retryAfterMs) ?? 0, policy.maxRetryAfterMs)
  const delayMs = policy.delaysMs[rounds]
  const final = unsafe || !wanted || attempts >= policy.maxAttempts || delayMs === undefined
  const scheduled = vary(delayMs ?? policy.delaysMs.at(-1) ?? FALLBACK_COOLDOWN_MS, policy.jitter, input.random)
  const cooldownMs = asked > 0 ? asked : limited ? Math.min(scheduled, MAX_UNASKED_COOLDOWN_MS) : 0
  const floor = above(asked, policy.jitter, policy.maxRetryAfterMs, input.random)

  return {
    kind: 'settle',
    next: final
      ? { status: 'failed', failure: unsafe ? 'ambiguous' : 'exhausted' }
      : { status: 'pending', dueAt: Math.ceil(now + Math.max(scheduled, floor)) },
    health: limited ? 'neutral' : 'failure',
    ...(cooldownMs > 0 ? { blockedUntil: Math.ceil(now + cooldownMs) } : {}),
  }
}

/** The wait before the quick second try, or `undefined` where `Retry-After` is too long for one. */
function quickWait(
  retryAfterMs: number | undefined,
  maxWaitMs: number,
  jitter: number,
  random: () => number,
): number | undefined {
  const asked = sane(retryAfterMs)
  const least = Math.min(MIN_QUICK_WAIT_MS, maxWaitMs)
  if (asked === undefined) return Math.ceil(least + unit(random) * (maxWaitMs - least))
  if (asked > maxWaitMs) return undefined
  return Math.ceil(above(Math.max(asked, least), jitter, maxWaitMs, random))
}

/** A wait in `ms × (1 ± jitter)`. */
function vary(ms: number, jitter: number, random: () => number): number {
  return ms * (1 + jitter * (2 * unit(random) - 1))
}

/** A wait in `ms × (1 + jitter)`, at most `max`, never below `ms`: those who were sent away do not return as one. */
function above(ms: number, jitter: number, max: number, random: () => number): number {
  return ms === 0 ? 0 : Math.min(ms * (1 + jitter * unit(random)), max)
}

/** Transports and generators of third parties may answer what they should not: `decide` stays total. */
function sane(ms: number | undefined): number | undefined {
  return ms === undefined || Number.isNaN(ms) ? undefined : Math.max(0, ms)
}

function unit(random: () => number): number {
  const value = random()
  return value >= 0 ? Math.min(value, 1) : 0
}

function suspension(outcome: EndOfConnection, now: number): StatusReason {
  return { code: outcome.code, text: outcome.detail ?? outcomeText(outcome.code, outcome.status), since: now }
}
