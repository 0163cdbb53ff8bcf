import type { ClaimRequest } from '../../contracts/store.ts'
import { planLane } from '../../delivery/plan-lane.ts'
import type { Query } from './access.ts'
import { gather, type Taken } from './claimed.ts'
import { expireLeases } from './endings.ts'
import { type LaneState, lockLanes, storeLanes } from './lane.ts'
import { type ClaimDeps, type ClaimOutcome, lease, limitsOf, remember } from './lease.ts'
import { LIVE_BY_KEY, list, text } from './values.ts'
import { waitingOf } from './waiting.ts'

const NAMED = `SELECT DISTINCT lane FROM @.delivery WHERE id = ANY($1::text::text[]) AND ${LIVE_BY_KEY}`

/** One claim of just these deliveries. */
export async function claimThese(
  query: Query,
  deps: ClaimDeps,
  request: ClaimRequest,
  ids: readonly string[],
): Promise<ClaimOutcome> {
  const { now, limit, perConnection, transports } = request
  const named = await query(NAMED, [list(ids)])
  const locked = await lockLanes(
    query,
    named.map((row) => text(row.lane)),
  )
  const lanes = new Map([...locked].filter(([, { transport }]) => transport !== '' && transports.includes(transport)))
  await expireLeases(query, [...lanes.values()], now)
  const bodies = await deps.bodies.of(query, [...lanes.values()])
  const isFifo = (lane: LaneState): boolean => bodies.get(lane.id)?.ordering === 'fifo'
  const found = await waitingOf(query, lanes, ids, isFifo)
  const taken: Taken[] = []
  let left = limit
  for (const [id, rows] of found) {
    const lane = lanes.get(id)
    const body = bodies.get(id)
    if (left === 0 || !lane || !body) continue
    const plan = planLane(limitsOf(lane, body, perConnection), rows, now, left)
    const leased = await lease(query, { lane, body, rows, plan }, request)
    left -= plan.take.length
    if (leased.length > 0) taken.push({ lane, body, rows: leased })
  }
  const claimed = await gather(query, deps.events, taken, { token: request.token, leasedUntil: now + request.leaseMs })
  const earliest = await storeLanes(query, [...lanes.values()])
  return {
    result: { ...claimed, nextAt: null },
    committed() {
      remember(deps.leased, taken)
      deps.floor.lower(earliest)
    },
  }
}
