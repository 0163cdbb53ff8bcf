import { writeAttempt } from '../../records/codec.ts'
import { leasedIn, wakeLane } from '../../records/lane-times.ts'
import type { Query } from './access.ts'
import type { LaneState } from './lane.ts'
import { int, LIVE_BY_KEY, list } from './values.ts'

/** After so many leases lost in a row a delivery fails. */
const MAX_LOST = 5
/** At most so many deliveries, and members of digests, go in one transaction when their connection has gone. */
const PORTION = 1000

const LOSE = `
UPDATE @.delivery
SET lost = lost + 1, status = CASE WHEN lost + 1 >= ${MAX_LOST} THEN 2 ELSE 0 END
WHERE did = ANY($1::text::bigint[]) AND ${LIVE_BY_KEY} RETURNING did, status, attempts`
const ABANDON = `
UPDATE @.delivery
SET attempts = attempts + 1, code = 'abandoned', http = NULL, failure = 'abandoned', finished_at = $2::text::bigint
WHERE did = ANY($1::text::bigint[])`

export const STORE_ATTEMPTS = `
INSERT INTO @.attempt (did, number, body)
SELECT x.d, x.n, x.b FROM json_to_recordset($1::text::json) AS x(d bigint, n integer, b text)
ON CONFLICT (did, number) DO UPDATE SET body = excluded.body`

/** Leases that ran out: their deliveries are due again at once, or fail. */
export async function expireLeases(query: Query, lanes: readonly LaneState[], now: number): Promise<void> {
  const lost: number[] = []
  for (const lane of lanes) {
    const over = lane.leases.filter(([, until]) => until <= now)
    if (over.length === 0) continue
    lost.push(...leasedIn(over))
    lane.leases = lane.leases.filter(([, until]) => until > now)
    lane.cursor = undefined
    wakeLane(lane, now)
  }
  if (lost.length === 0) return
  const rows = await query(LOSE, [list(lost)])
  const abandoned = rows.filter((row) => int(row.status) === 2)
  if (abandoned.length === 0) return
  const body = writeAttempt({ startedAt: now, durationMs: 0, outcome: 'retry', code: 'abandoned' })
  const attempts = abandoned.map((row) => ({ d: int(row.did), n: int(row.attempts) + 1, b: body }))
  await query(STORE_ATTEMPTS, [JSON.stringify(attempts)])
  await query(ABANDON, [list(abandoned.map((row) => int(row.did))), String(now)])
}

const CANCEL = `
UPDATE @.delivery SET status = 3, finished_at = $2::text::bigint WHERE did = ANY($1::text::bigint[]) AND ${LIVE_BY_KEY}`

export async function cancelDeliveries(query: Query, dids: readonly number[], now: number): Promise<void> {
  if (dids.length > 0) await query(CANCEL, [list(dids), String(now)])
}

const LIVE = `
SELECT did FROM @.delivery
WHERE lane = $1 AND status = 0 AND did <> ALL($2::text::bigint[]) ORDER BY pos, did LIMIT ${PORTION}`
const MEMBERS = `
DELETE FROM @.digest_member
WHERE ctid = ANY(ARRAY(SELECT ctid FROM @.digest_member WHERE lane = $1 LIMIT ${PORTION})) RETURNING 1 AS one`

/**
 * Cancels what waits in a lane whose connection has gone, and removes its digests' members: a portion. Answers whether
 * there is more.
 */
export async function cancelPortion(query: Query, lane: LaneState, now: number): Promise<boolean> {
  const rows = await query(LIVE, [lane.id, list([...leasedIn(lane.leases)])])
  await cancelDeliveries(
    query,
    rows.map((row) => int(row.did)),
    now,
  )
  const members = await query(MEMBERS, [lane.id])
  return rows.length === PORTION || members.length === PORTION
}
