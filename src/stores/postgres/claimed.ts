import type { ConnectionRecord } from '../../contracts/connection.ts'
import type { DeliveryRecord } from '../../contracts/delivery.ts'
import type { StoredEvent } from '../../contracts/event.ts'
import type { LeasedDelivery } from '../../contracts/store.ts'
import { KINDS, type Mutable, parse } from '../../records/codec.ts'
import type { ConnectionBody } from '../../records/connection-body.ts'
import type { Query } from './access.ts'
import type { EventCache } from './event-cache.ts'
import { type LaneState, recordOf } from './lane.ts'
import { int, list, maybeInt, maybeText, type Row, text } from './values.ts'
import type { Waiting } from './waiting.ts'

/** What one lane gives. */
export interface Taken {
  readonly lane: LaneState
  readonly body: ConnectionBody
  readonly rows: readonly Waiting[]
}

/** What a claim hands out. */
export interface Claimed {
  readonly deliveries: readonly LeasedDelivery[]
  readonly events: readonly StoredEvent[]
  readonly connections: readonly ConnectionRecord[]
}

const DIGEST_EVENTS = 'SELECT DISTINCT eid FROM @.kept_event WHERE did = ANY($1::text::bigint[])'

/** Reads what belongs to the deliveries that were taken. */
export async function gather(
  query: Query,
  cache: EventCache,
  taken: readonly Taken[],
  lease: { readonly token: string; readonly leasedUntil: number },
): Promise<Claimed> {
  const eids: number[] = []
  const digests: number[] = []
  for (const { rows } of taken) {
    for (const { row, did } of rows) {
      const eid = maybeInt(row.eid)
      if (eid !== undefined) eids.push(eid)
      if (int(row.kind) === 1) digests.push(did)
    }
  }
  if (digests.length > 0) for (const row of await query(DIGEST_EVENTS, [list(digests)])) eids.push(int(row.eid))
  const events = await cache.of(query, eids)
  return {
    deliveries: taken.flatMap(({ lane, rows }) => rows.map(({ row }) => toLeased(row, lane, events, lease))),
    events: [...events.values()],
    connections: taken.map(({ lane, body }) => recordOf(lane, body)),
  }
}

function toLeased(
  row: Row,
  lane: LaneState,
  events: ReadonlyMap<number, StoredEvent>,
  lease: { readonly token: string; readonly leasedUntil: number },
): LeasedDelivery {
  const event = row.eid === null ? undefined : events.get(int(row.eid))
  const delivery: Mutable<LeasedDelivery> = {
    id: text(row.id),
    orgId: lane.orgId,
    connectionId: lane.id,
    kind: KINDS[int(row.kind)] ?? 'event',
    messageId: maybeText(row.message_id) ?? event?.messageId ?? '',
    status: 'sending',
    dueAt: int(row.due),
    createdAt: int(row.created_at),
    attempts: int(row.attempts),
    rounds: int(row.rounds),
    ...lease,
  }
  if (event) delivery.eventId = event.id
  if (typeof row.code === 'string') delivery.code = row.code as NonNullable<DeliveryRecord['code']>
  const http = maybeInt(row.http)
  if (http !== undefined) delivery.httpStatus = http
  if (typeof row.content === 'string') withContent(delivery, row.content)
  return delivery
}

/** What has no column of its own: a digest's content, or the id of an event that was never stored. */
export function withContent(delivery: Mutable<DeliveryRecord>, content: string): void {
  const value = parse<{ readonly eventId: string } | NonNullable<DeliveryRecord['digest']>>(content)
  if ('eventIds' in value) delivery.digest = value
  else delivery.eventId = value.eventId
}
