import { createHash } from 'node:crypto'
import type { CompiledFilter } from '../catalog/index.ts'
import type { DigestKeys } from '../contracts/catalog.ts'
import type { NewDelivery } from '../contracts/delivery.ts'
import type { StoredEvent } from '../contracts/event.ts'
import type { CollectEntry, EnqueueBatch, SubscribedConnection } from '../contracts/store.ts'
import { compileTiming, type Timing } from '../digest/timing.ts'
import type { AcceptedEvent } from './check-event.ts'

/** One event with what it sets off. */
export interface Planned {
  readonly event: StoredEvent
  readonly deliveries: readonly NewDelivery[]
  readonly collect: readonly CollectEntry[]
  /** Of `collect`: those that go out at once instead where they turn out to be the first of their window. */
  readonly leading: readonly CollectEntry[]
}

/** Makes the id of the delivery of one message to one connection: stable, so that none is enqueued twice. */
export type DeliveryIds = (messageId: string, connection: Pick<SubscribedConnection, 'id'>) => string

/**
 * `dlv_` + the message's own part + 11 characters that stand for the connection (66 bits of SHA-256). The message's
 * part is time-ordered, so these ids insert near each other in an index.
 */
export function createDeliveryIds(): DeliveryIds {
  const suffixes = new WeakMap<object, string>()
  return (messageId, connection) => {
    let suffix = suffixes.get(connection)
    if (suffix === undefined) {
      suffix = createHash('sha256').update(connection.id).digest('base64url').slice(0, 11)
      suffixes.set(connection, suffix)
    }
    // joined, not a template: that would keep its parts, which is twice the memory for as long as the delivery waits
    return ['dlv', messageId.slice(messageId.indexOf('_') + 1), suffix].join('_')
  }
}

/** When things of a connection go out; prepared once for each set of settings. */
export type Timings = (connection: SubscribedConnection) => Timing

export function createTimings(digestKeys: DigestKeys | undefined): Timings {
  const known = new WeakMap<object, Timing>()
  return (connection) => {
    let timing = known.get(connection)
    if (timing === undefined) {
      timing = compileTiming(connection, digestKeys)
      known.set(connection, timing)
    }
    return timing
  }
}

export interface PlanParts {
  readonly deliveryId: DeliveryIds
  readonly timings: Timings
}

const NONE: readonly CollectEntry[] = Object.freeze([])

/** Matches one event against its organisation's connections, and decides when it goes to each of them. Pure. */
export function planEvent(accepted: AcceptedEvent, orgName: string, filter: CompiledFilter, parts: PlanParts): Planned {
  const event: StoredEvent = named(accepted, orgName)
  const deliveries: NewDelivery[] = []
  let collect: CollectEntry[] | undefined
  let leading: CollectEntry[] | undefined
  for (const connection of filter.match(event.type, event.category, event.importance)) {
    if (connection.digest === undefined && connection.quietHours === undefined) {
      deliveries.push(deliveryOf(event, connection, event.acceptedAt, parts.deliveryId))
      continue
    }
    const route = parts.timings(connection).route(event)
    if (route.kind === 'send') {
      deliveries.push(deliveryOf(event, connection, route.dueAt, parts.deliveryId))
      continue
    }
    const { key, closesAt, mustCloseAt, maxItems, keep } = route
    const entry: CollectEntry = {
      orgId: event.orgId,
      connectionId: connection.id,
      key,
      eventId: event.id,
      at: event.acceptedAt,
      closesAt,
      mustCloseAt,
      maxItems,
      keep,
    }
    collect ??= []
    collect.push(entry)
    if (route.leading) {
      leading ??= []
      leading.push(entry)
    }
  }
  return { event, deliveries, collect: collect ?? NONE, leading: leading ?? NONE }
}

/** The delivery of an event to a connection. */
export function deliveryOf(
  event: StoredEvent,
  connection: Pick<SubscribedConnection, 'id'>,
  dueAt: number,
  deliveryId: DeliveryIds,
): NewDelivery {
  return {
    id: deliveryId(event.messageId, connection),
    orgId: event.orgId,
    connectionId: connection.id,
    kind: 'event',
    messageId: event.messageId,
    eventId: event.id,
    dueAt,
    createdAt: event.acceptedAt,
  }
}

function named(accepted: AcceptedEvent, orgName: string): StoredEvent {
  return accepted.orgName === undefined ? { ...accepted, orgName } : (accepted as AcceptedEvent & { orgName: string })
}

export function toBatch(planned: readonly Planned[]): EnqueueBatch {
  const [only] = planned
  if (planned.length === 1 && only) return { events: [only.event], deliveries: only.deliveries, collect: only.collect }
  return {
    events: planned.map((one) => one.event),
    deliveries: planned.flatMap((one) => one.deliveries),
    collect: planned.flatMap((one) => one.collect),
  }
}
