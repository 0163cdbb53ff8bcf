import type { Logger } from '../contracts/clock.ts'
import type { Settlement } from '../contracts/delivery.ts'
import type { DeliveryRepository, SettleResult } from '../contracts/store.ts'

/** Writes results in batches. */
export interface Settler {
  /** Queues a result; `more`: whether further results are likely to arrive within a moment. */
  add(settlement: Settlement, more: boolean): void
  /** Results not written yet. */
  readonly size: number
  /** Begins to write what is queued, unless a write is under way: another call to the store is due in any case. */
  begin(): void
  /** Writes what is queued; resolves when all of it has been written or given up. */
  flush(): Promise<void>
}

export interface SettlerOptions {
  readonly deliveries: DeliveryRepository
  /** A batch of this size is written at once. */
  readonly maxBatch: number
  /** Longest wait of a result for others to join its batch, in ms. */
  readonly maxWaitMs: number
  /** How long a write that fails is tried again, in ms: past the leases nothing can be settled. */
  readonly giveUpAfterMs: number
  /** Aborted at the end of a shutdown's grace: what fails then is given up, the host does not wait for the store. */
  readonly signal?: AbortSignal
  readonly logger: Logger
  onSettled(batch: readonly Settlement[], result: SettleResult): void
  /** The store refused all tries: the deliveries will be sent again when their leases have run out. */
  onLost(batch: readonly Settlement[]): void
}

/**
 * A settle a delivery costs more than the delivery: results that arrive together share one write, and wait a bounded
 * moment for each other while more are under way. The waits are of milliseconds and no part of any promise about time,
 * so they use the event loop's own timers, not the injected clock.
 */
export function createSettler(options: SettlerOptions): Settler {
  let queue: Settlement[] = []
  let unwritten = 0
  let writing: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  let immediate: NodeJS.Immediate | undefined

  async function write(batch: readonly Settlement[]): Promise<void> {
    const giveUpAt = performance.now() + options.giveUpAfterMs
    for (let pauseMs = 20; ; pauseMs = Math.min(pauseMs * 2, 1000)) {
      try {
        options.onSettled(batch, await options.deliveries.settle(batch))
        return
      } catch (error) {
        options.logger.error({ error, deliveries: batch.length }, 'results could not be written')
        if (options.signal?.aborted || performance.now() + pauseMs > giveUpAt) {
          options.onLost(batch)
          return
        }
        // an abort ends the pause: one last try follows
        await sleep(pauseMs, options.signal)
      }
    }
  }

  async function drain(): Promise<void> {
    while (queue.length > 0) {
      const batch = withoutRepeats(queue)
      queue = batch.length === queue.length ? [] : queue.filter((one) => !batch.includes(one))
      clear()
      await write(batch)
      unwritten -= batch.length
    }
    writing = undefined
  }

  function clear(): void {
    clearTimeout(timer)
    clearImmediate(immediate)
    timer = undefined
    immediate = undefined
  }

  function begin(): Promise<void> {
    clear()
    writing ??= queue.length > 0 ? drain() : undefined
    return writing ?? Promise.resolve()
  }

  return {
    get size() {
      return unwritten
    },
    add(settlement, more) {
      queue.push(settlement)
      unwritten++
      if (writing) return
      if (!more || queue.length >= options.maxBatch) {
        // what finished in this same turn of the event loop still joins
        immediate ??= setImmediate(begin)
      } else {
        timer ??= setTimeout(begin, options.maxWaitMs)
      }
    },
    begin: () => void begin(),
    async flush() {
      while (writing || queue.length > 0) await begin()
    },
  }
}

function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal?.addEventListener('abort', end)
  })
}

/**
 * Of two results of one delivery, the lease of the first of which was lost, the second waits for the next write: the
 * store names deliveries when it tells which results came too late.
 */
function withoutRepeats(queue: readonly Settlement[]): readonly Settlement[] {
  const known = new Set<string>()
  return queue.filter((one) => known.size !== known.add(one.deliveryId).size)
}
