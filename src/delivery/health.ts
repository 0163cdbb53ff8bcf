import type { Health } from '../contracts/connection.ts'
import type { HealthDelta } from '../contracts/health.ts'

export const NEW_HEALTH: Health = Object.freeze({ consecutiveFailures: 0 })

/** Applies one settlement's delta. A success always clears the failures; a neutral one leaves them. Pure. */
export function applyHealth(health: Health, delta: HealthDelta): Health {
  const latest = health.latest !== undefined && health.latest.at > delta.at ? health.latest : delta.latest
  const lastAttemptAt = Math.max(health.lastAttemptAt ?? 0, delta.at)
  const lastSuccessAt = health.lastSuccessAt
  switch (delta.kind) {
    case 'success':
      return { consecutiveFailures: 0, lastSuccessAt: Math.max(lastSuccessAt ?? 0, delta.at), lastAttemptAt, latest }
    case 'failure':
      return {
        consecutiveFailures: health.consecutiveFailures + delta.failures,
        firstFailureAt: health.firstFailureAt ?? delta.at,
        ...(lastSuccessAt === undefined ? {} : { lastSuccessAt }),
        lastAttemptAt,
        latest,
      }
    case 'neutral':
      return { ...health, lastAttemptAt, latest }
  }
}
