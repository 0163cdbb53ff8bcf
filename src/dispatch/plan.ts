import { createHash } from 'node:crypto'
import type { CompiledFilter } from '../catalog/index.ts'
import type { NewDelivery } from '../contracts/delivery.ts'
import type { StoredEvent } from '../contracts/event.ts'
import type { CollectEntry, EnqueueBatch, SubscribedConnection } from '../contracts/store.ts'
import type { AcceptedEvent } from './check-event.ts'

/** One event with what it sets off. */
export interface Planned {
  readonly event: StoredEvent
  readonly deliveries: readonly NewDelivery[]
  readonly collect: readonly CollectEntry[]
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
    return `dlv_${messageId.slice(messageId.indexOf('_') + 1)}_${suffix}`
  }
}

/** Matches one event against its organisation's connections. Pure. */
export function planEvent(
  accepted: AcceptedEvent,
  orgName: string,
  filter: CompiledFilter,
  deliveryId: DeliveryIds,
): Planned {
  const event: StoredEvent = named(accepted, orgName)
  const deliveries = filter.match(event.type, event.category).map(
    (connection): NewDelivery => ({
      id: deliveryId(event.messageId, connection),
      orgId: event.orgId,
      connectionId: connection.id,
      kind: 'event',
      messageId: event.messageId,
      eventId: event.id,
      dueAt: event.acceptedAt,
      createdAt: event.acceptedAt,
    }),
  )
  return { event, deliveries, collect: [] }
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
