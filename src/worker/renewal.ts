import type { Clock, Logger } from '../contracts/clock.ts'
import type { DeliveryRepository } from '../contracts/store.ts'
import type { Places } from './places.ts'

/** Keeps the leases of what runs. */
export interface Renewal {
  /** Something began to run: renews until nothing does. */
  begin(): void
  stop(): void
}

/** After one that failed, in ms: a store that was away for a moment must not cost the leases. */
const AGAIN_MS = 1000

/** Renews three times a lease, so that one renewal may fail, or hang until the store gives it up. */
export function createRenewal(options: {
  readonly deliveries: Pick<DeliveryRepository, 'renew'>
  readonly places: Places
  readonly leaseMs: number
  readonly clock: Clock
  readonly logger: Logger
}): Renewal {
  const { deliveries, places, leaseMs, clock, logger } = options
  let cancel: (() => void) | undefined
  let stopped = false

  function begin(): void {
    if (cancel === undefined) renewIn(leaseMs / 3)
  }

  function renewIn(ms: number): void {
    cancel?.()
    cancel = undefined
    if (places.running > 0 && !stopped) cancel = clock.setTimer(clock.now() + ms, renew)
  }

  async function renew(): Promise<void> {
    // the next one does not wait for this one, which may hang
    renewIn(leaseMs / 3)
    if (places.running === 0) return
    try {
      const lost = await deliveries.renew(places.leases(), clock.now() + leaseMs)
      if (lost.length > 0) logger.warn({ deliveries: lost }, 'leases were lost while their sends were running')
    } catch (error) {
      logger.error({ error }, 'leases could not be renewed')
      renewIn(Math.min(AGAIN_MS, leaseMs / 10))
    }
  }

  return {
    begin,
    stop() {
      stopped = true
      cancel?.()
    },
  }
}
