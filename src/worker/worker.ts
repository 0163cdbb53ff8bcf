import type { Clock, Ids, Logger } from '../contracts/clock.ts'
import type { ConnectionRecord } from '../contracts/connection.ts'
import type { NextState, Settlement } from '../contracts/delivery.ts'
import type { StoredEvent } from '../contracts/event.ts'
import type { Outcome } from '../contracts/outcome.ts'
import type { Lease, LeasedDelivery, SettleResult, Store } from '../contracts/store.ts'
import type { AfterSettle } from './after-settle.ts'
import type { Deliver } from './deliver.ts'
import { eventKey } from './messages.ts'
import { createSettler } from './settler.ts'
import { createSignal } from './signal.ts'

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

/** What this process did with a delivery. */
export interface Worked {
  readonly next: NextState
  readonly outcome?: Outcome
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

export interface Worker {
  /**
   * Works off what is due until nothing is and nothing of this process is in flight. Calls join each other; the one with
   * the longest time decides. Answers when there may be more.
   */
  work(options?: WorkOptions): Promise<{ readonly nextAt: number | null }>
  /** Claims just these and attempts each once. Answers, at `until` at the latest, what this process did with them. */
  attempt(ids: readonly string[], until: number): Promise<ReadonlyMap<string, Worked>>
  counts(): Counts
  /** Claims nothing more; finishes what is in flight, and gives back what has not ended after `graceMs`. */
  stop(graceMs: number): Promise<void>
}

/** A claim for a few free places costs nearly as much as one for many: it waits until a quarter of them is free. */
const CLAIM_SHARE = 4
const SETTLE_WAIT_MS = 2

/** claim → send → settle, with bounded concurrency. HTTP happens outside any transaction. */
export function createWorker(deps: WorkerDeps): Worker {
  const { store, concurrency, leaseMs, clock, logger } = deps
  const minClaim = Math.max(1, Math.floor(concurrency / CLAIM_SHARE))
  const running = new Map<string, Lease>()
  /** Outcomes of what is sent and not yet settled, for those who wait for them. */
  const outcomes = new Map<string, Outcome | undefined>()
  const watchers = new Map<string, (worked: Worked | undefined) => void>()
  const progress = createSignal()
  const { abort } = deps
  let counts: Counts = { delivered: 0, retried: 0, failed: 0 }
  let loop: { done: Promise<{ nextAt: number | null }>; until: number } | undefined
  let again = false
  let stopping = false
  let cancelRenewal: (() => void) | undefined

  const settler = createSettler({
    deliveries: store.deliveries,
    maxBatch: Math.max(1, Math.floor(concurrency / 2)),
    maxWaitMs: SETTLE_WAIT_MS,
    giveUpAfterMs: leaseMs,
    logger,
    onSettled,
    onLost: (batch) => {
      for (const one of batch) tell(one.deliveryId, undefined)
      progress.raise()
    },
  })

  async function run(state: { until: number; readonly signal: AbortSignal | undefined }) {
    for (;;) {
      again = false
      const now = clock.now()
      if (stopping || now >= state.until || state.signal?.aborted) {
        await idle()
        return { nextAt: now }
      }
      const free = concurrency - running.size
      if (free < minClaim) {
        await progress.wait()
        continue
      }
      const claimed = await claim(free, now)
      if (claimed.taken === free || again) continue
      if (claimed.nextAt !== null && claimed.nextAt <= now) {
        // more may be there, but it can't be had at this instant: let other processes and the event loop have a turn
        if (claimed.taken === 0) await new Promise(setImmediate)
        continue
      }
      if (running.size === 0 && settler.size === 0) return { nextAt: claimed.nextAt }
      await progressOr(Math.min(claimed.nextAt ?? Number.POSITIVE_INFINITY, state.until))
    }
  }

  async function progressOr(at: number): Promise<void> {
    const cancel = Number.isFinite(at) ? clock.setTimer(at, progress.raise) : undefined
    await progress.wait()
    cancel?.()
  }

  async function idle(): Promise<void> {
    while (running.size > 0) await progress.wait()
    await settler.flush()
  }

  async function claim(limit: number, now: number, ids?: readonly string[]) {
    const result = await store.deliveries.claim({
      now,
      limit,
      perConnection: deps.perConnection,
      leaseMs,
      token: deps.ids('lse'),
      transports: deps.transports,
      ...(ids === undefined ? {} : { ids }),
    })
    const { deliveries } = result
    if (deliveries.length > 0) {
      const records = new Map(result.connections.map((record) => [record.id, record]))
      const events = new Map(result.events.map((event) => [eventKey(event.orgId, event.id), event]))
      for (const delivery of deliveries) begin(delivery, records.get(delivery.connectionId), events)
      cancelRenewal ??= clock.setTimer(now + leaseMs / 3, renew)
    }
    return { taken: deliveries.length, nextAt: result.nextAt }
  }

  function begin(
    delivery: LeasedDelivery,
    record: ConnectionRecord | undefined,
    events: ReadonlyMap<string, StoredEvent>,
  ): void {
    const lease: Lease = { deliveryId: delivery.id, connectionId: delivery.connectionId, token: delivery.token }
    running.set(delivery.id, lease)
    void carryOut(delivery, lease, record, events)
  }

  async function carryOut(
    delivery: LeasedDelivery,
    lease: Lease,
    record: ConnectionRecord | undefined,
    events: ReadonlyMap<string, StoredEvent>,
  ): Promise<void> {
    let settlement: Settlement | undefined
    try {
      const done = record && (await deps.deliver(delivery, record, events, abort.signal))
      settlement = done?.settlement
      if (done && watchers.size > 0) outcomes.set(delivery.id, done.outcome)
    } catch (error) {
      if (!abort.signal.aborted) logger.error({ error, deliveryId: delivery.id }, 'a delivery could not be worked off')
    }
    running.delete(delivery.id)
    if (settlement) settler.add(settlement, running.size > 0)
    else await giveBack(lease)
    const free = concurrency - running.size
    if (free === minClaim || running.size === 0) progress.raise()
  }

  async function giveBack(lease: Lease): Promise<void> {
    try {
      await store.deliveries.release([lease])
    } catch (error) {
      logger.error({ error, deliveryId: lease.deliveryId }, 'a lease could not be given back; it will run out')
    }
    tell(lease.deliveryId, undefined)
    progress.raise()
  }

  function onSettled(batch: readonly Settlement[], result: SettleResult): void {
    const stale = new Set(result.stale)
    const scheduled: { deliveryId: string; dueAt: number }[] = []
    let { delivered, retried, failed } = counts
    for (const one of batch) {
      if (stale.has(one.deliveryId)) {
        tell(one.deliveryId, undefined)
        continue
      }
      if (one.next.status === 'delivered') delivered++
      else if (one.next.status === 'failed') failed++
      else {
        retried++
        scheduled.push({ deliveryId: one.deliveryId, dueAt: one.next.dueAt })
      }
      tell(one.deliveryId, one.next)
    }
    counts = { delivered, retried, failed }
    if (scheduled.length > 0) deps.onScheduled(scheduled)
    progress.raise()
    deps
      .afterSettle(batch, result)
      .catch((error: unknown) => logger.error({ error }, 'settled results went unannounced'))
  }

  function tell(deliveryId: string, next: NextState | undefined): void {
    if (watchers.size === 0) return
    const outcome = outcomes.get(deliveryId)
    outcomes.delete(deliveryId)
    watchers.get(deliveryId)?.(next && { next, ...(outcome === undefined ? {} : { outcome }) })
  }

  async function renew(): Promise<void> {
    cancelRenewal = undefined
    if (running.size === 0) return
    const until = clock.now() + leaseMs
    try {
      const lost = await store.deliveries.renew([...running.values()], until)
      if (lost.length > 0) logger.warn({ deliveries: lost }, 'leases were lost while their sends were running')
    } catch (error) {
      logger.error({ error }, 'leases could not be renewed')
    }
    if (running.size > 0) cancelRenewal ??= clock.setTimer(clock.now() + leaseMs / 3, renew)
  }

  return {
    work({ until = Number.POSITIVE_INFINITY, signal } = {}) {
      again = true
      progress.raise()
      if (loop !== undefined) {
        loop.until = Math.max(loop.until, until)
        return loop.done
      }
      const state = { until, signal, done: Promise.resolve<{ nextAt: number | null }>({ nextAt: null }) }
      signal?.addEventListener('abort', progress.raise)
      loop = state
      state.done = run(state).finally(() => {
        loop = undefined
        signal?.removeEventListener('abort', progress.raise)
      })
      return state.done
    },

    async attempt(ids, until) {
      const worked = new Map<string, Worked>()
      const waits: Promise<void>[] = []
      for (const id of ids) {
        waits.push(
          new Promise((resolve) => {
            watchers.set(id, (one) => {
              if (one) worked.set(id, one)
              watchers.delete(id)
              resolve()
            })
          }),
        )
      }
      const forget = (): void => {
        for (const id of ids) watchers.get(id)?.(undefined)
      }
      const cancel = clock.setTimer(until, forget)
      try {
        for (let from = 0; from < ids.length && clock.now() < until && !stopping; ) {
          const free = concurrency - running.size
          if (free <= 0) {
            await progressOr(until)
            continue
          }
          const some = ids.slice(from, from + free)
          await claim(some.length, clock.now(), some)
          from += some.length
        }
        // what is neither running here nor waiting to be settled was not ours to attempt
        for (const id of ids) if (!running.has(id) && !outcomes.has(id)) watchers.get(id)?.(undefined)
        await Promise.all(waits)
      } finally {
        cancel()
        forget()
        for (const id of ids) outcomes.delete(id)
      }
      return worked
    },

    counts: () => counts,

    async stop(graceMs) {
      stopping = true
      progress.raise()
      const ended = idle()
      let cancel: (() => void) | undefined
      const grace = new Promise<void>((resolve) => {
        cancel = clock.setTimer(clock.now() + graceMs, resolve)
      })
      await Promise.race([ended, grace])
      cancel?.()
      abort.abort(new DOMException('the dispatcher is closing', 'AbortError'))
      progress.raise()
      await ended
      await loop?.done.catch(() => undefined)
      cancelRenewal?.()
    },
  }
}
