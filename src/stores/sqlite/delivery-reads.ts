import type { Ref } from '../../contracts/connection.ts'
import type { AttemptRecord, DeliveryRecord, DeliveryStatus } from '../../contracts/delivery.ts'
import type { DeliveryRepository, Page } from '../../contracts/store.ts'
import {
  FAILED,
  KINDS,
  LIVE,
  type Mutable,
  parse,
  readAttempt,
  STATUS_NUMBERS,
  statusName,
} from '../../records/codec.ts'
import { leasedIn, readLeases } from '../../records/lane-times.ts'
import { cursor, page, readCursor } from '../../records/paging.ts'
import { withContent } from './claimed.ts'
import { int, maybeText, type Row, type Session, text } from './driver.ts'
import type { Names } from './names.ts'

const SELECT = `
SELECT d.did, d.id, d.lid, d.kind, d.status, ifnull(d.due_at, d.pos), d.created_at, d.finished_at, d.attempts, d.rounds,
  d.http, d.message_id, d.code, d.failure, d.receipt, d.content, e.id,
  CASE WHEN d.message_id IS NULL THEN e.body ->> '$.messageId' END,
  CASE WHEN d.status = 0 THEN (SELECT leases FROM signalbox_lane l WHERE l.lid = d.lid) END
FROM signalbox_delivery d LEFT JOIN signalbox_event e ON e.eid = d.eid`

function toDelivery(session: Session, names: Names, orgId: string, row: Row): DeliveryRecord {
  const [did, id, lid, kind, status, dueAt, createdAt, finishedAt, attempts, rounds, http] = row
  const [ownMessageId, code, failure, receipt, content, eventId, messageId, leases] = row.slice(11)
  const leased = typeof leases === 'string' && leasedIn(readLeases(leases)).has(int(did))
  const delivery: Mutable<DeliveryRecord> = {
    id: text(id),
    orgId,
    connectionId: names.connectionId(session, int(lid)),
    kind: KINDS[int(kind)] ?? 'event',
    messageId: maybeText(ownMessageId) ?? maybeText(messageId) ?? '',
    status: statusName(int(status), leased),
    dueAt: int(dueAt),
    createdAt: int(createdAt),
    attempts: int(attempts),
    rounds: int(rounds),
  }
  if (typeof eventId === 'string') delivery.eventId = eventId
  if (typeof content === 'string') withContent(delivery, content)
  if (typeof finishedAt === 'number') delivery.finishedAt = finishedAt
  if (typeof code === 'string') delivery.code = code as NonNullable<DeliveryRecord['code']>
  if (typeof http === 'number') delivery.httpStatus = http
  if (typeof failure === 'string') delivery.failure = failure as NonNullable<DeliveryRecord['failure']>
  if (typeof receipt === 'string') delivery.receipt = parse(receipt)
  return delivery
}

export function getDelivery(session: Session, names: Names, { orgId, id }: Ref): DeliveryRecord | undefined {
  const oid = names.findOrg(session, orgId)
  if (oid === undefined) return undefined
  const row = session.get(`${SELECT} WHERE d.id = ? AND d.oid = ?`, id, oid)
  return row && toDelivery(session, names, orgId, row)
}

export function attemptsOf(session: Session, names: Names, { orgId, id }: Ref): readonly AttemptRecord[] {
  const oid = names.findOrg(session, orgId)
  if (oid === undefined) return []
  const row = session.get('SELECT did, lid, first FROM signalbox_delivery WHERE id = ? AND oid = ?', id, oid)
  if (!row) return []
  const of = { deliveryId: id, orgId, connectionId: names.connectionId(session, int(row[1])) }
  const first = maybeText(row[2])
  const later = session.all('SELECT number, body FROM signalbox_attempt WHERE did = ? ORDER BY number', int(row[0]))
  return [
    ...(first === undefined ? [] : [readAttempt(first, 1, of)]),
    ...later.map(([number, body]) => readAttempt(text(body), int(number), of)),
  ]
}

type ListQuery = Parameters<DeliveryRepository['list']>[0]

/** Rows looked at in one go where leased and waiting ones have to be told apart. */
const LOOK = 500

export function listDeliveries(session: Session, names: Names, query: ListQuery): Page<DeliveryRecord> {
  const oid = names.findOrg(session, query.orgId)
  if (oid === undefined) return { items: [] }
  const wanted = query.status && new Set<DeliveryStatus>(query.status)
  // a lease is not seen by SQL: where only one of the two live states is asked for, the rest is sorted out here
  const sorted = wanted !== undefined && wanted.has('pending') !== wanted.has('sending')
  const found: DeliveryRecord[] = []
  let after = query.after === undefined ? undefined : readCursor(query.after, 2)
  for (;;) {
    const most = sorted ? Math.max(LOOK, query.limit + 1) : query.limit + 1
    const rows = portion(session, names, oid, query, after, most)
    for (const row of rows) if (!sorted || wanted.has(row.status)) found.push(row)
    const last = rows.at(-1)
    if (found.length > query.limit || rows.length < most || !last) break
    after = [last.createdAt, last.id]
  }
  return page(found, query.limit, (last) => cursor(last.createdAt, last.id))
}

function portion(
  session: Session,
  names: Names,
  oid: number,
  { orgId, connectionId, eventId, status, since, until }: ListQuery,
  after: readonly (string | number)[] | undefined,
  limit: number,
): readonly DeliveryRecord[] {
  const numbers = status && [...new Set(status.map((name) => STATUS_NUMBERS[name]))].sort()
  // Left to itself SQLite walks the organisation's deliveries by time. Those of an event, and what waits or has failed
  // of a connection, have an index of their own with fewer to look at: the `+` keeps the first one out.
  const indexed = numbers?.length === 1 && (numbers[0] === LIVE || numbers[0] === FAILED)
  const narrow = eventId !== undefined || (connectionId !== undefined && indexed)
  const where = [narrow ? '+d.oid = ?' : 'd.oid = ?']
  const values: (string | number)[] = [oid]
  const add = (clause: string, ...parameters: readonly (string | number)[]): void => {
    where.push(clause)
    values.push(...parameters)
  }
  if (connectionId !== undefined) add('d.lid = ?', names.findLane(session, connectionId) ?? -1)
  if (eventId !== undefined) {
    add('d.eid = (SELECT eid FROM signalbox_event WHERE oid = ? AND id = ?)', oid, eventId)
  }
  if (numbers) add(numbers.length === 1 ? `d.status = ${numbers[0]}` : `d.status IN (${numbers.join(', ')})`)
  if (since !== undefined) add('d.created_at >= ?', since)
  if (until !== undefined) add('d.created_at < ?', until)
  if (after) {
    const [createdAt = 0, id = ''] = after
    add('d.created_at <= ? AND (d.created_at < ? OR d.id < ?)', createdAt, createdAt, id)
  }
  const sql = `${SELECT} WHERE ${where.join(' AND ')} ORDER BY d.created_at DESC, d.id DESC LIMIT ?`
  return session.all(sql, ...values, limit).map((row) => toDelivery(session, names, orgId, row))
}
