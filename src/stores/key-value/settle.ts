import { randomUUID } from 'node:crypto'
import type { ConnectionRecord, DeliveryRepository, Lease, Settlement, SettleResult } from '../../contracts/index.ts'
import { applyHealth } from '../../delivery/health.ts'
import { returnTokens } from '../../delivery/plan-lane.ts'
import { subscriptionKey, versionKey } from './connections.ts'
import type { Database } from './database.ts'
import { each } from './each.ts'
import { ASLEEP, endLease, KEYS_A_LANE, type LaneRow, type Lanes, wake, wakeLane } from './lane.ts'
import { addAttempts, byConnection, type DeliveryRow, deliveryKey, KEYS_A_DELIVERY, save, settled } from './rows.ts'
import type { Transaction } from './transaction.ts'

type Touched = SettleResult['connections'][number]

/** Settlements, or leases, of one connection. */
type Unit<T> = readonly T[]

interface Settled {
  readonly stale: readonly string[]
  readonly connection?: Touched
}

const KEYS_OF_A_SUSPENSION = 2
const AT_ONCE = 8

export function createSettle(db: Database, lanes: Lanes): Pick<DeliveryRepository, 'settle' | 'renew' | 'release'> {
  async function settle(settlements: readonly Settlement[]): Promise<SettleResult> {
    const stale: string[] = []
    const touched = new Map<string, Touched>()
    const keysOf = (one: Settlement) => KEYS_A_DELIVERY + one.attempts.length
    const note = ({ stale: late, connection }: Settled): void => {
      stale.push(...late)
      if (connection === undefined) return
      const earlier = touched.get(connection.id)
      const suspended = connection.suspended || earlier?.suspended === true
      touched.set(connection.id, { ...connection, before: earlier?.before ?? connection.before, suspended })
    }
    await each(chainsOf(settlements, keysOf, KEYS_A_LANE + KEYS_OF_A_SUSPENSION), AT_ONCE, async (commits) => {
      for (const units of commits) {
        const results = await db.run((tx) => Promise.all(units.map((unit) => settleUnit(tx, unit))))
        for (const result of results) note(result)
      }
    })
    return { stale, connections: [...touched.values()] }
  }

  async function settleUnit(tx: Transaction, unit: Unit<Settlement>): Promise<Settled> {
    const stale: string[] = []
    const [first] = unit
    if (first === undefined) return { stale }
    const [lane, ...rows] = await Promise.all([
      lanes.read(tx, first.connectionId),
      ...unit.map((one) => tx.get<DeliveryRow>(deliveryKey(one.deliveryId))),
    ])
    const { record } = lane
    const before = record?.health
    const accepted: Settlement[] = []
    for (const [n, one] of unit.entries()) {
      const row = rows[n]
      if (row?.record.orgId !== one.orgId || !endLease(lane, one.token, one.deliveryId)) {
        stale.push(one.deliveryId)
        continue
      }
      save(tx, settled(row, one, record?.ordering === 'fifo'), row)
      addAttempts(tx, one.attempts)
      delete lane.lost[one.deliveryId]
      if (lane.nextAt === ASLEEP) wakeLane(lane, 0)
      if (one.next.status === 'pending') {
        wakeLane(lane, one.next.dueAt)
        if (db.listLagMs > 0) wake(tx, lane.id)
      }
      if (lane.record !== undefined) lane.record = affected(lane.record, one)
      accepted.push(one)
    }
    if (accepted.length === 0) return { stale }
    // what is left of a connection that has gone is cleared up
    if (lane.record === undefined) wake(tx, lane.id)
    const suspended = lane.record !== undefined && lane.record.status !== record?.status
    if (suspended) {
      tx.remove(subscriptionKey(first.orgId, lane.id))
      tx.put(versionKey(first.orgId), randomUUID())
    }
    lanes.save(tx, lane)
    if (lane.record === undefined || before === undefined) return { stale }
    const { id, orgId, version, status, health } = lane.record
    return { stale, connection: { orgId, id, version, status, before, after: health, suspended } }
  }

  /** Leases only stand in the lane. Answers the deliveries whose lease was lost. */
  async function change(
    leases: readonly Lease[],
    apply: (lane: LaneRow, lease: Lease) => boolean,
  ): Promise<readonly string[]> {
    const lost: string[] = []
    const changeUnit = async (tx: Transaction, unit: Unit<Lease>): Promise<readonly Lease[]> => {
      const lane = await lanes.read(tx, unit[0]?.connectionId ?? '')
      const missed = unit.filter((lease) => !apply(lane, lease))
      if (missed.length < unit.length) lanes.save(tx, lane)
      return missed
    }
    await each(chainsOf(leases, () => 0, KEYS_A_LANE).flat(), AT_ONCE, async (units) => {
      const missed = await db.run((tx) => Promise.all(units.map((unit) => changeUnit(tx, unit))))
      lost.push(...missed.flat().map(({ deliveryId }) => deliveryId))
    })
    return lost
  }

  const renew = (leases: readonly Lease[], until: number): Promise<readonly string[]> =>
    change(leases, (lane, { token, deliveryId }) => {
      if (!endLease(lane, token, deliveryId)) return false
      const same = lane.leases.find((group) => group.token === token && group.until === until)
      const others = lane.leases.filter((group) => group !== same)
      lane.leases = [...others, { token, until, ids: [...(same?.ids ?? []), deliveryId] }]
      return true
    })

  async function release(leases: readonly Lease[]): Promise<void> {
    await change(leases, (lane, { token, deliveryId }) => {
      if (!endLease(lane, token, deliveryId)) return false
      const { pace } = lane.record ?? {}
      lane.tokens = pace && returnTokens(pace, lane.tokens ?? pace.burst, 1)
      wakeLane(lane, 0)
      return true
    })
  }

  /**
   * Units of one connection each, in as few commits as there may be. Those that one connection goes on in follow each
   * other, in one chain; chains have nothing in common.
   */
  function chainsOf<T extends Pick<Lease, 'connectionId'>>(
    items: readonly T[],
    keysOf: (item: T) => number,
    keysOfLane: number,
  ): readonly (readonly (readonly Unit<T>[])[])[] {
    const chains: Unit<T>[][][] = []
    let left = 0
    for (const of of byConnection(items).values()) {
      let unit: T[] | undefined
      for (const item of of) {
        const keys = keysOf(item)
        if (unit === undefined || left < keys) {
          if (unit !== undefined) chains.at(-1)?.push([])
          else if (left < keys + keysOfLane) chains.push([[]])
          if (unit !== undefined || left < keys + keysOfLane) left = db.maxWrites
          unit = []
          chains.at(-1)?.at(-1)?.push(unit)
          left -= keysOfLane
        }
        unit.push(item)
        left -= keys
      }
    }
    return chains
  }

  return { settle, renew, release }
}

/** The connection after a settlement. */
function affected(record: ConnectionRecord, { health, blockedUntil = 0, suspend }: Settlement): ConnectionRecord {
  return {
    ...record,
    health: health ? applyHealth(record.health, health) : record.health,
    ...(blockedUntil > (record.blockedUntil ?? 0) ? { blockedUntil } : {}),
    ...(suspend && record.status === 'active' ? { status: 'suspended', reason: suspend } : {}),
  }
}
