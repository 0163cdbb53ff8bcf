import { randomUUID } from 'node:crypto'
import {
  applyHealth,
  type ConnectionRecord,
  type DeliveryRepository,
  returnTokens,
  type Settlement,
  type SettleResult,
} from 'signalbox'
import { claims } from './claim.ts'
import { collect } from './digests.ts'
import { purge } from './purge.ts'
import {
  add,
  connectionKey,
  deliveryKey,
  eventKey,
  type LooseRow,
  laneOf,
  move,
  type Row,
  save,
  saveEvent,
  touch,
} from './rows.ts'
import { type Database, indexed, path, refuseTx, type Transaction } from './transaction.ts'

export function deliveryRepository(db: Database, sealDue: (now: number) => Promise<void>): DeliveryRepository {
  const { claim, nextAt } = claims(db, sealDue)

  async function held(tx: Transaction, lease: Pick<Settlement, 'deliveryId' | 'connectionId' | 'token'>) {
    const row = await tx.get<Row>(deliveryKey(lease.deliveryId))
    return row?.lease?.token === lease.token && row.record.connectionId === lease.connectionId ? row : undefined
  }

  const deliveries: DeliveryRepository = {
    enqueue: (batch) =>
      db.run(async (tx) => {
        refuseTx(batch.tx)
        const [fresh, known] = [new Set<string>(), new Map<string, { orgId: string; id: string }>()]
        for (const event of batch.events) {
          const { orgId, id } = event
          const key = eventKey(orgId, id)
          if (fresh.has(key)) continue
          if (await tx.get(key)) {
            known.set(key, { orgId, id })
          } else {
            saveEvent(tx, undefined, { event, uses: 0 })
            fresh.add(key)
          }
        }
        for (const row of batch.deliveries) {
          if (row.eventId !== undefined && known.has(eventKey(row.orgId, row.eventId))) continue
          if (await tx.get(deliveryKey(row.id))) continue
          await add(tx, { ...row, status: 'pending', attempts: 0, rounds: 0 })
        }
        for (const entry of batch.collect) {
          if (!known.has(eventKey(entry.orgId, entry.eventId))) await collect(tx, entry)
        }
        return { duplicates: [...known.values()] }
      }),
    record: (record, attempts, latest) =>
      db.run(async (tx) => {
        await add(tx, record, attempts)
        const lane = await laneOf(tx, record.orgId, record.connectionId)
        if (!lane) return
        await touch(tx, record.orgId, record.connectionId, {
          record: { ...lane.record, health: { ...lane.record.health, latest } },
        })
      }),
    claim,
    settle: (settlements) =>
      db.run(async (tx) => {
        const stale: string[] = []
        const touched = new Map<string, SettleResult['connections'][number]>()
        for (const settlement of settlements) {
          const row = await held(tx, settlement)
          if (row?.record.orgId !== settlement.orgId) {
            stale.push(settlement.deliveryId)
            continue
          }
          await move(tx, row, settled(row.record, settlement), {
            lost: 0,
            attempts: [...row.attempts, ...settlement.attempts],
          })
          const lane = await laneOf(tx, settlement.orgId, settlement.connectionId)
          if (!lane) continue
          const record = affected(lane.record, settlement)
          tx.put(connectionKey(record.id), { ...lane, record })
          const { id, orgId, version, status, health } = record
          const suspends = status !== lane.record.status
          if (suspends) tx.put(path('subscriptions') + orgId, randomUUID())
          const before = touched.get(id)
          const suspended = suspends || before?.suspended === true
          touched.set(id, {
            orgId,
            id,
            version,
            status,
            before: before?.before ?? lane.record.health,
            after: health,
            suspended,
          })
        }
        return { stale, connections: [...touched.values()] }
      }),
    renew: (leases, until) =>
      db.run(async (tx) => {
        const lost: string[] = []
        for (const lease of leases) {
          const row = await held(tx, lease)
          if (row) save(tx, { ...row, lease: { token: lease.token, until } }, row)
          else lost.push(lease.deliveryId)
        }
        return lost
      }),
    release: (leases) =>
      db.run(async (tx) => {
        for (const lease of leases) {
          const row = await held(tx, lease)
          if (!row) continue
          await move(tx, row, { ...row.record, status: 'pending' })
          const lane = await laneOf(tx, row.record.orgId, lease.connectionId)
          if (!lane) continue
          const tokens = returnTokens(lane.record.pace, lane.tokens, 1)
          tx.put(connectionKey(lease.connectionId), { ...lane, tokens })
        }
      }),
    async get({ orgId, id }) {
      const row = await db.read<Row>(deliveryKey(id))
      return row?.record.orgId === orgId ? row.record : undefined
    },
    list: ({ orgId, connectionId, eventId, status, since = 0, until = Number.POSITIVE_INFINITY, ...query }) =>
      db.page(path('delivery-at', orgId), query, async (entry) => {
        const record = (await db.read<Row>(indexed(entry)))?.record
        if (!record || record.createdAt < since || record.createdAt >= until) return undefined
        if (connectionId !== undefined && record.connectionId !== connectionId) return undefined
        if (eventId !== undefined && record.eventId !== eventId) return undefined
        return status === undefined || status.includes(record.status) ? record : undefined
      }),
    async attempts({ orgId, id }) {
      const row = await db.read<Row>(deliveryKey(id))
      return row?.record.orgId === orgId ? row.attempts : []
    },
    async reschedule({ orgId, filter, to, now, limit }) {
      let ids = 'ids' in filter ? filter.ids : []
      if ('failedSince' in filter) {
        const { connectionId, failedSince: since } = filter
        const { items } = await deliveries.list({ orgId, connectionId, since, status: ['failed'], limit })
        ids = items.map((row) => row.id)
      }
      const from = 'ids' in filter ? ['pending', 'failed', 'cancelled'] : ['failed']
      const allowed = to.status === 'cancelled' ? from.filter((status) => status === 'pending') : from
      return db.run(async (tx) => {
        const changed: string[] = []
        for (const id of ids) {
          const row = await tx.get<Row>(deliveryKey(id))
          if (changed.length === limit || row?.record.orgId !== orgId) continue
          const { record } = row
          if (!allowed.includes(record.status)) continue
          const reopened = { rounds: 0, finishedAt: undefined, failure: undefined }
          const rest = to.status === 'pending' ? reopened : { finishedAt: now }
          await move(tx, row, { ...record, ...rest, ...to }, { lost: 0 })
          changed.push(id)
        }
        return changed
      })
    },
    purge: (request) => purge(db, request),
    nextDueAt: (transports) => nextAt({ transports, perConnection: Number.POSITIVE_INFINITY }),
  }

  return deliveries
}

/** A delivery after its lease was settled. */
function settled(record: Row['record'], { next, exchanges, code, httpStatus, at }: Settlement): LooseRow['record'] {
  const ends = next.status !== 'pending'
  return {
    ...record,
    status: next.status,
    attempts: record.attempts + exchanges,
    rounds: record.rounds + (ends || exchanges === 0 ? 0 : 1),
    dueAt: ends ? record.dueAt : next.dueAt,
    finishedAt: ends ? at : undefined,
    receipt: next.status === 'delivered' ? next.receipt : undefined,
    failure: next.status === 'failed' ? next.failure : undefined,
    code,
    httpStatus,
  }
}

/** Its connection after the same. */
function affected(record: ConnectionRecord, { health, blockedUntil = 0, suspend }: Settlement): ConnectionRecord {
  return {
    ...record,
    health: health ? applyHealth(record.health, health) : record.health,
    ...(blockedUntil > (record.blockedUntil ?? 0) ? { blockedUntil } : {}),
    ...(suspend && record.status === 'active' ? { status: 'suspended', reason: suspend } : {}),
  }
}
