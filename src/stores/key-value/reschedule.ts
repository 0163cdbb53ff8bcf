import type { DeliveryRepository } from '../../contracts/index.ts'
import type { Database } from './database.ts'
import { each } from './each.ts'
import { KEYS_A_LANE, type LaneRow, type Lanes, leasedOf, wake, wakeLane } from './lane.ts'
import { byConnection, cancel, type DeliveryRow, deliveryKey, KEYS_A_DELIVERY, save } from './rows.ts'
import type { Transaction } from './transaction.ts'

type Reschedule = DeliveryRepository['reschedule']
type Target = Parameters<Reschedule>[0]['to']

const AT_ONCE = 16

export function createReschedule(db: Database, lanes: Lanes, list: DeliveryRepository['list']): Reschedule {
  return async ({ orgId, filter, to, now, limit }) => {
    let ids = 'ids' in filter ? [...new Set(filter.ids)] : []
    if ('failedSince' in filter) {
      const { connectionId, failedSince: since } = filter
      const failed = await list({ orgId, connectionId, since, status: ['failed'], limit })
      ids = failed.items.map(({ id }) => id)
    }
    const rows = await each(ids, AT_ONCE, (id) => db.read<DeliveryRow>(deliveryKey(id)))
    const own = rows.flatMap((row) => (row?.record.orgId === orgId ? row.record : []))
    const changed: string[] = []
    const portion = Math.floor((db.maxWrites - KEYS_A_LANE) / KEYS_A_DELIVERY)
    for (const [connectionId, records] of byConnection(own)) {
      for (let from = 0; from < records.length && changed.length < limit; from += portion) {
        const some = records.slice(from, from + Math.min(portion, limit - changed.length)).map(({ id }) => id)
        changed.push(...(await db.run((tx) => move(tx, connectionId, some))))
      }
    }
    return changed

    async function move(tx: Transaction, connectionId: string, some: readonly string[]): Promise<readonly string[]> {
      const [lane, ...found] = await Promise.all([
        lanes.read(tx, connectionId),
        ...some.map((id) => tx.get<DeliveryRow>(deliveryKey(id))),
      ])
      const leased = leasedOf(lane)
      const moved = found.flatMap((row) => (row && !leased.has(row.record.id) && change(tx, lane, row) ? row : []))
      if (moved.length === 0) return []
      for (const { record } of moved) delete lane.lost[record.id]
      lanes.save(tx, lane)
      // what waits for a connection that has gone is cancelled; and lists may be behind
      if (lane.record === undefined || db.listLagMs > 0) wake(tx, connectionId)
      return moved.map(({ record }) => record.id)
    }

    function change(tx: Transaction, lane: LaneRow, row: DeliveryRow): boolean {
      if (!isAllowed(row.record.status, to, 'failedSince' in filter)) return false
      if (to.status === 'pending') {
        const record = { ...row.record, ...to, rounds: 0, finishedAt: undefined, failure: undefined }
        save(tx, { ...row, record, pos: to.dueAt }, row)
        wakeLane(lane, to.dueAt)
      } else {
        cancel(tx, row, now)
        // of a `fifo` connection it may have held up the rest
        wakeLane(lane, now)
      }
      return true
    }
  }
}

function isAllowed(status: DeliveryRow['record']['status'], to: Target, failedOnly: boolean): boolean {
  if (to.status === 'cancelled') return status === 'pending'
  return status === 'failed' || (!failedOnly && (status === 'pending' || status === 'cancelled'))
}
