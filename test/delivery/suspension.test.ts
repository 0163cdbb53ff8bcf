import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Health } from '../../src/contracts/connection.ts'
import type { HealthDelta } from '../../src/contracts/health.ts'
import { applyHealth, NEW_HEALTH } from '../../src/delivery/health.ts'
import { DEFAULT_SUSPENSION_POLICY, resolveSuspensionPolicy, suspensionFor } from '../../src/delivery/suspension.ts'

const DAY = 86_400_000
const failing = (consecutiveFailures: number, firstFailureAt: number): Health => ({
  consecutiveFailures,
  firstFailureAt,
})

describe('suspension', () => {
  it('needs both five days and ten failures in a row', () => {
    const at = (health: Health, now: number) => suspensionFor(health, DEFAULT_SUSPENSION_POLICY, now)
    expect(at(failing(10, 0), 5 * DAY)).toEqual({
      code: 'failing',
      text: 'Nothing was delivered for 5 days, 10 attempts failed in a row.',
      since: 5 * DAY,
    })
    expect(at(failing(10, 0), 5 * DAY - 1)).toBeUndefined()
    expect(at(failing(9, 0), 50 * DAY)).toBeUndefined()
    expect(at(NEW_HEALTH, 50 * DAY)).toBeUndefined()
  })

  it('tells what failed last', () => {
    const latest = { deliveryId: 'dlv_1', status: 'failed', at: 1, code: 'http_5xx', httpStatus: 500 } as const
    const policy = resolveSuspensionPolicy({ suspendAfterMs: 0, suspendAfterAttempts: 1 })
    expect(suspensionFor({ ...failing(3, 0), latest }, policy, 3 * 3_600_000)?.text).toBe(
      'Nothing was delivered for 3 hours, 3 attempts failed in a row. Latest: The destination failed with an error of its own (HTTP 500).',
    )
  })

  it('is switched off by Infinity', () => {
    const policy = resolveSuspensionPolicy({ suspendAfterMs: Number.POSITIVE_INFINITY })
    expect(suspensionFor(failing(1e6, 0), policy, 1e15)).toBeUndefined()
  })

  it.each([
    [{ suspendAfterMs: -1 }, 'health.suspendAfterMs'],
    [{ suspendAfterMs: Number.NaN }, 'health.suspendAfterMs'],
    [{ suspendAfterAttempts: 0 }, 'health.suspendAfterAttempts'],
  ])('refuses %j, naming %s', (policy, field) => {
    expect(() => resolveSuspensionPolicy(policy)).toThrow(expect.objectContaining({ code: 'invalid_input', field }))
  })

  it('happens exactly by the rule, after any course of events, and never after a success', () => {
    const kinds = fc.constantFrom<HealthDelta['kind']>('success', 'failure', 'neutral')
    const steps = fc.array(fc.record({ kind: kinds, after: fc.integer({ min: 0, max: DAY }) }), { maxLength: 60 })
    fc.assert(
      fc.property(steps, (course) => {
        let health: Health = NEW_HEALTH
        let now = 1
        let failures = 0
        let since: number | undefined
        for (const { kind, after } of course) {
          now += after
          const latest = { deliveryId: 'd', status: 'failed', at: now } as const
          health = applyHealth(health, { kind, failures: kind === 'failure' ? 1 : 0, at: now, latest })
          if (kind === 'failure') {
            failures += 1
            since ??= now
          } else if (kind === 'success') {
            failures = 0
            since = undefined
          }
          const due = failures >= 10 && since !== undefined && now - since >= 5 * DAY
          expect(suspensionFor(health, DEFAULT_SUSPENSION_POLICY, now) !== undefined).toBe(due)
        }
      }),
    )
  })
})
