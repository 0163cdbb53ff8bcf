import type { DeliveryRecord, DigestContent, LeasedDelivery, NewDelivery } from '../../contracts/index.ts'
import { NOWHERE } from './ordered-queue.ts'
import { append } from './record-log.ts'
import type { Batch, Delivery, EventEntry, Lane, State } from './state.ts'

const NO_ATTEMPTS: Delivery['log'] = Object.freeze([])

/** Stores a delivery, pending, without offering it to its lane. */
export function addDelivery(
  state: State,
  lane: Lane,
  row: Pick<NewDelivery, 'id' | 'kind' | 'messageId' | 'eventId' | 'dueAt' | 'createdAt'>,
  event: EventEntry | undefined,
  digest?: DigestContent,
): Delivery {
  const delivery: Delivery = {
    seq: ++state.seq,
    place: NOWHERE,
    id: row.id,
    loggedAt: row.createdAt,
    removed: false,
    lane,
    kind: row.kind,
    messageId: row.messageId,
    eventId: row.eventId,
    event,
    digest,
    status: 'pending',
    dueAt: row.dueAt,
    finishedAt: undefined,
    attempts: 0,
    rounds: 0,
    lost: 0,
    code: undefined,
    httpStatus: undefined,
    failure: undefined,
    receipt: undefined,
    log: NO_ATTEMPTS,
    lease: undefined,
    leasedUntil: 0,
  }
  if (event !== undefined) event.uses++
  state.deliveries.set(row.id, delivery)
  append(lane.org.deliveryLog, delivery)
  return delivery
}

/** The delivery as its readers see it. Absent fields are absent, not `undefined`. */
export function recordOf(row: Delivery): DeliveryRecord {
  const record: { -readonly [F in keyof DeliveryRecord]: DeliveryRecord[F] } = {
    id: row.id,
    orgId: row.lane.org.id,
    connectionId: row.lane.id,
    kind: row.kind,
    messageId: row.messageId,
    status: row.status,
    dueAt: row.dueAt,
    createdAt: row.loggedAt,
    attempts: row.attempts,
    rounds: row.rounds,
  }
  if (row.eventId !== undefined) record.eventId = row.eventId
  if (row.digest !== undefined) record.digest = row.digest
  if (row.finishedAt !== undefined) record.finishedAt = row.finishedAt
  if (row.code !== undefined) record.code = row.code
  if (row.httpStatus !== undefined) record.httpStatus = row.httpStatus
  if (row.failure !== undefined) record.failure = row.failure
  if (row.receipt !== undefined) record.receipt = row.receipt
  return record
}

export function leasedRecordOf(row: Delivery, lease: Batch): LeasedDelivery {
  return Object.assign(recordOf(row), { status: 'sending' as const, token: lease.token, leasedUntil: row.leasedUntil })
}

/** Ends a pending delivery. The caller takes it out of its lane's queue. */
export function cancel(row: Delivery, now: number): void {
  row.status = 'cancelled'
  row.finishedAt = now
}
