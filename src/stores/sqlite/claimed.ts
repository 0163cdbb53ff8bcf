import type { ConnectionRecord } from '../../contracts/connection.ts'
import type { DeliveryRecord } from '../../contracts/delivery.ts'
import type { StoredEvent } from '../../contracts/event.ts'
import type { LeasedDelivery } from '../../contracts/store.ts'
import { KINDS, type Mutable, parse } from '../../records/codec.ts'
import { int, maybeText, type Row, type Session, text } from './driver.ts'
import type { EventCache } from './event-cache.ts'

/** What a claim hands out, as it comes together. */
export interface Claimed {
  readonly deliveries: LeasedDelivery[]
  readonly connections: ConnectionRecord[]
  readonly events: ReadonlyMap<number, StoredEvent>
  /** `row`: the columns of a `Waiting`. */
  add(row: Row, orgId: string, connectionId: string): void
}

const EVENT = 'SELECT eid FROM signalbox_event WHERE oid = ? AND id = ?'

export function createClaimed(
  session: Session,
  cache: EventCache,
  lease: { readonly token: string; readonly leasedUntil: number },
): Claimed {
  const { token, leasedUntil } = lease
  const deliveries: LeasedDelivery[] = []
  const events = new Map<number, StoredEvent>()

  function eventOf(eid: number): StoredEvent | undefined {
    const known = events.get(eid)
    if (known) return known
    const event = cache.get(session, eid)
    if (event) events.set(eid, event)
    return event
  }

  function add(row: Row, orgId: string, connectionId: string): void {
    const [, dueAt, id, oid, eid, kind, createdAt, attempts, rounds, http, messageId, code, content] = row
    const event = typeof eid === 'number' ? eventOf(eid) : undefined
    const delivery: Mutable<LeasedDelivery> = {
      id: text(id),
      orgId,
      connectionId,
      kind: KINDS[int(kind)] ?? 'event',
      messageId: maybeText(messageId) ?? event?.messageId ?? '',
      status: 'sending',
      dueAt: int(dueAt),
      createdAt: int(createdAt),
      attempts: int(attempts),
      rounds: int(rounds),
      token,
      leasedUntil,
    }
    if (event) delivery.eventId = event.id
    if (typeof code === 'string') delivery.code = code as NonNullable<DeliveryRecord['code']>
    if (typeof http === 'number') delivery.httpStatus = http
    if (typeof content === 'string') withContent(delivery, content)
    for (const eventId of delivery.digest?.eventIds ?? []) {
      const kept = session.get(EVENT, int(oid), eventId)
      if (kept) eventOf(int(kept[0]))
    }
    deliveries.push(delivery)
  }

  return { deliveries, connections: [], events, add }
}

/** What has no column of its own: a digest's content, or the id of an event that was never stored. */
export function withContent(delivery: Mutable<DeliveryRecord>, content: string): void {
  const value = parse<{ readonly eventId: string } | NonNullable<DeliveryRecord['digest']>>(content)
  if ('eventIds' in value) delivery.digest = value
  else delivery.eventId = value.eventId
}
