import type { Ref } from '../../contracts/connection.ts'
import type { AttemptRecord, DeliveryRecord, DeliveryStatus } from '../../contracts/delivery.ts'
import type { DeliveryRepository, Page } from '../../contracts/store.ts'
import { KINDS, type Mutable, parse, readAttempt, STATUS_NUMBERS, statusName } from '../../records/codec.ts'
import { leasedIn, readLeases } from '../../records/lane-times.ts'
import { cursor, page, readCursor } from '../../records/paging.ts'
import type { Query } from './access.ts'
import { withContent } from './claimed.ts'
import { int, list, maybeInt, maybeText, type Row, text } from './values.ts'

const SELECT = `
SELECT d.did, d.id, d.org_id, d.lane, d.kind, d.status, coalesce(d.due_at, d.pos) AS due, d.created_at, d.finished_at,
  d.attempts, d.rounds, d.http, coalesce(d.message_id, e.message_id) AS message_id, d.code, d.failure, d.receipt,
  d.content, e.id AS event_id, CASE WHEN d.status = 0 THEN l.leases END AS leases
FROM @.delivery d LEFT JOIN @.event e ON e.eid = d.eid LEFT JOIN @.lane l ON l.id = d.lane AND d.status = 0`

function toDelivery(row: Row): DeliveryRecord {
  const leases = maybeText(row.leases)
  const leased = leases !== undefined && leasedIn(readLeases(leases)).has(int(row.did))
  const delivery: Mutable<DeliveryRecord> = {
    id: text(row.id),
    orgId: text(row.org_id),
    connectionId: text(row.lane),
    kind: KINDS[int(row.kind)] ?? 'event',
    messageId: maybeText(row.message_id) ?? '',
    status: statusName(int(row.status), leased),
    dueAt: int(row.due),
    createdAt: int(row.created_at),
    attempts: int(row.attempts),
    rounds: int(row.rounds),
  }
  if (typeof row.event_id === 'string') delivery.eventId = row.event_id
  if (typeof row.content === 'string') withContent(delivery, row.content)
  const finishedAt = maybeInt(row.finished_at)
  if (finishedAt !== undefined) delivery.finishedAt = finishedAt
  if (typeof row.code === 'string') delivery.code = row.code as NonNullable<DeliveryRecord['code']>
  const http = maybeInt(row.http)
  if (http !== undefined) delivery.httpStatus = http
  if (typeof row.failure === 'string') delivery.failure = row.failure as NonNullable<DeliveryRecord['failure']>
  if (typeof row.receipt === 'string') delivery.receipt = parse(row.receipt)
  return delivery
}

export async function getDelivery(query: Query, { orgId, id }: Ref): Promise<DeliveryRecord | undefined> {
  const [row] = await query(`${SELECT} WHERE d.id = $1 AND d.org_id = $2`, [id, orgId])
  return row && toDelivery(row)
}

const ATTEMPTS = `
SELECT d.lane, d.first, a.number, a.body
FROM @.delivery d LEFT JOIN @.attempt a ON a.did = d.did WHERE d.id = $1 AND d.org_id = $2 ORDER BY a.number`

export async function attemptsOf(query: Query, { orgId, id }: Ref): Promise<readonly AttemptRecord[]> {
  const rows = await query(ATTEMPTS, [id, orgId])
  const [head] = rows
  if (!head) return []
  const of = { deliveryId: id, orgId, connectionId: text(head.lane) }
  const later = rows.filter((row) => typeof row.body === 'string')
  return [
    ...(typeof head.first === 'string' ? [readAttempt(head.first, 1, of)] : []),
    ...later.map((row) => readAttempt(text(row.body), int(row.number), of)),
  ]
}

type ListQuery = Parameters<DeliveryRepository['list']>[0]

/** Rows looked at in one go where leased and waiting ones have to be told apart. */
const LOOK = 500

export async function listDeliveries(query: Query, request: ListQuery): Promise<Page<DeliveryRecord>> {
  const wanted = request.status && new Set<DeliveryStatus>(request.status)
  // a lease is not seen by SQL: where only one of the two live states is asked for, the rest is sorted out here
  const sorted = wanted !== undefined && wanted.has('pending') !== wanted.has('sending')
  const found: DeliveryRecord[] = []
  let after = request.after === undefined ? undefined : readCursor(request.after, 2)
  for (;;) {
    const most = sorted ? Math.max(LOOK, request.limit + 1) : request.limit + 1
    const rows = await portion(query, request, after, most)
    for (const row of rows) if (!sorted || wanted.has(row.status)) found.push(row)
    const last = rows.at(-1)
    if (found.length > request.limit || rows.length < most || !last) break
    after = [last.createdAt, last.id]
  }
  return page(found, request.limit, (last) => cursor(last.createdAt, last.id))
}

async function portion(
  query: Query,
  { orgId, connectionId, eventId, status, since, until }: ListQuery,
  after: readonly (string | number)[] | undefined,
  limit: number,
): Promise<readonly DeliveryRecord[]> {
  const where = ['d.org_id = $1']
  const values: string[] = [orgId]
  const value = (given: string | number): string => `$${values.push(String(given))}`
  if (connectionId !== undefined) where.push(`d.lane = ${value(connectionId)}`)
  if (eventId !== undefined) {
    where.push(`d.eid = (SELECT eid FROM @.event WHERE org_id = $1 AND id = ${value(eventId)})`)
  }
  if (status) {
    const numbers = [...new Set(status.map((name) => STATUS_NUMBERS[name]))]
    // written out where it is one: a partial index has the rest left out
    where.push(
      numbers.length === 1 ? `d.status = ${numbers[0]}` : `d.status = ANY(${value(list(numbers))}::text::smallint[])`,
    )
  }
  if (since !== undefined) where.push(`d.created_at >= ${value(Math.ceil(since))}::text::bigint`)
  if (until !== undefined) where.push(`d.created_at < ${value(Math.ceil(until))}::text::bigint`)
  if (after) {
    const [createdAt = 0, id = ''] = after
    const at = `${value(createdAt)}::text::bigint`
    // the first condition alone can use the index
    where.push(`d.created_at <= ${at} AND (d.created_at, d.id) < (${at}, ${value(id)})`)
  }
  const order = `ORDER BY d.created_at DESC, d.id DESC LIMIT ${value(limit)}::text::int`
  return (await query(`${SELECT} WHERE ${where.join(' AND ')} ${order}`, values)).map(toDelivery)
}
