import type { Clock, Ids, Logger } from '../contracts/clock.ts'
import type { ConnectionRecord } from '../contracts/connection.ts'
import type { Settlement } from '../contracts/delivery.ts'
import type { ClaimResult, Lease, LeasedDelivery, SettleResult, Store } from '../contracts/store.ts'
import { SignalboxError } from '../errors.ts'
import type { AfterSettle } from './after-settle.ts'
import type { Deliver, Delivered } from './deliver.ts'
import { type EventLookup, lookupOf } from './messages.ts'
import { createPlaces } from './places.ts'
import { createRenewal } from './renewal.ts'
import { createSettler } from './settler.ts'
import { createSignal, type Listener } from './signal.ts'
import { createWanted } from './wanted.ts'
import { createWatchers, type Worked } from './watchers.ts'

export interface WorkerDeps {
  readonly store: Store
  readonly transports: readonly string[]
  readonly concurrency: number
  readonly perConnection: number
  readonly leaseMs: number
  readonly deliver: Deliver
  readonly afterSettle: AfterSettle
  /** Ends what is in flight when the grace of `stop` is over. */
  readonly abort: AbortController
  readonly clock: Clock
  readonly ids: Ids
  readonly logger: Logger
  /** Deliveries will be due again at these instants. */
  readonly onScheduled: (items: readonly { readonly deliveryId: string; readonly dueAt: number }[]) => void
}

/** Settled so far by this process. */
export interface Counts {
  readonly delivered: number
  readonly retried: number
  readonly failed: number
}

export interface WorkOptions {
  /** Epoch ms at which nothing more is claimed. @default never */
  readonly until?: number
  /** The same, when aborted. */
  readonly signal?: AbortSignal
}

export interface Attempted {
  /** What ended. */
  readonly worked: ReadonlyMap<string, Worked>
  /** What was not begun: it was not to be had, or there was no place for it. */
  readonly left: readonly string[]
}

export interface Worker {
  /**
   * Works off what is due until nothing is and nothing of this process is in flight. Calls join each other; the one with
   * the longest time decides. Answers when there may be more.
   */
  work(options?: WorkOptions): Promise<{ readonly nextAt: number | null }>
  /** Claims just these and attempts each once. Answers, at `until` at the latest, what this process did with them. */
  attempt(ids: readonly string[], until: number): Promise<Attempted>
  counts(): Counts
  /** Claims nothing more; finishes what is in flight, and gives back what has not ended after `graceMs`. */
  stop(graceMs: number): Promise<void>
}

/** A claim for a few free places costs nearly as much as one for many: it waits until a quarter of them is free … */
const CLAIM_SHARE = 4
/** … but at most so long, in ms: those that run may take long, and the places beside them are not theirs. */
const HESITATION_MS = 5
const SETTLE_WAIT_MS = 3

/** claim → send → settle, with bounded concurrency. HTTP happens outside any transaction. */
export function createWorker(deps: WorkerDeps): Worker {
  const { store, concurrency, leaseMs, clock, logger, abort } = deps
  const minClaim = Math.max(1, Math.floor(concurrency / CLAIM_SHARE))
  const places = createPlaces(concurrency)
  const renewal = createRenewal({ deliveries: store.deliveries, places, leaseMs, clock, logger })
  const watchers = createWatchers()
  const progress = createSignal()
  /** Raised when `progress` is, and when a claim gives back the places that it did not fill. */
  const room = createSignal()
  let counts: Counts = { delivered: 0, retried: 0, failed: 0 }
  let loop: { done: Promise<{ nextAt: number | null }>; until: number } | undefined
  let again = false
  let stopping = false

  const settler = createSettler({
    deliveries: store.deliveries,
    maxBatch: concurrency,
    maxWaitMs: SETTLE_WAIT_MS,
    giveUpAfterMs: leaseMs,
    signal: abort.signal,
    logger,
    onSettled,
    onLost(batch) {
      for (const one of batch) watchers.giveUp(one.deliveryId)
      raise()
    },
  })

  const wanted = createWanted({
    claim: (ids, now) => claim(ids.length, now, ids),
    places,
    room,
    isStopping: () => stopping,
    clock,
    logger,
  })

  function raise(): void {
    progress.raise()
    room.raise()
  }

  // ---------------------------------------------------------------------------------------------- the loop

  async function run(
    state: { readonly until: number; readonly signal: AbortSignal | undefined },
    listener: Listener,
  ): Promise<{ nextAt: number | null }> {
    for (let hesitated = false; ; ) {
      const now = clock.now()
      if (stopping || now >= state.until || state.signal?.aborted) {
        await idle()
        return { nextAt: now }
      }
      const free = places.free(now)
      if (free === 0) {
        await progressOr(listener, Math.min(places.nextFreeAt() ?? Number.POSITIVE_INFINITY, state.until))
        continue
      }
      if (free < minClaim && !hesitated) {
        hesitated = true
        await hesitate(listener)
        continue
      }
      hesitated = false
      again = false
      const claimed = await claim(free, now)
      if (claimed.taken === free || again) continue
      if (claimed.nextAt !== null && claimed.nextAt <= now) {
        // more may be there, but it can't be had at this instant: let other processes and the event loop have a turn
        if (claimed.taken === 0) await new Promise(setImmediate)
        continue
      }
      if (places.running === 0 && settler.size === 0) return { nextAt: claimed.nextAt }
      await progressOr(listener, Math.min(claimed.nextAt ?? Number.POSITIVE_INFINITY, state.until))
    }
  }

  async function progressOr(listener: Listener, at: number): Promise<void> {
    const cancel = Number.isFinite(at) ? clock.setTimer(at, raise) : undefined
    await listener.wait()
    cancel?.()
  }

  /** Milliseconds, and no part of any promise about time: the event loop's own timer. */
  async function hesitate(listener: Listener): Promise<void> {
    const endAt = performance.now() + HESITATION_MS
    const timer = setTimeout(raise, HESITATION_MS)
    do await listener.wait()
    while (!stopping && places.free(clock.now()) < minClaim && performance.now() < endAt)
    clearTimeout(timer)
  }

  async function idle(): Promise<void> {
    const listener = progress.listen()
    while (places.running > 0) await listener.wait()
    listener.end()
    await settler.flush()
  }

  // ---------------------------------------------------------------------------------------------- one claim

  async function claim(limit: number, now: number, ids?: readonly string[]) {
    const giveBackPlaces = places.reserve(limit)
    let result: ClaimResult
    try {
      // first: it frees leases, and a store may write both at once
      settler.begin()
      result = await store.deliveries.claim({
        now,
        limit,
        perConnection: deps.perConnection,
        leaseMs,
        token: deps.ids('lse'),
        transports: deps.transports,
        ...(ids === undefined ? {} : { ids }),
      })
    } finally {
      giveBackPlaces()
      room.raise()
    }
    const { deliveries } = result
    if (deliveries.length > 0) {
      const records = new Map(result.connections.map((record) => [record.id, record]))
      const eventOf = lookupOf(result.events)
      for (const delivery of deliveries) {
        const lease: Lease = { deliveryId: delivery.id, connectionId: delivery.connectionId, token: delivery.token }
        places.begin(lease, now)
        void carryOut(delivery, lease, records.get(delivery.connectionId), eventOf)
      }
      renewal.begin()
    }
    return { taken: deliveries.length, nextAt: result.nextAt }
  }

  async function carryOut(
    delivery: LeasedDelivery,
    lease: Lease,
    record: ConnectionRecord | undefined,
    eventOf: EventLookup,
  ): Promise<void> {
    let done: Delivered | undefined
    let failed = false
    try {
      done = record && (await deps.deliver(delivery, record, eventOf, abort.signal))
    } catch (error) {
      failed = !abort.signal.aborted
      if (failed) logger.error({ error, deliveryId: delivery.id }, 'a delivery could not be worked off')
    }
    if (done === undefined) {
      // after a failure that nobody foresaw the lease runs out: given back, it would fail again at once, for ever
      if (failed) watchers.giveUp(delivery.id)
      else await giveBack(lease)
      places.end(lease)
      raise()
      return
    }
    watchers.sent(delivery.id, done.outcome)
    places.end(lease)
    settler.add(done.settlement, places.running > 0)
    const free = concurrency - places.running
    if (free === minClaim || free <= 1 || places.running === 0) raise()
  }

  async function giveBack(lease: Lease): Promise<void> {
    try {
      await store.deliveries.release([lease])
      // at the end of a shutdown: another process is to have it
      if (abort.signal.aborted) deps.onScheduled([{ deliveryId: lease.deliveryId, dueAt: clock.now() }])
    } catch (error) {
      logger.error({ error, deliveryId: lease.deliveryId }, 'a lease could not be given back; it will run out')
    }
    watchers.giveUp(lease.deliveryId)
  }

  function onSettled(batch: readonly Settlement[], result: SettleResult): void {
    const stale = new Set(result.stale)
    const scheduled: { deliveryId: string; dueAt: number }[] = []
    let { delivered, retried, failed } = counts
    for (const one of batch) {
      if (stale.has(one.deliveryId)) {
        watchers.giveUp(one.deliveryId)
        continue
      }
      if (one.next.status === 'delivered') delivered++
      else if (one.next.status === 'failed') failed++
      else if (one.next.status === 'pending') {
        retried++
        scheduled.push({ deliveryId: one.deliveryId, dueAt: one.next.dueAt })
      }
      watchers.settled(one.deliveryId, one.next)
    }
    counts = { delivered, retried, failed }
    if (scheduled.length > 0) deps.onScheduled(scheduled)
    // a claim that is under way may have looked before this made room
    again = true
    raise()
    deps
      .afterSettle(batch, result)
      .catch((error: unknown) => logger.error({ error }, 'settled results went unannounced'))
  }

  return {
    work({ until = Number.POSITIVE_INFINITY, signal } = {}) {
      again = true
      raise()
      if (loop !== undefined) {
        loop.until = Math.max(loop.until, until)
        return loop.done
      }
      const state = { until, signal, done: Promise.resolve<{ nextAt: number | null }>({ nextAt: null }) }
      const listener = progress.listen()
      signal?.addEventListener('abort', raise)
      loop = state
      state.done = run(state, listener).finally(() => {
        loop = undefined
        listener.end()
        signal?.removeEventListener('abort', raise)
      })
      return state.done
    },

    async attempt(ids, until) {
      const watch = watchers.watch(ids)
      const cancel = clock.setTimer(until, () => {
        watch.end()
        raise()
      })
      await wanted.claim(ids, until)
      // what is neither running here nor waiting to be settled was not ours to attempt
      const left = ids.filter((id) => !places.has(id) && !watchers.isSent(id) && !watch.worked.has(id))
      watch.giveUp(new Set(left))
      await watch.done
      cancel()
      return { worked: watch.worked, left }
    },

    counts: () => counts,

    async stop(graceMs) {
      stopping = true
      raise()
      const ended = idle()
      let cancel: (() => void) | undefined
      const grace = new Promise<void>((resolve) => {
        cancel = clock.setTimer(clock.now() + graceMs, resolve)
      })
      await Promise.race([ended, grace])
      cancel?.()
      abort.abort(new SignalboxError('closed', 'the dispatcher was closed'))
      raise()
      await ended
      await loop?.done.catch(() => undefined)
      renewal.stop()
    },
  }
}
