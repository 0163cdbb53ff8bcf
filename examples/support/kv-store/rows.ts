// What is stored, under which keys, and how rows change. An index is a key whose value is the key of a row.
import type { AttemptRecord, ConnectionRecord, DeliveryRecord, StoredEvent } from 'signalbox'
import { type Database, indexed, path, type Transaction } from './transaction.ts'

/** A connection, and what its next claim depends on. Whatever changes its deliveries or digests rewrites this row. */
export interface Lane {
  readonly record: ConnectionRecord
  /** Of the delivery that was added last: the order of `fifo`. */
  readonly position: number
  /** When it was visited last: claims visit the lowest first. */
  readonly turn: number
  readonly tokens: number
  readonly tokensAt: number
}

export interface Row {
  readonly record: DeliveryRecord
  /** Its place in the order of `fifo`. */
  readonly position: number
  readonly attempts: readonly AttemptRecord[]
  /** Keys of the events that it keeps from being purged. */
  readonly events: readonly string[]
  /** Leases lost in a row. */
  readonly lost: number
  readonly lease?: { readonly token: string; readonly until: number }
}

export interface EventRow {
  readonly event: StoredEvent
  /** Deliveries and open digests that need it. */
  readonly uses: number
}

/** As it is before JSON leaves out what is `undefined`. */
type Loose<T> = { readonly [K in keyof T]: T[K] | (object extends Pick<T, K> ? undefined : never) }
/** A row that is being changed. */
export type LooseRow = Omit<Loose<Row>, 'record'> & { readonly record: Loose<DeliveryRecord> }

export const connectionKey = (id: string): string => `connection/${id}`
export const deliveryKey = (id: string): string => `delivery/${id}`
export const eventKey = (orgId: string, id: string): string => path('event', orgId) + id

/** Earlier than any instant that a store will see: what is subtracted from it sorts newest first. */
const FAR_FUTURE = 1e15

export function deliveryIndexes({ record, position, lease }: LooseRow): readonly string[] {
  const { id, orgId, connectionId, createdAt, finishedAt, status, dueAt } = record
  const keys = [path('delivery-at', orgId, FAR_FUTURE - createdAt) + id]
  if (status === 'pending') {
    keys.push(path('due', connectionId, orgId, dueAt) + id, path('fifo', connectionId, orgId, position) + id)
  }
  if (lease) keys.push(path('lease', lease.until) + id, path('leased', connectionId, orgId) + id)
  if (finishedAt !== undefined) keys.push(path('ended', finishedAt) + id)
  return keys
}

function eventIndexes({ event, uses }: EventRow): readonly string[] {
  const { id, orgId, acceptedAt } = event
  const byTime = path('event-at', orgId, acceptedAt) + id
  return uses > 0 ? [byTime] : [byTime, path('unused', acceptedAt, orgId) + id]
}

/** Writes a row in place of `old` and keeps its indexes, whose values are its key. Absent `next`: deletes. */
export function replace<T>(
  tx: Transaction,
  key: string,
  indexes: (row: T) => readonly string[],
  { old, next }: { readonly old?: T | undefined; readonly next?: T | undefined },
): void {
  if (old !== undefined) for (const index of indexes(old)) tx.put(index)
  if (next !== undefined) for (const index of indexes(next)) tx.put(index, key)
  tx.put(key, next)
}

// ---------------------------------------------------------------------------------------------- changes

/** Writes a delivery in place of `old`. */
export const save = (tx: Transaction, next: LooseRow, old?: Row): void =>
  replace<LooseRow>(tx, deliveryKey(next.record.id), deliveryIndexes, { old, next })

/** Without `next` it deletes. */
export const saveEvent = (tx: Transaction, old: EventRow | undefined, next?: EventRow): void => {
  const event = (next ?? old)?.event
  if (event) replace(tx, eventKey(event.orgId, event.id), eventIndexes, { old, next })
}

/** The connection, if it is this organisation's. */
export async function laneOf(tx: Transaction, orgId: string, id: string): Promise<Lane | undefined> {
  const lane = await tx.get<Lane>(connectionKey(id))
  return lane?.record.orgId === orgId ? lane : undefined
}

/** Rewrites the row of a connection: every other transaction that has read it begins again. */
export async function touch(tx: Transaction, orgId: string, id: string, change: Partial<Lane> = {}): Promise<void> {
  const lane = await laneOf(tx, orgId, id)
  if (lane) tx.put(connectionKey(id), { ...lane, ...change })
}

/** Counts that something needs these events, or no longer does. Answers the keys of those that are stored. */
export async function use(tx: Transaction, keys: readonly string[], uses: 1 | -1): Promise<readonly string[]> {
  const found: string[] = []
  for (const key of keys) {
    const row = await tx.get<EventRow>(key)
    if (!row) continue
    saveEvent(tx, row, { ...row, uses: row.uses + uses })
    found.push(key)
  }
  return found
}

/** Stores a new delivery, last in the order of its connection. */
export async function add(
  tx: Transaction,
  record: Row['record'],
  attempts: readonly AttemptRecord[] = [],
): Promise<void> {
  const { orgId, connectionId, eventId, digest } = record
  const needed = eventId === undefined ? (digest?.eventIds ?? []) : [eventId]
  const events = await use(
    tx,
    needed.map((id) => eventKey(orgId, id)),
    1,
  )
  const position = ((await laneOf(tx, orgId, connectionId))?.position ?? 0) + 1
  await touch(tx, orgId, connectionId, { position })
  save(tx, { record, position, attempts, events, lost: 0 })
}

/** Takes away the lease, if any, and writes what is new. */
export async function move(
  tx: Transaction,
  row: Row,
  record: LooseRow['record'],
  rest: Partial<Row> = {},
): Promise<void> {
  save(tx, { ...row, ...rest, record, lease: undefined }, row)
  await touch(tx, record.orgId, record.connectionId)
}

/** Cancels what waits for a connection that is not there (any more). */
export async function cancelWaiting(db: Database, orgId: string, connectionId: string, now: number): Promise<void> {
  for await (const entry of db.scan(path('due', connectionId, orgId))) {
    await db.run(async (tx) => {
      const row = await tx.get<Row>(indexed(entry))
      if (row?.record.status !== 'pending' || (await laneOf(tx, orgId, connectionId))) return
      await move(tx, row, { ...row.record, status: 'cancelled', finishedAt: now })
    })
  }
}
