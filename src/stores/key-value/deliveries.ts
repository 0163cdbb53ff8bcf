import type { AttemptRecord, ConnectionRepository, DeliveryRecord, DeliveryRepository } from '../../contracts/index.ts'
import { parse } from '../../records/codec.ts'
import type { Database } from './database.ts'
import { createEnqueue } from './enqueue.ts'
import type { Intents } from './intents.ts'
import { type LaneRow, type Lanes, laneKey, leasedOf } from './lane.ts'
import { keyOf, newestFirst, under } from './paths.ts'
import { createPurge } from './purge.ts'
import { createReschedule } from './reschedule.ts'
import type { Rotation } from './rotation.ts'
import { addAttempts, type DeliveryRow, deliveryKey, save } from './rows.ts'
import { createSettle } from './settle.ts'

interface Parts {
  readonly lanes: Lanes
  readonly intents: Intents
  readonly claim: DeliveryRepository['claim']
  readonly rotation: Rotation
  readonly connections: ConnectionRepository
}

export function createDeliveries(
  db: Database,
  { lanes, intents, claim, rotation, connections }: Parts,
): DeliveryRepository {
  const enqueue = createEnqueue(db, intents)
  const { settle, renew, release } = createSettle(db, lanes)

  /** As it is now: of one that waits, its lane knows whether it is leased. */
  function recordOf(row: DeliveryRow, leased: ReadonlySet<string>): DeliveryRecord {
    const { record } = row
    return record.status === 'pending' && leased.has(record.id) ? { ...record, status: 'sending' } : record
  }

  async function leasedFor(connectionId: string): Promise<ReadonlySet<string>> {
    const lane = await db.read<LaneRow>(laneKey(connectionId))
    return lane === undefined ? new Set() : leasedOf(lane)
  }

  const list: DeliveryRepository['list'] = ({ orgId, connectionId, eventId, status, since, until, ...query }) => {
    const prefix =
      eventId !== undefined
        ? under('ref', orgId, eventId)
        : connectionId !== undefined
          ? under('of-connection', orgId, connectionId)
          : under('of-org', orgId)
    const range = {
      ...(until === undefined ? {} : { from: keyOf(newestFirst(until - 1)) }),
      ...(since === undefined ? {} : { until: keyOf(newestFirst(since) + 1) }),
    }
    const lanesRead = new Map<string, Promise<ReadonlySet<string>>>()
    return db.page(prefix, { ...query, ...range }, async ({ value }) => {
      const id = parse<string>(value)
      // the row before its lane: what was leased in between is not taken for one that waits
      const row = id === '' ? undefined : await db.read<DeliveryRow>(deliveryKey(id))
      if (row === undefined) return undefined
      const of = row.record.connectionId
      if (connectionId !== undefined && of !== connectionId) return undefined
      if (eventId !== undefined && row.record.eventId !== eventId) return undefined
      const leased = row.record.status === 'pending' ? (lanesRead.get(of) ?? leasedFor(of)) : undefined
      if (leased !== undefined) lanesRead.set(of, leased)
      const record = recordOf(row, (await leased) ?? new Set())
      return status === undefined || status.includes(record.status) ? record : undefined
    })
  }

  return {
    enqueue,
    claim,
    nextDueAt: rotation.nextDueAt,
    settle,
    renew,
    release,
    list,
    reschedule: createReschedule(db, lanes, list),
    purge: createPurge(db, lanes, connections),

    record: (record, attempts, latest) =>
      db.run(async (tx) => {
        const lane = await lanes.find(tx, record.orgId, record.connectionId)
        save(tx, { record, pos: record.dueAt })
        addAttempts(tx, attempts)
        if (lane === undefined) return
        const health = { ...lane.record.health, latest }
        lanes.save(tx, { ...lane, record: { ...lane.record, health } })
      }),

    async get({ orgId, id }) {
      const row = await db.read<DeliveryRow>(deliveryKey(id))
      if (row?.record.orgId !== orgId) return undefined
      return recordOf(row, row.record.status === 'pending' ? await leasedFor(row.record.connectionId) : new Set())
    },

    async attempts({ orgId, id }) {
      const row = await db.read<DeliveryRow>(deliveryKey(id))
      if (row?.record.orgId !== orgId) return []
      const attempts: AttemptRecord[] = []
      for await (const { value } of db.scan(under('attempt', id))) attempts.push(parse(value))
      return attempts
    },
  }
}
