import type { DeliveryRepository } from '../../contracts/store.ts'
import { CANCELLED, DELIVERED, LIVE } from '../../records/codec.ts'
import { leasedIn, wakeLane } from '../../records/lane-times.ts'
import type { Query } from './access.ts'
import { type LaneState, lockOrCreateLanes, storeLanes } from './lane.ts'
import { int, list, type Row, text, whole } from './values.ts'

type Request = Parameters<DeliveryRepository['reschedule']>[0]

const LANES_OF = `
SELECT DISTINCT lane FROM @.delivery WHERE id = ANY($1::text::text[]) AND org_id = $2`
const BY_ID = `
SELECT did, lane, status, id FROM @.delivery WHERE id = ANY($1::text::text[]) AND org_id = $2`
const FAILED_SINCE = `
SELECT did, lane, status, id FROM @.delivery
WHERE lane = $1 AND status = 2 AND created_at >= $2::text::bigint AND org_id = $3
ORDER BY created_at, did LIMIT $4::text::int`

const PENDING = `
UPDATE @.delivery
SET status = 0, pos = $2::text::bigint, due_at = NULL, rounds = 0, lost = 0, finished_at = NULL, failure = NULL
WHERE did = ANY($1::text::bigint[])`
const CANCEL = `
UPDATE @.delivery SET status = ${CANCELLED}, finished_at = $2::text::bigint WHERE did = ANY($1::text::bigint[])`

/** Inside a transaction. Answers the ids that it changed, and when the first of their lanes is to be visited. */
export async function reschedule(
  query: Query,
  { orgId, filter, to, now, limit }: Request,
): Promise<{ readonly changed: readonly string[]; readonly earliest: number }> {
  const byId = 'ids' in filter
  const ids = byId ? list([...new Set(filter.ids)]) : ''
  const named = byId ? (await query(LANES_OF, [ids, orgId])).map((row) => text(row.lane)) : [filter.connectionId]
  // one that was purged together with its connection's other traces has deliveries all the same
  const lanes = await lockOrCreateLanes(query, named)
  const rows = byId
    ? await query(BY_ID, [ids, orgId])
    : await query(FAILED_SINCE, [filter.connectionId, String(Math.ceil(filter.failedSince)), orgId, String(limit)])

  const touched = new Map<string, LaneState>()
  const changed: Row[] = []
  for (const row of rows) {
    if (changed.length === limit) break
    const lane = lanes.get(text(row.lane))
    const status = int(row.status)
    if (!lane || status === DELIVERED || (to.status === 'cancelled' && status !== LIVE)) continue
    if (leasedIn(lane.leases).has(int(row.did))) continue
    // in a fifo lane a cancelled one may have held up the rest
    wakeLane(lane, to.status === 'pending' ? to.dueAt : now)
    lane.cursor = undefined
    touched.set(lane.id, lane)
    changed.push(row)
  }
  if (changed.length > 0) {
    const at = String(whole(to.status === 'pending' ? to.dueAt : now))
    const dids = list(changed.map((row) => int(row.did)))
    await query(to.status === 'pending' ? PENDING : CANCEL, [dids, at])
  }
  return { changed: changed.map((row) => text(row.id)), earliest: await storeLanes(query, [...touched.values()]) }
}
