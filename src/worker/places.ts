import type { Lease } from '../contracts/store.ts'

/** The sends of this process: what runs, and how many more may. */
export interface Places {
  /** Leases of what runs. */
  leases(): Lease[]
  readonly running: number
  has(deliveryId: string): boolean
  /** How many more may begin now. */
  free(now: number): number
  /** Epoch ms at which a place comes free at the latest, by the slowness of what runs; `undefined`: when a send ends. */
  nextFreeAt(): number | undefined
  /** Holds `count` places while they are being claimed for. Answers a function that gives them back. */
  reserve(count: number): () => void
  begin(lease: Lease, now: number): void
  end(lease: Lease): void
}

/** A send that runs longer than this gives up its place, in ms: it costs a socket then, and no CPU. */
const SLOW_MS = 250
/** All sends together are at most so many times the places. */
const MAX_SENDS_FACTOR = 4

interface Send {
  readonly lease: Lease
  readonly startedAt: number
  slow: boolean
}

/**
 * Counts what runs. Endpoints that hang would hold all places for their whole deadline, eight each: a slow send makes
 * way for others, up to four times `concurrency` sends in all.
 */
export function createPlaces(concurrency: number): Places {
  const sends = new Map<string, Send>()
  let reserved = 0
  let slow = 0

  /** Those that began first are at the front; the slow ones among them have been told already. */
  function markSlow(now: number): void {
    for (const send of sends.values()) {
      if (send.slow) continue
      if (now - send.startedAt < SLOW_MS) return
      send.slow = true
      slow++
    }
  }

  return {
    leases: () => [...sends.values()].map((send) => send.lease),
    get running() {
      return sends.size
    },
    has: (deliveryId) => sends.has(deliveryId),
    free(now) {
      if (sends.size + reserved >= concurrency) markSlow(now)
      const room = concurrency - (sends.size - slow) - reserved
      return Math.max(0, Math.min(room, concurrency * MAX_SENDS_FACTOR - sends.size - reserved))
    },
    nextFreeAt() {
      if (sends.size + reserved >= concurrency * MAX_SENDS_FACTOR) return undefined
      for (const send of sends.values()) if (!send.slow) return send.startedAt + SLOW_MS
      return undefined
    },
    reserve(count) {
      reserved += count
      return () => {
        reserved -= count
      }
    },
    begin(lease, now) {
      const before = sends.get(lease.deliveryId)
      if (before?.slow) slow--
      // a delivery of which this process lost the lease goes to the end of the order
      sends.delete(lease.deliveryId)
      sends.set(lease.deliveryId, { lease, startedAt: now, slow: false })
    },
    end(lease) {
      const send = sends.get(lease.deliveryId)
      // the same delivery may have been claimed anew by this process after a stall
      if (send?.lease !== lease) return
      if (send.slow) slow--
      sends.delete(lease.deliveryId)
    },
  }
}
