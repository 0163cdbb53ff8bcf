import { createHash } from 'node:crypto'
import type { Ids } from '../contracts/clock.ts'
import type { Ref } from '../contracts/connection.ts'
import type { EventBase, StoredEvent } from '../contracts/event.ts'
import type { EnqueueBatch } from '../contracts/store.ts'
import { invalidInput, isSignalboxError, SignalboxError } from '../errors.ts'
import { type AcceptedEvent, checkEvent, checkId } from './check-event.ts'
import { groupCommit } from './group-commit.ts'
import { type Planned, toBatch } from './plan.ts'
import { createPlanner, type PlannerDeps } from './planner.ts'
import type { DispatchOptions, DispatchResult, PreparedEvent } from './types.ts'

export interface AcceptDeps extends PlannerDeps {
  readonly ids: Ids
  readonly maxEventBytes: number
  /** Deliveries became durable. Not called for those of a host's transaction. */
  readonly onEnqueued: (due: readonly { readonly deliveryId: string; readonly dueAt: number }[]) => void
}

/** The way in: check, match, write. */
export interface Acceptor {
  /** `quiet`: the caller attends to the deliveries itself, `onEnqueued` is not called. */
  accept(
    event: EventBase,
    options: Pick<DispatchOptions, 'tx' | 'dedupe'> & { quiet?: boolean },
  ): Promise<DispatchResult>
  /** All or none: one write. Answers in the order of the events. */
  acceptMany(events: readonly EventBase[], options: { readonly tx?: unknown }): Promise<readonly DispatchResult[]>
  prepare(event: EventBase): Promise<PreparedEvent>
  /** Resolves when what was handed in has been written or refused. */
  idle(): Promise<void>
}

const MAX_GROUP = 256

export function createAcceptor(deps: AcceptDeps): Acceptor {
  const { store, clock } = deps
  const planner = createPlanner(deps)
  const check = { catalog: deps.catalog, ids: deps.ids, maxEventBytes: deps.maxEventBytes }
  const group = groupCommit(writeGroup, { maxItems: MAX_GROUP })
  // Of a batch that failed each event is written again by itself, with the plan that may have been stored already.
  const doubtful = new WeakMap<AcceptedEvent, Planned>()

  /** `shared`: by callers who do not know of each other, and are written one by one should it fail. */
  async function write(events: readonly AcceptedEvent[], tx: unknown, shared = false): Promise<readonly Written[]> {
    const firsts = events.length === 1 ? events : withoutRepeats(events)
    const [first] = firsts
    const before = firsts.length === 1 && first !== undefined ? doubtful.get(first) : undefined
    const atHand = before === undefined && tx === undefined ? await planner.atHand(firsts) : undefined
    let planned = atHand?.planned ?? (before === undefined ? await planner.plan(firsts, tx) : [before])
    const put = (subscriptions?: EnqueueBatch['subscriptions']): Promise<Set<string> | undefined> =>
      enqueue(planned, tx, shared, subscriptions).catch((error: unknown) => {
        if (events.length > 1) for (const [index, event] of firsts.entries()) remember(event, planned[index])
        throw error
      })
    let known = await put(atHand?.subscriptions)
    if (known === undefined) {
      planned = await planner.plan(firsts, tx)
      known = (await put()) ?? new Set()
    }
    if (before !== undefined && known.size > 0 && (await isStored(before.event))) known.clear()
    const written = planned.map((one): Written => [one, resultOf(one, known.size > 0 && known.has(keyOf(one.event)))])
    return firsts.length === events.length ? written : withRepeats(events, written)
  }

  function remember(event: AcceptedEvent, planned: Planned | undefined): void {
    if (planned !== undefined) doubtful.set(event, planned)
  }

  /** Whether it is this very event that is known: a write of it that seemed to fail went through. */
  async function isStored(event: StoredEvent): Promise<boolean> {
    const stored = await guarded(() => store.events.get({ orgId: event.orgId, id: event.id }))
    return stored?.messageId === event.messageId
  }

  /** Answers which of the events were known; `undefined`: the subscriptions are others by now, nothing was written. */
  async function enqueue(
    planned: readonly Planned[],
    tx: unknown,
    shared: boolean,
    subscriptions: EnqueueBatch['subscriptions'],
  ): Promise<Set<string> | undefined> {
    let batch = toBatch(planned)
    if (shared) batch = { ...batch, shared }
    if (subscriptions !== undefined) batch = { ...batch, subscriptions }
    if (tx !== undefined) batch = { ...batch, tx }
    const { duplicates, outdated } = await guarded(() => store.deliveries.enqueue(batch))
    return outdated ? undefined : new Set(duplicates.map(keyOf))
  }

  async function writeGroup(items: readonly { event: AcceptedEvent; quiet: boolean }[]) {
    const written = await write(
      items.map((item) => item.event),
      undefined,
      items.length > 1,
    )
    announce(written.filter((_, index) => !items[index]?.quiet))
    return written.map(([, result]) => result)
  }

  async function writeOne(event: AcceptedEvent, tx: unknown): Promise<DispatchResult> {
    const [written] = await write([event], tx)
    if (written === undefined) throw new SignalboxError('store_failed', 'the event was not written')
    return written[1]
  }

  function announce(written: readonly Written[]): void {
    const due: { deliveryId: string; dueAt: number }[] = []
    for (const [planned, { duplicate }] of written) {
      if (duplicate) continue
      for (const { id, dueAt } of planned.deliveries) due.push({ deliveryId: id, dueAt })
      // a digest has no delivery yet: what it needs is someone who looks when it closes
      for (const { closesAt, mustCloseAt } of planned.collect) {
        due.push({ deliveryId: '', dueAt: Math.min(closesAt, mustCloseAt) })
      }
    }
    if (due.length > 0) deps.onEnqueued(due)
  }

  function checked(event: EventBase, dedupe?: DispatchOptions['dedupe']): AcceptedEvent {
    const now = clock.now()
    if (dedupe === undefined) return checkEvent(event, undefined, now, check)
    if (event.id !== undefined) throw invalidInput('dedupe', 'derives the id of the event: leave `id` out')
    return checkEvent(event, dedupeId(dedupe, now), now, check)
  }

  function checkTx(tx: unknown): void {
    if (tx !== undefined && !store.capabilities.tx) {
      throw invalidInput('tx', `the ${store.name} store can't join a transaction of the host`)
    }
  }

  return {
    accept(event, { tx, dedupe, quiet = false }) {
      try {
        checkTx(tx)
        const accepted = checked(event, dedupe)
        return tx === undefined ? group.add({ event: accepted, quiet }) : writeOne(accepted, tx)
      } catch (error) {
        return Promise.reject(error)
      }
    },

    async acceptMany(events, { tx }) {
      checkTx(tx)
      if (!Array.isArray(events)) throw invalidInput('events', 'must be an array')
      const accepted = events.map((event, index) => inContext(`events[${index}]`, () => checked(event)))
      if (accepted.length === 0) return []
      const written = await write(accepted, tx)
      if (tx === undefined) announce(written)
      return written.map(([, result]) => result)
    },

    async prepare(event) {
      const enqueueOn = store.deliveries.enqueueOn
      if (enqueueOn === undefined) throw invalidInput('store', `the ${store.name} store has no synchronous driver`)
      const [planned] = await planner.plan([checked(event)], undefined)
      if (planned === undefined) throw new SignalboxError('store_failed', 'the event could not be planned')
      return {
        write: (db) => resultOf(planned, enqueueOn(db, toBatch([planned])).duplicates.length > 0),
      }
    },

    idle: () => group.idle(),
  }
}

function dedupeId(dedupe: NonNullable<DispatchOptions['dedupe']>, now: number): string {
  const key = checkId(dedupe.key, 'dedupe.key')
  const { everyMs } = dedupe
  if (!Number.isInteger(everyMs) || everyMs < 1) throw invalidInput('dedupe.everyMs', 'must be a positive whole number')
  const digest = createHash('sha256').update(`${everyMs}\n${key}`).digest('base64url').slice(0, 22)
  return `evt_dedupe_${digest}_${Math.floor(now / everyMs)}`
}

type Written = readonly [Planned, DispatchResult]

const keyOf = (event: Ref): string => `${event.orgId}\n${event.id}`

/** Of equal events that are written together the first counts. */
function withoutRepeats(events: readonly AcceptedEvent[]): readonly AcceptedEvent[] {
  if (new Set(events.map((event) => event.id)).size === events.length) return events
  const known = new Set<string>()
  return events.filter((event) => known.size !== known.add(keyOf(event)).size)
}

/** One answer for each event: the first of equal ones was accepted, or not, and the others are duplicates. */
function withRepeats(events: readonly AcceptedEvent[], written: readonly Written[]): readonly Written[] {
  const byKey = new Map(written.map((one) => [keyOf(one[0].event), one]))
  const answered = new Set<string>()
  return events.flatMap((event) => {
    const one = byKey.get(keyOf(event))
    if (one === undefined) return []
    const isFirst = answered.size !== answered.add(keyOf(event)).size
    return [isFirst ? one : ([one[0], resultOf(one[0], true)] as const)]
  })
}

function resultOf(planned: Planned, duplicate: boolean): DispatchResult {
  return {
    eventId: planned.event.id,
    duplicate,
    deliveries: duplicate
      ? []
      : planned.deliveries.map(({ id, connectionId, dueAt }) => ({ id, connectionId, status: 'pending', dueAt })),
    collected: duplicate
      ? []
      : planned.collect.map(({ connectionId, key, closesAt, mustCloseAt }) => ({
          connectionId,
          key,
          closesAt: Math.min(closesAt, mustCloseAt),
        })),
  }
}

/** What a store of a third party throws that is no `SignalboxError` becomes one. */
async function guarded<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (cause) {
    if (isSignalboxError(cause)) throw cause
    throw new SignalboxError('store_failed', 'the store could not accept the event', { cause })
  }
}

function inContext<T>(field: string, call: () => T): T {
  try {
    return call()
  } catch (error) {
    if (!isSignalboxError(error)) throw error
    throw new SignalboxError(error.code, `${field}.${error.message}`, {
      ...(error.field === undefined ? {} : { field: `${field}.${error.field}` }),
    })
  }
}
