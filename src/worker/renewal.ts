import type { Clock, Logger } from '../contracts/clock.ts'
import type { DeliveryRepository } from '../contracts/store.ts'
import type { Places } from './places.ts'

/** Keeps the leases of what runs. */
export interface Renewal {
  /** Something began to run: renews until nothing does. */
  begin(): void
  stop(): void
}

/** Renews three times a lease, so that one renewal may fail. */
export function createRenewal(options: {
  readonly deliveries: Pick<DeliveryRepository, 'renew'>
  readonly places: Places
  readonly leaseMs: number
  readonly clock: Clock
  readonly logger: Logger
}): Renewal {
  const { deliveries, places, leaseMs, clock, logger } = options
  let cancel: (() => void) | undefined

  function begin(): void {
    if (places.running > 0) cancel ??= clock.setTimer(clock.now() + leaseMs / 3, renew)
  }

  async function renew(): Promise<void> {
    cancel = undefined
    if (places.running === 0) return
    try {
      const lost = await deliveries.renew(places.leases(), clock.now() + leaseMs)
      if (lost.length > 0) logger.warn({ deliveries: lost }, 'leases were lost while their sends were running')
    } catch (error) {
      logger.error({ error }, 'leases could not be renewed')
    }
    begin()
  }

  return { begin, stop: () => cancel?.() }
}
