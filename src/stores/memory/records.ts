import type { DeliveryRecord, DigestContent, LeasedDelivery, NewDelivery } from '../../contracts/index.ts'
import { NOWHERE } from './ordered-queue.ts'
import { append } from './record-log.ts'
import type { Batch, Delivery, EventEntry, Lane, Progress, State } from './state.ts'

const NO_PROGRESS: Progress = Object.freeze({
  finishedAt: undefined,
  attempts: 0,
  rounds: 0,
  lost: 0,
  code: undefined,
  httpStatus: undefined,
  failure: undefined,
  receipt: undefined,
  log: Object.freeze([]),
})

/** The delivery's own, to be changed. */
export function progressOf(row: Delivery): Progress {
  if (row.progress === NO_PROGRESS) row.progress = { ...NO_PROGRESS }
  return row.progress
}

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
    createdAt: row.createdAt,
    removed: false,
    lane,
    kind: row.kind,
    messageId: row.messageId,
    event: event ?? row.eventId,
    digest,
    status: 'pending',
    dueAt: row.dueAt,
    progress: NO_PROGRESS,
    lease: undefined,
    leasedUntil: 0,
  }
  if (event !== undefined) event.uses++
  state.deliveries.set(row.id, delivery)
  append(lane.org.deliveryLog, delivery)
  return delivery
}

export function eventIdOf({ event }: Delivery): string | undefined {
  return typeof event === 'object' ? event.event.id : event
}

/** The delivery as its readers see it. Absent fields are absent, not `undefined`. */
export function recordOf(row: Delivery): DeliveryRecord {
  const { progress } = row
  const eventId = eventIdOf(row)
  const record: { -readonly [F in keyof DeliveryRecord]: DeliveryRecord[F] } = {
    id: row.id,
    orgId: row.lane.org.id,
    connectionId: row.lane.id,
    kind: row.kind,
    messageId: row.messageId,
    status: row.status,
    dueAt: row.dueAt,
    createdAt: row.createdAt,
    attempts: progress.attempts,
    rounds: progress.rounds,
  }
  if (eventId !== undefined) record.eventId = eventId
  if (row.digest !== undefined) record.digest = row.digest
  if (progress.finishedAt !== undefined) record.finishedAt = progress.finishedAt
  if (progress.code !== undefined) record.code = progress.code
  if (progress.httpStatus !== undefined) record.httpStatus = progress.httpStatus
  if (progress.failure !== undefined) record.failure = progress.failure
  if (progress.receipt !== undefined) record.receipt = progress.receipt
  return record
}

export function leasedRecordOf(row: Delivery, lease: Batch): LeasedDelivery {
  return Object.assign(recordOf(row), { status: 'sending' as const, token: lease.token, leasedUntil: row.leasedUntil })
}

/** Ends a pending delivery. The caller takes it out of its lane's queue. */
export function cancel(row: Delivery, now: number): void {
  row.status = 'cancelled'
  progressOf(row).finishedAt = now
}
