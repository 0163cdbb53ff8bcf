import type { Ref } from '../../contracts/connection.ts'
import type { StoredEvent } from '../../contracts/event.ts'
import type { CollectEntry, EnqueueBatch, EnqueueResult } from '../../contracts/store.ts'
import { KINDS } from '../../records/codec.ts'
import type { Query } from './access.ts'
import { int, list, text, whole } from './values.ts'

export interface Enqueued extends EnqueueResult {
  /** What was stored, to be remembered once it is committed. */
  readonly added: readonly { readonly eid: number; readonly event: StoredEvent; readonly size: number }[]
}

/** Inserts, and locks nothing that exists. Names of one word: a query builder between may change the others. */
const ENQUEUE = 'SELECT eid, org, id FROM @.enqueue($1, $2, $3, $4, $5::text::text[], $6::text::text[])'

/** Writes a batch. `lockTimeoutMs`: absent inside a host's transaction, whose rules are its own. */
export async function writeBatch(query: Query, batch: EnqueueBatch, lockTimeoutMs?: number): Promise<Enqueued> {
  const events = new Map<string, { readonly event: StoredEvent; readonly body: string }>()
  for (const event of batch.events) {
    const key = keyOf(event.orgId, event.id)
    if (!events.has(key)) events.set(key, { event, body: JSON.stringify(event) })
  }
  if (events.size === 0 && batch.deliveries.length === 0 && batch.collect.length === 0) {
    return { duplicates: [], added: [] }
  }
  const { subscriptions: expected } = batch
  const rows = await query(ENQUEUE, [
    JSON.stringify(Array.from(events.values(), eventRow)),
    JSON.stringify(deliveryRows(batch, events)),
    JSON.stringify(memberRows(batch, events)),
    lockTimeoutMs === undefined ? null : `${lockTimeoutMs}ms`,
    expected === undefined ? null : list(expected.map(({ orgId }) => orgId)),
    expected === undefined ? null : list(expected.map(({ version }) => version)),
  ])
  if (rows.length === 1 && rows[0]?.org === null) return { outdated: true, duplicates: [], added: [] }
  const duplicates = new Map<string, Ref>()
  for (const [key, { event }] of events) duplicates.set(key, { orgId: event.orgId, id: event.id })
  const added: Enqueued['added'][number][] = []
  for (const row of rows) {
    const key = keyOf(text(row.org), text(row.id))
    const known = events.get(key)
    duplicates.delete(key)
    if (known) added.push({ eid: int(row.eid), event: known.event, size: known.body.length })
  }
  return { duplicates: [...duplicates.values()], added }
}

type Events = ReadonlyMap<string, { readonly event: StoredEvent; readonly body: string }>

function eventRow({ event, body }: { readonly event: StoredEvent; readonly body: string }): object {
  return { o: event.orgId, i: event.id, a: whole(event.acceptedAt), m: event.messageId, b: body }
}

function deliveryRows({ deliveries }: EnqueueBatch, events: Events): readonly object[] {
  return deliveries.map((delivery) => {
    const { eventId, orgId } = delivery
    const known = eventId === undefined ? undefined : events.get(keyOf(orgId, eventId))
    return {
      l: delivery.connectionId,
      o: orgId,
      e: eventId ?? null,
      f: known ? 1 : 0,
      p: whole(delivery.dueAt),
      c: whole(delivery.createdAt),
      k: KINDS.indexOf(delivery.kind),
      i: delivery.id,
      // its event has the same
      m: known?.event.messageId === delivery.messageId ? null : delivery.messageId,
      // where the event was never stored, its id has no other place
      x: eventId === undefined || known ? null : JSON.stringify({ eventId }),
    }
  })
}

function memberRows({ collect }: EnqueueBatch, events: Events): readonly object[] {
  const first = new Map<string, CollectEntry>()
  for (const entry of collect) {
    const key = JSON.stringify([entry.connectionId, entry.key, entry.eventId])
    if (!first.has(key)) first.set(key, entry)
  }
  return Array.from(
    first.values(),
    ({ orgId, connectionId, key, eventId, at, closesAt, mustCloseAt, maxItems, keep }) => ({
      l: connectionId,
      k: key,
      o: orgId,
      e: eventId,
      f: events.has(keyOf(orgId, eventId)) ? 1 : 0,
      at: whole(at),
      c: whole(closesAt),
      u: whole(mustCloseAt),
      n: maxItems,
      w: keep,
    }),
  )
}

function keyOf(orgId: string, id: string): string {
  return `${orgId}\u0000${id}`
}
