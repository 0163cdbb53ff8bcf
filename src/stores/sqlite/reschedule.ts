import type { DeliveryRepository } from '../../contracts/store.ts'
import { CANCELLED, DELIVERED, LIVE } from '../../records/codec.ts'
import { leasedIn, wakeLane } from '../../records/lane-times.ts'
import { int, type Session, text } from './driver.ts'
import type { LaneState, Lanes } from './lane.ts'
import type { Names } from './names.ts'

type Request = Parameters<DeliveryRepository['reschedule']>[0]

const BY_ID = 'SELECT did, lid, status, id FROM signalbox_delivery WHERE id = ? AND oid = ?'
const FAILED_SINCE = `
SELECT did, lid, status, id FROM signalbox_delivery
WHERE lid = ? AND status = 2 AND created_at >= ? AND oid = ? ORDER BY created_at, did LIMIT ?`

const PENDING = `
UPDATE signalbox_delivery
SET status = 0, pos = ?, due_at = NULL, rounds = 0, lost = 0, finished_at = NULL, failure = NULL WHERE did = ?`
const CANCEL = 'UPDATE signalbox_delivery SET status = ?, finished_at = ? WHERE did = ?'

/** Inside a write transaction. Answers the ids that it changed. */
export function reschedule(session: Session, names: Names, store: Lanes, request: Request): readonly string[] {
  const { orgId, filter, to, now, limit } = request
  const oid = names.findOrg(session, orgId)
  if (oid === undefined) return []
  const lanes = new Map<number, { readonly lane: LaneState; readonly leased: ReadonlySet<number> }>()
  const laneOf = (lid: number) => {
    const known = lanes.get(lid)
    if (known) return known
    const lane = store.load(session, lid)
    const made = { lane, leased: leasedIn(lane.leases) }
    lanes.set(lid, made)
    return made
  }

  const changed: string[] = []
  for (const [key, lid, status, id] of rowsOf()) {
    if (changed.length === limit) break
    const { lane, leased } = laneOf(int(lid))
    const did = int(key)
    if (leased.has(did) || status === DELIVERED) continue
    if (to.status === 'pending') {
      session.run(PENDING, to.dueAt, did)
      wakeLane(lane, to.dueAt)
    } else {
      if (status !== LIVE) continue
      session.run(CANCEL, CANCELLED, now, did)
      // in a fifo lane it may have held up the rest
      wakeLane(lane, now)
    }
    changed.push(text(id))
  }
  if (changed.length > 0) for (const { lane } of lanes.values()) store.store(session, lane)
  return changed

  function* rowsOf() {
    if ('ids' in filter) {
      for (const id of new Set(filter.ids)) {
        const row = session.get(BY_ID, id, oid ?? -1)
        if (row) yield row
      }
      return
    }
    const lid = names.findLane(session, filter.connectionId)
    if (lid !== undefined) yield* session.all(FAILED_SINCE, lid, filter.failedSince, oid ?? -1, limit)
  }
}
