import type { ClaimRequest } from '../../contracts/store.ts'
import { planLane } from '../../delivery/plan-lane.ts'
import { ASLEEP, dueOf } from '../../records/lane-times.ts'
import type { Query } from './access.ts'
import { type Claimed, gather, type Taken } from './claimed.ts'
import { cancelPortion, expireLeases } from './endings.ts'
import type { Look } from './floor.ts'
import { earliestOf, type LaneState, laneValues, toLane } from './lane.ts'
import { type ClaimDeps, type ClaimOutcome, lease, limitsOf, NOTHING, remember, roomOf, type Visit } from './lease.ts'
import { sealDue } from './sealing.ts'
import { list, maybeInt } from './values.ts'
import { nextWaiting } from './waiting.ts'

/** In large claims a lane gives at least so many, if it has them: what a visit costs is shared by what it takes. */
const SHARE = 8
const LARGE = 32
/** Lanes that one claim locks at once, and times that it asks for more. */
const MAX_LANES = 1000
const MAX_ROUNDS = 6
/** Numbers of visits that one claim may use up. */
const VISITS = 1 << 16
/** Deliveries of one connection that are read with its wake. */
const MAX_AHEAD = 32

const READY = `
SELECT r.place, (r.l).* FROM @.ready_lanes($1::text::bigint, $2::text::bigint, $3::text::text[], $4::text::text[],
  $5::text::int) r`
const STORE = `
SELECT @.store_claim($1, $2::text::int, $3::text::bigint, $4::text::text[]) AS ready_at`

/** One claim of what is due, in turn, inside a transaction. */
export async function claimInTurn(
  query: Query,
  last: Query,
  deps: ClaimDeps,
  request: ClaimRequest,
  look: Look,
): Promise<ClaimOutcome> {
  const { now, limit, perConnection } = request
  const transports = ['', ...request.transports]
  const ours = new Set(transports)
  const least = limit >= LARGE ? SHARE : 1
  let asked = Math.min(Math.ceil(limit / Math.min(least, Math.max(1, deps.width.perLane))), MAX_LANES)
  const ahead = Math.min(limit, perConnection, MAX_AHEAD) + 1
  const first = await deps.wakes.look(query, { now, from: look.from, transports, most: asked, ahead })
  let { whole } = first
  const held = new Map([...first.woken, ...first.ready].map((lane) => [lane.id, lane]))
  const awake = await deps.rouse.due(query, request, held)
  const changed = new Set([...first.changed, ...awake.changed])
  // a digest that closes adds one
  const closing = new Set(
    [...held.values()].filter(({ digestAt }) => digestAt !== null && digestAt <= now).map(({ id }) => id),
  )
  const next = { of: new Map([...first.next].filter(([id]) => !closing.has(id))), most: ahead }

  // all that this claim has locked take their turns
  let waiting = [...held.values()].filter((lane) => ours.has(lane.transport) && (dueOf(lane) ?? now + 1) <= now)
  let found = first.ready.length
  const visits: Visit[] = []
  let visit = first.turn * VISITS
  let left = limit

  for (let round = 0; left > 0 && round < MAX_ROUNDS; round++) {
    if (round > 0) {
      const more = await ready(asked)
      found = more.length
      waiting.push(...more)
    }
    const inOrder = waiting.sort((a, b) => (dueOf(a) ?? 0) - (dueOf(b) ?? 0) || a.visit - b.visit)
    const turn = inOrder.slice(0, asked)
    waiting = inOrder.slice(asked)
    if (turn.length === 0) break
    const begun = await begin(turn)
    left -= await takeFrom(begun, Math.ceil(left / Math.max(1, begun.length)), left)
    visits.push(...begun)
    if (found < asked && waiting.length === 0) break
    const taken = limit - left
    asked = Math.min(Math.max(Math.ceil((left * visits.length) / Math.max(1, taken)), asked), MAX_LANES)
  }
  if (limit >= LARGE && left < limit) deps.width.perLane = (deps.width.perLane * 3 + (limit - left) / visits.length) / 4
  if (left > 0) await fill()

  const taken: Taken[] = []
  for (const one of visits) {
    const rows = await lease(query, one, request)
    advance(one)
    rearm(one)
    if (rows.length > 0) taken.push({ lane: one.lane, body: one.body, rows })
  }
  const claimed = await gather(query, deps.events, taken, { token: request.token, leasedUntil: now + request.leaseMs })
  return finish(claimed)

  async function ready(most: number): Promise<readonly LaneState[]> {
    const rowsFrom = (from: number) =>
      query(READY, [String(from), String(now), list(transports), list([...held.keys()]), String(most)])
    let rows = await rowsFrom(whole ? 0 : look.from)
    if (rows.length === 0 && !whole) {
      whole = true
      rows = await rowsFrom(0)
    }
    const lanes = rows.map(toLane)
    for (const lane of lanes) held.set(lane.id, lane)
    return lanes
  }

  /** What every visit does first. Answers those where there is something to plan. */
  async function begin(lanes: readonly LaneState[]): Promise<Visit[]> {
    await expireLeases(query, lanes, now)
    const bodies = await deps.bodies.of(query, lanes)
    for (const lane of lanes) {
      changed.add(lane.id)
      if (bodies.has(lane.id)) continue
      lane.lastAt = now
      lane.nextAt = (await cancelPortion(query, lane, now)) ? now : null
      lane.digestAt = null
    }
    const present = lanes.filter((lane) => bodies.has(lane.id))
    await sealDue(query, present, now)
    return present.flatMap((lane) => {
      const body = bodies.get(lane.id)
      return body ? [{ lane, body, rows: [], plan: NOTHING }] : []
    })
  }

  /** Plans each visit, for at most `share` of it and `most` in all. Answers how many deliveries were taken. */
  async function takeFrom(begun: readonly Visit[], share: number, most: number): Promise<number> {
    const found = await nextWaiting(
      query,
      begun.map(({ lane, body }) => ({ lane, count: roomOf(limitsOf(lane, body, perConnection), share) + 1 })),
      next,
    )
    let rest = most
    for (const one of begun) {
      if (rest === 0) {
        // it keeps its turn
        changed.add(one.lane.id)
        continue
      }
      one.rows = found.get(one.lane.id) ?? []
      one.plan = planLane(limitsOf(one.lane, one.body, perConnection), one.rows, now, Math.min(share, rest))
      one.lane.lastAt = now
      one.lane.visit = ++visit
      rest -= one.plan.take.length
    }
    return most - rest
  }

  /** Those that gave their share and have more fill what others left. */
  async function fill(): Promise<void> {
    const rich = visits.filter(({ plan }) => plan.take.length > 0 && plan.nextAt !== null && plan.nextAt <= now)
    if (rich.length === 0) return
    const share = Math.ceil(left / rich.length)
    const found = await nextWaiting(
      query,
      rich.map(({ lane, body, plan }) => ({
        lane,
        count: roomOf(limitsOf(lane, body, perConnection), plan.take.length + share) + 1,
      })),
    )
    for (const one of rich) {
      const had = one.plan.take.length
      one.rows = found.get(one.lane.id) ?? []
      const limits = limitsOf(one.lane, one.body, perConnection)
      one.plan = planLane(limits, one.rows, now, had + Math.min(share, left))
      left -= one.plan.take.length - had
    }
  }

  /** What was taken is behind it now: rows are read in order. */
  function advance({ lane, plan, rows }: Visit): void {
    const last = rows[plan.take.length - 1]
    if (last) lane.cursor = { pos: last.pos, did: last.did }
  }

  function rearm({ lane, body, plan, rows }: Visit): void {
    if (plan === NOTHING) return
    lane.asleepCap = null
    if (plan.nextAt !== null) {
      lane.nextAt = plan.nextAt
    } else if (rows.length > plan.take.length && body.status === 'active') {
      lane.nextAt = ASLEEP
      lane.asleepCap = perConnection
    } else {
      lane.nextAt = null
    }
  }

  async function finish({ deliveries, events, connections }: Claimed): Promise<ClaimOutcome> {
    const stored = [...held.values()].filter((lane) => changed.has(lane.id))
    const from = whole ? 0 : look.from
    const rows = await last(STORE, [laneValues(stored), String(stored.length), String(from), list(transports)])
    const own = earliestOf([...held.values()].filter((lane) => ours.has(lane.transport)))
    const next = Math.min(own, maybeInt(rows[0]?.ready_at) ?? Number.POSITIVE_INFINITY)
    const again = awake.more ? now : (first.againAt ?? Number.POSITIVE_INFINITY)
    const nextAt = Math.min(next, again)
    return {
      result: { deliveries, events, connections, nextAt: Number.isFinite(nextAt) ? nextAt : null },
      committed() {
        first.committed()
        awake.committed()
        remember(deps.leased, taken)
        look.seen(next, whole)
        // other claims may have looked before these were stored
        deps.floor.lower(earliestOf(stored))
      },
    }
  }
}
