import type { LatestDelivery } from './connection.ts'

/** What one settlement changes in a connection's health. Applied by `applyHealth`, in the order of settlement. */
export interface HealthDelta {
  /** `neutral`: neither (a 429, a rejected message): only the latest delivery is noted. */
  readonly kind: 'success' | 'failure' | 'neutral'
  /** Failed exchanges that count, where `kind` is `failure`. */
  readonly failures: number
  /** Epoch ms of the exchange. */
  readonly at: number
  readonly latest: LatestDelivery
}
