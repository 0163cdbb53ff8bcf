import type { Ref } from '../../contracts/connection.ts'
import type { NewDelivery } from '../../contracts/delivery.ts'
import type { StoredEvent } from '../../contracts/event.ts'
import type { EnqueueBatch, EnqueueResult } from '../../contracts/store.ts'
import { KINDS } from '../../records/codec.ts'
import { wakeLane } from '../../records/lane-times.ts'
import { int, type Session } from './driver.ts'
import type { Lanes } from './lane.ts'
import type { Names } from './names.ts'

export interface Enqueued extends EnqueueResult {
  /** What was stored, to be remembered once it is committed. */
  readonly added: readonly { readonly eid: number; readonly event: StoredEvent; readonly size: number }[]
}

const EVENT = `
INSERT INTO signalbox_event (oid, accepted_at, id, body) VALUES (?, ?, ?, ?) ON CONFLICT (oid, id) DO NOTHING`

const DELIVERY = `
INSERT INTO signalbox_delivery (status, lid, oid, eid, pos, created_at, kind, id, message_id, content)
VALUES (0, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`

const MEMBER = `
INSERT INTO signalbox_member (lid, key, eid, at, closes_at, must_close_at, max_items, keep)
VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`

/** An event that this batch knows: `eid` is absent where it is a duplicate, or was never stored. */
interface Known {
  readonly eid?: number
  readonly messageId?: string
  readonly left?: true
}

/** Writes a batch with the statements of one handle, inside a transaction that is open there. */
export function writeBatch(session: Session, names: Names, lanes: Lanes, batch: EnqueueBatch): Enqueued {
  const duplicates: Ref[] = []
  const added: { eid: number; event: StoredEvent; size: number }[] = []
  const events = new Map<string, Known>()

  for (const event of batch.events) {
    const key = keyOf(event.orgId, event.id)
    if (events.has(key)) continue
    const body = JSON.stringify(event)
    const eid = session.insert(EVENT, names.org(session, event.orgId), event.acceptedAt, event.id, body)
    if (eid === undefined) {
      events.set(key, { left: true })
      duplicates.push({ orgId: event.orgId, id: event.id })
    } else {
      events.set(key, { eid, messageId: event.messageId })
      added.push({ eid, event, size: body.length })
    }
  }

  const known = (orgId: string, id: string): Known => {
    const key = keyOf(orgId, id)
    const found = events.get(key)
    if (found) return found
    const row = session.get('SELECT eid FROM signalbox_event WHERE oid = ? AND id = ?', names.org(session, orgId), id)
    const stored: Known = row ? { eid: int(row[0]) } : {}
    events.set(key, stored)
    return stored
  }

  const wakes = new Map<number, number>()
  for (const delivery of batch.deliveries) {
    const event = delivery.eventId === undefined ? undefined : known(delivery.orgId, delivery.eventId)
    if (event?.left) continue
    const lid = names.lane(session, delivery.connectionId)
    const did = session.insert(
      DELIVERY,
      lid,
      names.org(session, delivery.orgId),
      event?.eid ?? null,
      delivery.dueAt,
      delivery.createdAt,
      KINDS.indexOf(delivery.kind),
      delivery.id,
      event?.messageId === delivery.messageId ? null : delivery.messageId,
      contentOf(delivery, event),
    )
    if (did === undefined) continue
    const earliest = wakes.get(lid)
    if (earliest === undefined || earliest > delivery.dueAt) wakes.set(lid, delivery.dueAt)
  }

  const closings = new Map<number, number>()
  for (const entry of batch.collect) {
    const { eid } = known(entry.orgId, entry.eventId)
    // a duplicate, or an event that was never stored: nothing that a digest could show
    if (eid === undefined) continue
    const lid = names.lane(session, entry.connectionId)
    const { key, at, closesAt, mustCloseAt, maxItems, keep } = entry
    session.run(MEMBER, lid, key, eid, at, closesAt, mustCloseAt, maxItems, keep)
    closings.set(lid, Math.min(closings.get(lid) ?? Number.POSITIVE_INFINITY, closesAt, mustCloseAt))
  }

  for (const [lid, at] of wakes) {
    const lane = lanes.load(session, lid)
    // one that sleeps until a lease ends is woken by that; one that is ready keeps its turn
    if (lane.nextAt !== null && lane.nextAt <= Math.max(at, lane.lastAt)) continue
    wakeLane(lane, at)
    lanes.store(session, lane)
  }
  for (const [lid, at] of closings) {
    const lane = lanes.load(session, lid)
    if (lane.digestAt !== null && lane.digestAt <= at) continue
    lane.digestAt = at
    lanes.store(session, lane)
  }
  return { duplicates, added }
}

/** An event that is not stored has no key: its id is kept with the delivery. */
function contentOf({ eventId }: NewDelivery, event: Known | undefined): string | null {
  return eventId !== undefined && event?.eid === undefined ? JSON.stringify({ eventId }) : null
}

function keyOf(orgId: string, id: string): string {
  return `${orgId}\u0000${id}`
}
