import { randomUUID } from 'node:crypto'
import { type ConnectionRecord, type ConnectionRepository, SignalboxError } from 'signalbox'
import { removeDigest } from './digests.ts'
import { cancelWaiting, connectionKey, type Lane, laneOf } from './rows.ts'
import { conflict, type Database, indexed, path, refuseTx, type Transaction } from './transaction.ts'

export function connectionRepository(db: Database): ConnectionRepository {
  return {
    insert: (record) =>
      db.run(async (tx) => {
        if (await tx.get(connectionKey(record.id))) throw conflict('a connection has this id', 'id')
        const tokens = record.pace?.burst ?? 0
        await writeConnection(tx, { record, position: 0, turn: 0, tokens, tokensAt: 0 })
      }),
    get: async ({ orgId, id }) => (await db.run((tx) => laneOf(tx, orgId, id)))?.record,
    list: ({ orgId, transport, ...query }) =>
      db.page(orgId === undefined ? 'connection/' : ofOrg(orgId), query, async (entry) => {
        const lane = await db.read<Lane>(orgId === undefined ? entry.key : indexed(entry))
        return transport === undefined || lane?.record.transport === transport ? lane?.record : undefined
      }),
    update: ({ orgId, id }, { failingSince, ...patch }, expectedVersion) =>
      db.run(async (tx) => {
        const lane = await laneOf(tx, orgId, id)
        if (!lane) throw new SignalboxError('not_found', `connection ${id} does not exist`)
        const { record: old } = lane
        if (old.version !== expectedVersion) throw conflict('the connection has changed', 'version')
        const fails = failingSince !== undefined && old.health.consecutiveFailures > 0
        const health = fails ? { ...old.health, firstFailureAt: failingSince } : old.health
        const fields = Object.entries({ ...old, ...patch, health, version: old.version + 1 })
        // null removes what may be absent; the type of a patch allows nothing else
        const record = Object.fromEntries(fields.filter(([, value]) => value !== null)) as unknown as ConnectionRecord
        const burst = record.pace?.burst ?? 0
        await writeConnection(tx, { ...lane, record, tokens: old.pace ? Math.min(lane.tokens, burst) : burst }, old)
        return record
      }),
    async delete({ orgId, id }, { now }) {
      const existed = await removeConnection(db, orgId, id)
      await cancelWaiting(db, orgId, id, now)
      return existed
    },
    subscribed: (orgId, options) =>
      db.run(async (tx) => {
        refuseTx(options?.tx)
        // the version is checked at the end: nothing that it stands for has changed while the set was read
        const version = (await tx.get<string>(path('subscriptions') + orgId)) ?? 'none'
        if (options?.since === version) return 'unchanged'
        const active: ConnectionRecord[] = []
        for await (const entry of db.scan(ofOrg(orgId))) {
          const lane = await db.read<Lane>(indexed(entry))
          if (lane?.record.status === 'active') active.push(lane.record)
        }
        return { version, connections: active }
      }),
  }
}

export const ofOrg = (orgId: string): string => path('connection-of', orgId)
const uniqueKeyOf = ({ orgId, uniqueKey }: ConnectionRecord): string => path('unique', orgId) + (uniqueKey ?? '')

async function writeConnection(tx: Transaction, lane: Lane, old?: ConnectionRecord): Promise<void> {
  const { record } = lane
  if (record.uniqueKey !== old?.uniqueKey) {
    if (old?.uniqueKey !== undefined) tx.put(uniqueKeyOf(old))
    if (record.uniqueKey !== undefined) {
      if (await tx.get(uniqueKeyOf(record))) throw conflict('another connection has this uniqueKey', 'uniqueKey')
      tx.put(uniqueKeyOf(record), record.id)
    }
  }
  tx.put(connectionKey(record.id), lane)
  tx.put(ofOrg(record.orgId) + record.id, connectionKey(record.id))
  tx.put(path('subscriptions') + record.orgId, randomUUID())
}

/** Takes its open digests with it, and leaves its deliveries. Answers whether there was one. */
export const removeConnection = (db: Database, orgId: string, id: string): Promise<boolean> =>
  db.run(async (tx) => {
    const lane = await laneOf(tx, orgId, id)
    if (!lane) return false
    for await (const { key } of db.scan(path('digest', id, orgId))) await removeDigest(tx, key)
    if (lane.record.uniqueKey !== undefined) tx.put(uniqueKeyOf(lane.record))
    tx.put(connectionKey(id))
    tx.put(ofOrg(orgId) + id)
    tx.put(path('subscriptions') + orgId, randomUUID())
    return true
  })
