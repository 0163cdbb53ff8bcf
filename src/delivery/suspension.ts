import type { Health, StatusReason } from '../contracts/connection.ts'
import { invalidInput } from '../errors.ts'
import { isOutcomeCode, outcomeText } from './reasons.ts'

/** When a failing connection is suspended: after both. `Infinity`: never. */
export interface SuspensionPolicy {
  /** How long it has been failing, in ms. @default 432_000_000 (5 days) */
  readonly suspendAfterMs: number
  /** Failed exchanges in a row. @default 10 */
  readonly suspendAfterAttempts: number
}

const DAY_MS = 86_400_000

export const DEFAULT_SUSPENSION_POLICY: SuspensionPolicy = Object.freeze({
  suspendAfterMs: 5 * DAY_MS,
  suspendAfterAttempts: 10,
})

/**
 * Checks the dispatcher's `health` option and fills in the defaults.
 * @throws SignalboxError `invalid_input` naming the option, e.g. `health.suspendAfterMs`.
 */
export function resolveSuspensionPolicy(policy: Partial<SuspensionPolicy> = {}, field = 'health'): SuspensionPolicy {
  if (typeof policy !== 'object' || policy === null) throw invalidInput(field, 'must be an object')
  const {
    suspendAfterMs = DEFAULT_SUSPENSION_POLICY.suspendAfterMs,
    suspendAfterAttempts = DEFAULT_SUSPENSION_POLICY.suspendAfterAttempts,
  } = policy
  if (!(typeof suspendAfterMs === 'number' && suspendAfterMs >= 0)) {
    throw invalidInput(`${field}.suspendAfterMs`, 'must be a number of ms, 0 or more')
  }
  if (!(typeof suspendAfterAttempts === 'number' && suspendAfterAttempts >= 1)) {
    throw invalidInput(`${field}.suspendAfterAttempts`, 'must be a number of at least 1')
  }
  return Object.freeze({ suspendAfterMs, suspendAfterAttempts })
}

/**
 * Why a connection with this health is to be suspended now, or `undefined` where it is not. Pure.
 *
 * @param now epoch ms.
 */
export function suspensionFor(health: Health, policy: SuspensionPolicy, now: number): StatusReason | undefined {
  const { firstFailureAt, consecutiveFailures, latest } = health
  if (firstFailureAt === undefined || consecutiveFailures < Math.max(1, policy.suspendAfterAttempts)) return undefined
  const failingMs = now - firstFailureAt
  if (failingMs < policy.suspendAfterMs) return undefined
  const last = isOutcomeCode(latest?.code) ? ` Latest: ${outcomeText(latest.code, latest.httpStatus)}.` : ''
  const text = `Nothing was delivered for ${inWords(failingMs)}, ${consecutiveFailures} attempts failed in a row.${last}`
  return { code: 'failing', text, since: now }
}

function inWords(ms: number): string {
  if (ms >= 2 * DAY_MS) return `${Math.floor(ms / DAY_MS)} days`
  if (ms >= 7_200_000) return `${Math.floor(ms / 3_600_000)} hours`
  return `${Math.max(0, Math.floor(ms / 60_000))} minutes`
}
