import type { AttemptRecord, DeliveryRecord, Lease, Settlement } from '../../contracts/index.ts'
import { keyOf, newestFirst, under } from './paths.ts'
import type { Transaction } from './transaction.ts'

/** A delivery. Whether it is leased stands in its lane. */
export interface DeliveryRow {
  readonly record: DeliveryRecord
  /** Its place in the queue: epoch ms. When it is due; of a `fifo` connection, when it was due first. */
  readonly pos: number
}

/** As it is before JSON leaves out what is `undefined`. */
type Loose<T> = { readonly [K in keyof T]: T[K] | (object extends Pick<T, K> ? undefined : never) }
/** A row that is being changed. */
export type LooseRow = Omit<DeliveryRow, 'record'> & { readonly record: Loose<DeliveryRecord> }

export const deliveryKey = (id: string): string => keyOf('delivery', id)
export const eventKey = (orgId: string, id: string): string => keyOf('event', orgId, id)
export const eventTimeKey = (orgId: string, acceptedAt: number, id: string): string =>
  keyOf('event-at', orgId, acceptedAt, id)
/** What needs an event: it is not purged before. */
export const refKey = (
  orgId: string,
  eventId: string,
  { id, createdAt }: Pick<DeliveryRecord, 'id' | 'createdAt'>,
): string => keyOf('ref', orgId, eventId, newestFirst(createdAt), id)
const endedKey = (finishedAt: number, id: string): string => keyOf('ended', finishedAt, id)
const attemptKey = (id: string, number: number): string => keyOf('attempt', id, number)
export const queueUnder = (connectionId: string): string => under('queue', connectionId)

/** Keys that lead to a delivery, with what stands there. */
export function indexesOf({ record, pos }: LooseRow): ReadonlyMap<string, string> {
  const { id, orgId, connectionId, eventId, createdAt, finishedAt, status } = record
  const keys = new Map([
    [keyOf('of-org', orgId, newestFirst(createdAt), id), id],
    [keyOf('of-connection', orgId, connectionId, newestFirst(createdAt), id), id],
  ])
  if (eventId !== undefined) keys.set(refKey(orgId, eventId, record), id)
  if (status === 'pending') keys.set(keyOf('queue', connectionId, pos, id), id)
  if (finishedAt !== undefined) keys.set(endedKey(finishedAt, id), orgId)
  return keys
}

/** Writes a delivery, in place of `old` if there was one. */
export function save(tx: Transaction, next: LooseRow, old?: LooseRow): void {
  const after = indexesOf(next)
  const before = old === undefined ? undefined : indexesOf(old)
  for (const key of before?.keys() ?? []) if (!after.has(key)) tx.remove(key)
  for (const [key, value] of after) if (!before?.has(key)) tx.put(key, value)
  tx.put(deliveryKey(next.record.id), next)
}

/** At most so many keys of a commit are one delivery's, apart from its attempts: `save` of one that changes. */
export const KEYS_A_DELIVERY = 6

export function addAttempts(tx: Transaction, attempts: readonly AttemptRecord[]): void {
  for (const attempt of attempts) tx.put(attemptKey(attempt.deliveryId, attempt.number), attempt)
}

/** Ends a delivery that waits. */
export function cancel(tx: Transaction, row: DeliveryRow, now: number): void {
  save(tx, { ...row, record: { ...row.record, status: 'cancelled', finishedAt: now } }, row)
}

/** Fails a delivery whose leases were lost too often. */
export function abandon(tx: Transaction, row: DeliveryRow, now: number): void {
  const { record } = row
  const { id, orgId, connectionId } = record
  const number = record.attempts + 1
  const of = { deliveryId: id, orgId, connectionId, number }
  addAttempts(tx, [{ ...of, startedAt: now, durationMs: 0, outcome: 'retry', code: 'abandoned' }])
  const end = { status: 'failed', failure: 'abandoned', code: 'abandoned', httpStatus: undefined } as const
  save(tx, { ...row, record: { ...record, ...end, attempts: number, finishedAt: now } }, row)
}

/** A delivery after its lease was settled. `fifo`: it keeps its place. */
export function settled(row: DeliveryRow, settlement: Settlement, fifo: boolean): LooseRow {
  const { next, exchanges, code, httpStatus, at } = settlement
  const { record } = row
  const waits = next.status === 'pending'
  const dueAt = waits ? next.dueAt : record.dueAt
  return {
    ...row,
    pos: waits && !fifo ? dueAt : row.pos,
    record: {
      ...record,
      status: next.status,
      attempts: record.attempts + exchanges,
      rounds: record.rounds + (waits && exchanges > 0 ? 1 : 0),
      dueAt,
      finishedAt: waits ? undefined : at,
      receipt: next.status === 'delivered' ? next.receipt : undefined,
      failure: next.status === 'failed' ? next.failure : undefined,
      code,
      httpStatus,
    },
  }
}

export function byConnection<T extends Pick<Lease, 'connectionId'>>(items: readonly T[]): ReadonlyMap<string, T[]> {
  return Map.groupBy(items, (item) => item.connectionId)
}
