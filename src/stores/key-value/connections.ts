import { randomUUID } from 'node:crypto'
import { subscribedOf } from '../../catalog/subscribed.ts'
import type {
  ConnectionPatch,
  ConnectionRecord,
  ConnectionRepository,
  SubscribedConnection,
} from '../../contracts/index.ts'
import { SignalboxError } from '../../errors.ts'
import { parse } from '../../records/codec.ts'
import { applyPatch, changesSubscription } from '../../records/connection-body.ts'
import type { Database } from './database.ts'
import type { Drain } from './drain.ts'
import { noTransactions } from './enqueue.ts'
import { GONE, type LaneRow, type Lanes, laneKey, leasedOf, TRANSPORTS, wake } from './lane.ts'
import { keyOf, under } from './paths.ts'
import { type DeliveryRow, deliveryKey, queueUnder, save } from './rows.ts'
import type { Transaction } from './transaction.ts'

/** Where the active connections of an organisation are, with what matching needs. */
export const subscriptionKey = (orgId: string, id: string): string => keyOf('subscribed', orgId, id)
/** The name of that set: another one after each change. */
export const versionKey = (orgId: string): string => keyOf('subscriptions', orgId)
export const connectionsUnder = (orgId: string): string => under('connection-of', orgId)
const connectionOfKey = (orgId: string, id: string): string => keyOf('connection-of', orgId, id)
const uniqueKey = (orgId: string, key: string): string => keyOf('unique', orgId, key)

/** The version of an organisation that nothing is known of. */
const NO_CHANGE = 'none'

export function createConnections(db: Database, lanes: Lanes, { clear }: Pick<Drain, 'clear'>): ConnectionRepository {
  /** The connection alone: what waits for it is left to `clear`. */
  const remove = (orgId: string, id: string): Promise<boolean> =>
    db.run(async (tx) => {
      const lane = await lanes.find(tx, orgId, id)
      if (lane === undefined) return false
      const { record } = lane
      await keepTransport(tx, GONE)
      if (record.uniqueKey !== undefined) tx.remove(uniqueKey(orgId, record.uniqueKey))
      tx.remove(connectionOfKey(orgId, id))
      changeSubscription(tx, record, false)
      // should this process die before the rest is done, any claim will do it
      lanes.save(tx, { ...lane, record: undefined, nextAt: null, digestAt: null, cap: undefined })
      wake(tx, id)
      return true
    })

  return {
    insert: (record) =>
      db.run(async (tx) => {
        const lane = await lanes.read(tx, record.id)
        if (lane.record !== undefined) throw conflict('the id is taken', 'id')
        await takeUniqueKey(tx, record)
        await keepTransport(tx, record.transport)
        tx.put(connectionOfKey(record.orgId, record.id), record.id)
        changeSubscription(tx, record, record.status === 'active')
        lanes.save(tx, { ...lane, record, tokens: undefined, tokensAt: 0, nextAt: null })
        wake(tx, record.id)
      }),

    async get({ orgId, id }) {
      const record = (await db.read<LaneRow>(laneKey(id)))?.record
      return record?.orgId === orgId ? record : undefined
    },

    list: ({ orgId, transport, ...query }) => {
      const wanted = (lane: LaneRow | undefined) =>
        transport === undefined || lane?.record?.transport === transport ? lane?.record : undefined
      if (orgId === undefined) {
        return db.page(under('lane'), query, async ({ value }) => wanted(parse<LaneRow>(value)))
      }
      return db.page(connectionsUnder(orgId), query, async ({ value }) =>
        wanted(await db.read<LaneRow>(laneKey(parse<string>(value)))),
      )
    },

    update: (ref, patch, expectedVersion) =>
      db.run(async (tx) => {
        const lane = await lanes.find(tx, ref.orgId, ref.id)
        if (lane === undefined) throw new SignalboxError('not_found', `there is no connection ${ref.id}`)
        const { record: old } = lane
        if (old.version !== expectedVersion) throw conflict('the connection has changed meanwhile', 'version')
        const record = patched(old, patch)
        await takeUniqueKey(tx, record, old)
        if (record.transport !== old.transport) await keepTransport(tx, record.transport)
        if (changesSubscription(old, record)) changeSubscription(tx, record, record.status === 'active')
        if (old.ordering === 'fifo' && record.ordering !== 'fifo') await putInDueOrder(db, tx, lane)
        const tokens = record.pace && old.pace && Math.min(lane.tokens ?? old.pace.burst, record.pace.burst)
        // what waits is looked at again, at once
        lanes.save(tx, { ...lane, record, tokens, nextAt: null, cap: undefined })
        wake(tx, record.id)
        return record
      }),

    async delete({ orgId, id }, { now }) {
      if (!(await remove(orgId, id))) return false
      while (await clear(id, now));
      return true
    },

    async subscribed(orgId, { since, tx } = {}) {
      if (tx !== undefined) throw noTransactions()
      for (let tries = 0; ; tries++) {
        const version = (await db.read<string>(versionKey(orgId))) ?? NO_CHANGE
        if (since === version) return 'unchanged'
        const connections: SubscribedConnection[] = []
        for await (const { value } of db.scan(under('subscribed', orgId))) connections.push(parse(value))
        // the version was there before the set: at worst it says less than the set has, and is asked again
        const after = (await db.read<string>(versionKey(orgId))) ?? NO_CHANGE
        if (after === version || tries === MAX_READS) return { version, connections }
      }
    },
  }
}

/** Of a set that changes all the time. */
const MAX_READS = 3

function patched(old: ConnectionRecord, { blockedUntil, failingSince, ...fields }: ConnectionPatch): ConnectionRecord {
  const { blockedUntil: kept, ...body } = old
  const fails = failingSince !== undefined && old.health.consecutiveFailures > 0
  return {
    ...applyPatch(body, fields),
    ...(kept === undefined || blockedUntil === null ? {} : { blockedUntil: kept }),
    health: fails ? { ...old.health, firstFailureAt: failingSince } : old.health,
    version: old.version + 1,
  }
}

function changeSubscription(tx: Transaction, record: ConnectionRecord, active: boolean): void {
  const key = subscriptionKey(record.orgId, record.id)
  if (active) tx.put(key, subscribedOf(record))
  else tx.remove(key)
  tx.put(versionKey(record.orgId), randomUUID())
}

async function takeUniqueKey(tx: Transaction, record: ConnectionRecord, old?: ConnectionRecord): Promise<void> {
  if (record.uniqueKey === old?.uniqueKey) return
  if (old?.uniqueKey !== undefined) tx.remove(uniqueKey(old.orgId, old.uniqueKey))
  if (record.uniqueKey === undefined) return
  const key = uniqueKey(record.orgId, record.uniqueKey)
  if ((await tx.get(key)) !== undefined) throw conflict('another connection has this unique key', 'uniqueKey')
  tx.put(key, record.id)
}

async function keepTransport(tx: Transaction, transport: string): Promise<void> {
  const known = (await tx.get<readonly string[]>(TRANSPORTS)) ?? []
  if (!known.includes(transport)) tx.put(TRANSPORTS, [...known, transport])
}

/** Where order was kept the first of those that wait may have a place before it is due. */
async function putInDueOrder(db: Database, tx: Transaction, lane: LaneRow): Promise<void> {
  const leased = leasedOf(lane)
  const entries = await db.list(queueUnder(lane.id), '', leased.size + 1, true)
  const id = entries.map(({ value }) => parse<string>(value)).find((one) => !leased.has(one))
  const row = id === undefined ? undefined : await tx.get<DeliveryRow>(deliveryKey(id))
  if (row !== undefined) save(tx, { ...row, pos: row.record.dueAt }, row)
}

function conflict(rule: string, field: string): SignalboxError {
  return new SignalboxError('conflict', rule, { field })
}
