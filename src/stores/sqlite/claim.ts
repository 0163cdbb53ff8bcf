import type { ClaimRequest, ClaimResult } from '../../contracts/store.ts'
import { type LanePlan, planLane } from '../../delivery/plan-lane.ts'
import type { LeaseGroup } from '../../records/lane-times.ts'
import { ASLEEP } from '../../records/lane-times.ts'
import { createClaimed } from './claimed.ts'
import { sealDue } from './digests.ts'
import { int, maybeInt, type Session, text } from './driver.ts'
import { cancelDelivery, cancelPortion, expireLeases } from './endings.ts'
import type { EventCache } from './event-cache.ts'
import { type LaneState, type Lanes, recordOf } from './lane.ts'
import type { Names } from './names.ts'
import { atLeast, nextWaiting, rowOf, type Waiting, waitingOf } from './waiting.ts'

export interface ClaimDeps {
  readonly names: Names
  readonly lanes: Lanes
  readonly events: EventCache
  /** Keys of the deliveries that this process has leased, so that a settle need not look them up. */
  readonly leased: Map<string, number>
}

const STATE = 'SELECT visit, clock, generation, asleep_cap FROM signalbox_state'
const STORE_STATE = 'UPDATE signalbox_state SET visit = ?, clock = ?, asleep_cap = ?'
const WAKE_SLEEPERS = `
UPDATE signalbox_lane SET next_at = last_at, due = min(ifnull(due, last_at), last_at) WHERE next_at = -1`

const SET_BACK = `
UPDATE signalbox_lane
SET last_at = ?1, next_at = CASE WHEN next_at > ?1 THEN ?1 ELSE next_at END, due = min(due, ?1) WHERE last_at > ?1`

/** In large claims a lane gives at least so many, if it has them: what a visit costs is shared by what it takes. */
const SHARE = 8
const LARGE = 32
/** More than clocks of different machines or processes differ by: the clock was wrong, and has been set back. */
const CLOCK_SET_BACK_MS = 60_000

/** One claim, inside a write transaction. */
export function claim(session: Session, deps: ClaimDeps, request: ClaimRequest): ClaimResult {
  const [visits, clock, generation, cap] = session.get(STATE) ?? []
  deps.events.generation(int(generation))
  if (int(clock) - request.now > CLOCK_SET_BACK_MS) {
    // a lane is never due before its last visit; without this none would be until the clock is there again
    session.run(SET_BACK, request.now)
    session.run('UPDATE signalbox_state SET clock = ?', request.now)
    deps.lanes.forget()
  }
  const run = createRun(session, deps, request, int(visits), maybeInt(cap) ?? null)
  if (request.ids) run.theseOnly(request.ids)
  else run.inTurn()
  return run.finish()
}

/** A lane under way in this claim. */
interface Visit {
  readonly lane: LaneState
  /** What waits in it, in order: what `plan` takes is the first of these. */
  rows: readonly Waiting[]
  plan: LanePlan
}

function createRun(
  session: Session,
  { names, lanes, events, leased }: ClaimDeps,
  { now, limit, perConnection, leaseMs, token, transports, ids }: ClaimRequest,
  visitsBefore: number,
  asleepCapBefore: number | null,
) {
  const leasedUntil = now + leaseMs
  const claimed = createClaimed(session, events, { token, leasedUntil })
  let visits = visitsBefore
  let asleepCap = asleepCapBefore

  const tids = tidsOf(session, names, transports)
  const ours = `tid IN (${tids.join(', ')})`

  function inTurn(): void {
    if (asleepCap !== null && perConnection > asleepCap) {
      session.run(WAKE_SLEEPERS)
      lanes.forget()
      asleepCap = null
    }
    const most = Math.min(1000, Math.max(limit, 16))
    const due = session.all(
      `SELECT lid FROM signalbox_lane WHERE due <= ? AND ${ours} ORDER BY due, visit LIMIT ${atLeast(most)}`,
      now,
    )
    const visited: Visit[] = []
    const least = limit >= LARGE ? SHARE : 1
    let left = limit
    for (let n = 0; n < due.length && left > 0; n++) {
      const visit = begin(int(due[n]?.[0]))
      if (!visit) continue
      planNext(visit, Math.min(left, Math.max(least, Math.ceil(left / (due.length - n)))))
      left -= visit.plan.take.length
      visited.push(visit)
    }
    // those that gave their share and have more fill what others left
    for (const visit of visited) {
      if (left === 0) break
      const taken = visit.plan.take.length
      if (taken === 0 || visit.plan.nextAt === null || visit.plan.nextAt > now) continue
      planNext(visit, taken + left)
      left -= visit.plan.take.length - taken
    }
    for (const visit of visited) {
      take(visit)
      rearm(visit)
      lanes.store(session, visit.lane)
    }
  }

  function theseOnly(wanted: readonly string[]): void {
    const byLane = new Map<number, number[]>()
    for (const id of new Set(wanted)) {
      const row = session.get('SELECT did, lid FROM signalbox_delivery WHERE id = ? AND status = 0', id)
      if (!row) continue
      const of = byLane.get(int(row[1]))
      if (of) of.push(int(row[0]))
      else byLane.set(int(row[1]), [int(row[0])])
    }
    let left = limit
    for (const [lid, dids] of byLane) {
      if (left <= 0) break
      const lane = lanes.load(session, lid)
      if (!lane.connection || !tids.includes(lane.tid)) continue
      expireLeases(session, lane, now)
      const rows = waitingOf(session, lane, dids)
      const plan = planLane(laneOf(lane), rows, now, left)
      left -= plan.take.length
      take({ lane, rows, plan })
      lanes.store(session, lane)
    }
  }

  /** What every visit does first. `undefined` where there is nothing to plan. */
  function begin(lid: number): Visit | undefined {
    const lane = lanes.load(session, lid)
    lane.lastAt = now
    lane.visit = ++visits
    expireLeases(session, lane, now)
    if (!lane.connection) {
      lane.nextAt = cancelPortion(session, lane, now) ? now : null
      lane.digestAt = null
      lanes.store(session, lane)
      return undefined
    }
    if (lane.digestAt !== null && lane.digestAt <= now) sealDue(session, lane, lane.connection.oid, now)
    return { lane, rows: [], plan: NOTHING }
  }

  function planNext(visit: Visit, share: number): void {
    // one more than it may take: whether there is more to come back for
    visit.rows = nextWaiting(session, visit.lane, share + 1)
    visit.plan = planLane(laneOf(visit.lane), visit.rows, now, share)
  }

  function laneOf({ connection, leases, tokens, tokensAt }: LaneState) {
    const body = connection?.body
    let inFlight = 0
    for (const group of leases) inFlight += group.length - 2
    return {
      open: body?.status === 'active',
      fifo: body?.ordering === 'fifo',
      inFlight,
      maxInFlight: Math.min(perConnection, body?.maxInFlight ?? perConnection),
      failures: connection?.health.consecutiveFailures ?? 0,
      ...(connection?.blockedUntil === undefined ? {} : { blockedUntil: connection.blockedUntil }),
      ...(body?.pace === undefined ? {} : { pace: body.pace }),
      tokens: tokens ?? body?.pace?.burst ?? 0,
      tokensAt,
    }
  }

  function take({ lane, plan, rows }: Visit): void {
    const { connection } = lane
    if (!connection) return
    if (connection.body.pace) {
      lane.tokens = plan.tokens
      lane.tokensAt = plan.tokensAt
    }
    const group: LeaseGroup = [token, leasedUntil]
    for (let n = 0; n < plan.take.length; n++) {
      const next = rows[n]
      const row = next && rowOf(session, next)
      if (!row) continue
      if (int(row[3]) !== connection.oid) {
        // it names a connection of another organisation: for its own there is none
        cancelDelivery(session, next.did, now)
        continue
      }
      group.push(next.did)
      leased.set(text(row[2]), next.did)
      claimed.add(row, connection.body.orgId, connection.body.id)
    }
    if (group.length === 2) return
    lane.leases.push(group)
    claimed.connections.push(recordOf(connection))
  }

  function rearm({ lane, plan, rows }: Visit): void {
    const more = rows.length > plan.take.length
    if (plan.nextAt !== null) {
      lane.nextAt = plan.nextAt
    } else if (more && lane.connection?.body.status === 'active') {
      lane.nextAt = ASLEEP
      asleepCap = Math.min(asleepCap ?? perConnection, perConnection)
    } else {
      lane.nextAt = null
    }
  }

  function finish(): ClaimResult {
    if (visits !== visitsBefore || asleepCap !== asleepCapBefore) session.run(STORE_STATE, visits, now, asleepCap)
    return {
      deliveries: claimed.deliveries,
      events: [...claimed.events.values()],
      connections: claimed.connections,
      nextAt: ids ? null : nextDue(session, ours),
    }
  }

  return { inTurn, theseOnly, finish }
}

const NOTHING: LanePlan = { take: [], tokens: 0, tokensAt: 0, nextAt: null }

/** Lanes of these transports, and those whose connection has gone: anyone may clear them up. */
function tidsOf(session: Session, names: Names, transports: readonly string[]): readonly number[] {
  const tids = new Set([0])
  for (const name of transports) tids.add(names.findTransport(session, name) ?? 0)
  return [...tids].sort((a, b) => a - b)
}

function nextDue(session: Session, ours: string): number | null {
  const row = session.get(`SELECT due FROM signalbox_lane WHERE due IS NOT NULL AND ${ours} ORDER BY due LIMIT 1`)
  return row ? int(row[0]) : null
}

export function nextDueAt(session: Session, names: Names, transports: readonly string[]): number | null {
  return nextDue(session, `tid IN (${tidsOf(session, names, transports).join(', ')})`)
}
