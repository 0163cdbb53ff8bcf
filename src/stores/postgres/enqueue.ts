import type { Ref } from '../../contracts/connection.ts'
import type { StoredEvent } from '../../contracts/event.ts'
import type { CollectEntry, EnqueueBatch, EnqueueResult } from '../../contracts/store.ts'
import { KINDS } from '../../records/codec.ts'
import type { Query } from './access.ts'
import { int, text, whole } from './values.ts'

export interface Enqueued extends EnqueueResult {
  /** What was stored, to be remembered once it is committed. */
  readonly added: readonly { readonly eid: number; readonly event: StoredEvent; readonly size: number }[]
}

/**
 * One statement, which inserts and locks nothing that exists. $1: events, $2: deliveries, $3: members of digests, $4:
 * how long it may wait for another transaction that inserts the same, or `null`. Equal ids are always met in one order,
 * so that two batches do not wait for each other; deliveries keep the order that they have, which is that of their keys.
 * `f`: the event is one of this batch, and decides. Names of one word: a query builder between may change the others.
 */
const ENQUEUE = `
WITH patience AS MATERIALIZED (
  SELECT CASE WHEN $4::text IS NULL THEN '' ELSE set_config('lock_timeout', $4::text, true) END AS set
), e AS (
  INSERT INTO @.event (org_id, id, accepted_at, message_id, body)
  SELECT x.o, x.i, x.a, x.m, x.b
  FROM patience, json_to_recordset($1::text::json) AS x(o text, i text, a bigint, m text, b text)
  WHERE patience.set IS NOT NULL ORDER BY x.o COLLATE "C", x.i COLLATE "C"
  ON CONFLICT (org_id, id) DO NOTHING RETURNING eid, org_id, id
), d AS (
  INSERT INTO @.delivery (lane, org_id, eid, pos, created_at, kind, id, message_id, content)
  SELECT x.l, x.o, k.eid, x.p, x.c, x.k, x.i, x.m, CASE WHEN k.eid IS NULL AND x.e IS NOT NULL THEN x.x END
  FROM json_to_recordset($2::text::json)
    AS x(l text, o text, e text, f integer, p bigint, c bigint, k smallint, i text, m text, x text)
  LEFT JOIN e ON x.f = 1 AND e.org_id = x.o AND e.id = x.e
  CROSS JOIN LATERAL (
    SELECT CASE x.f WHEN 1 THEN e.eid ELSE (SELECT s.eid FROM @.event s WHERE s.org_id = x.o AND s.id = x.e) END AS eid
  ) k
  WHERE x.f = 0 OR e.eid IS NOT NULL
  ON CONFLICT (id) DO NOTHING RETURNING lane, pos
), c AS (
  INSERT INTO @.digest_member (lane, key, eid, event_id, at, closes_at, must_close_at, max_items, keep)
  SELECT x.l, x.k, k.eid, x.e, x.at, x.c, x.u, x.n, x.w
  FROM json_to_recordset($3::text::json)
    AS x(l text, k text, o text, e text, f integer, at bigint, c bigint, u bigint, n integer, w text)
  LEFT JOIN e ON x.f = 1 AND e.org_id = x.o AND e.id = x.e
  CROSS JOIN LATERAL (
    SELECT CASE x.f WHEN 1 THEN e.eid ELSE (SELECT s.eid FROM @.event s WHERE s.org_id = x.o AND s.id = x.e) END AS eid
  ) k
  WHERE k.eid IS NOT NULL ORDER BY x.l COLLATE "C", x.k COLLATE "C", k.eid
  ON CONFLICT DO NOTHING RETURNING lane, closes_at, must_close_at
), w AS (
  INSERT INTO @.wake (lane, at, digest)
  SELECT lane, min(pos), 0 FROM d GROUP BY lane
  UNION ALL SELECT lane, min(least(closes_at, must_close_at)), 1 FROM c GROUP BY lane
)
SELECT eid, org_id AS org, id FROM e`

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
  const rows = await query(ENQUEUE, [
    JSON.stringify(Array.from(events.values(), eventRow)),
    JSON.stringify(deliveryRows(batch, events)),
    JSON.stringify(memberRows(batch, events)),
    lockTimeoutMs === undefined ? null : `${lockTimeoutMs}ms`,
  ])
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
