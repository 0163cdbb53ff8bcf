import type { ConnectionRecord } from '../../contracts/connection.ts'
import type { DeliveryRecord } from '../../contracts/delivery.ts'
import type { StoredEvent } from '../../contracts/event.ts'
import type { ClaimRequest, ClaimResult, LeasedDelivery } from '../../contracts/store.ts'
import { type LanePlan, type LaneRow, planLane } from '../../delivery/plan-lane.ts'
import { CANCELLED, FAILED, KINDS, LIVE, type Mutable, parse, writeAttempt } from './codec.ts'
import { int, maybeInt, maybeText, type Row, type Session, text } from './driver.ts'
import { sealDue } from './digests.ts'
import { type EventCache } from './event-cache.ts'
import { ASLEEP, type Bodies, type LaneState, leasedIn, loadLane, recordOf, wakeLane, writeLane } from './lane.ts'
import type { Names } from './names.ts'

export interface ClaimDeps {
  readonly names: Names
  readonly bodies: Bodies
  readonly events: EventCache
  /** Keys of the deliveries that this process has leased, so that a settle need not look them up. */
  readonly leased: Map<string, number>
}

const STATE = 'SELECT visit, generation, asleep_cap FROM signalbox_state'
const STORE_STATE = 'UPDATE signalbox_state SET visit = ?, asleep_cap = ?'
const WAKE_SLEEPERS = `
UPDATE signalbox_lane SET next_at = last_at, due = min(ifnull(due, last_at), last_at) WHERE next_at = -1`

const NEXT = `
SELECT did, pos FROM signalbox_delivery WHERE lid = ? AND status = 0 ORDER BY pos, did LIMIT ?`
const NEXT_FIFO = `
SELECT did, ifnull(due_at, pos) FROM signalbox_delivery WHERE lid = ? AND status = 0 ORDER BY pos, did LIMIT ?`
const TAKEN = `
SELECT id, oid, eid, kind, ifnull(due_at, pos), created_at, attempts, rounds, http, message_id, code, content
FROM signalbox_delivery WHERE did = ?`

/** After so many leases lost in a row a delivery fails. */
const MAX_LOST = 5
/** At most so many are cancelled at one visit of a lane whose connection has gone. */
export const PORTION = 1000

/** One claim, inside a write transaction. */
export function claim(session: Session, deps: ClaimDeps, request: ClaimRequest): ClaimResult {
  const [visits, generation, cap] = session.get(STATE) ?? []
  deps.events.generation(int(generation))
  const run = createRun(session, deps, request, int(visits), maybeInt(cap) ?? null)
  if (request.ids) run.theseOnly(request.ids)
  else run.inTurn()
  return run.finish()
}

/** A lane under way in this claim. */
interface Visit {
  readonly lane: LaneState
  rows: readonly LaneRow[]
  readonly dids: number[]
  plan: LanePlan
}

function createRun(
  session: Session,
  { names, bodies, events, leased }: ClaimDeps,
  { now, limit, perConnection, leaseMs, token, transports, ids }: ClaimRequest,
  visitsBefore: number,
  asleepCapBefore: number | null,
) {
  const deliveries: LeasedDelivery[] = []
  const found = new Map<number, StoredEvent>()
  const connections: ConnectionRecord[] = []
  let visits = visitsBefore
  let asleepCap = asleepCapBefore
  const leasedUntil = now + leaseMs

  const tids = [0]
  for (const name of new Set(transports)) {
    const tid = names.findTransport(session, name)
    if (tid !== undefined) tids.push(tid)
  }
  const ours = `tid IN (${tids.sort((a, b) => a - b).join(', ')})`

  function inTurn(): void {
    if (asleepCap !== null && perConnection > asleepCap) {
      session.run(WAKE_SLEEPERS)
      asleepCap = null
    }
    const most = Math.min(1000, Math.max(limit, 16))
    const due = session.all(
      `SELECT lid FROM signalbox_lane WHERE due <= ? AND ${ours} ORDER BY due, visit LIMIT ?`,
      now,
      most,
    )
    const visited: Visit[] = []
    const least = limit >= 32 ? SHARE : 1
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
      writeLane(session, visit.lane)
    }
  }

  function theseOnly(wanted: readonly string[]): void {
    const lanes = new Map<number, number[]>()
    for (const id of new Set(wanted)) {
      const row = session.get('SELECT did, lid FROM signalbox_delivery WHERE id = ? AND status = 0', id)
      if (!row) continue
      const of = lanes.get(int(row[1]))
      if (of) of.push(int(row[0]))
      else lanes.set(int(row[1]), [int(row[0])])
    }
    let left = limit
    for (const [lid, dids] of lanes) {
      if (left <= 0) break
      const lane = loadLane(session, lid, bodies)
      if (!lane.connection || !tids.includes(lane.tid)) continue
      expire(lane)
      const leases = leasedIn(lane.leases)
      const visit: Visit = { lane, rows: [], dids: [], plan: NOTHING }
      const rows: (LaneRow & { readonly did: number })[] = []
      for (const did of lane.connection.body.ordering === 'fifo' ? head(lane) : dids) {
        if (leases.has(did) || !dids.includes(did)) continue
        const row = session.get('SELECT ifnull(due_at, pos) FROM signalbox_delivery WHERE did = ?', did)
        rows.push({ id: String(did), dueAt: int(row?.[0]), did })
      }
      visit.rows = rows.sort((a, b) => a.dueAt - b.dueAt || a.did - b.did)
      for (const row of rows) visit.dids.push(row.did)
      visit.plan = planLane(laneOf(visit.lane), visit.rows, now, left)
      left -= visit.plan.take.length
      take(visit)
      writeLane(session, lane)
    }
  }

  function head(lane: LaneState): readonly number[] {
    const row = session.get(NEXT_FIFO, lane.lid, 1)
    return row ? [int(row[0])] : []
  }

  /** What every visit does first. `undefined` where there is nothing to plan. */
  function begin(lid: number): Visit | undefined {
    const lane = loadLane(session, lid, bodies)
    lane.lastAt = now
    lane.visit = ++visits
    expire(lane)
    if (!lane.connection) {
      lane.nextAt = cancelPortion(session, lane, now) ? now : null
      lane.digestAt = null
      writeLane(session, lane)
      return undefined
    }
    if (lane.digestAt !== null && lane.digestAt <= now) sealDue(session, lane, lane.connection.oid, now)
    return { lane, rows: [], dids: [], plan: NOTHING }
  }

  function planNext(visit: Visit, share: number): void {
    const { lane } = visit
    const leases = leasedIn(lane.leases)
    const sql = lane.connection?.body.ordering === 'fifo' ? NEXT_FIFO : NEXT
    const rows: LaneRow[] = []
    visit.dids.length = 0
    for (const row of session.all(sql, lane.lid, leases.size + share + 1)) {
      const did = int(row[0])
      if (leases.size > 0 && leases.has(did)) continue
      visit.dids.push(did)
      rows.push({ id: String(did), dueAt: int(row[1]) })
    }
    visit.rows = rows
    visit.plan = planLane(laneOf(lane), rows, now, share)
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
      ...(connection?.blockedUntil === undefined ? {} : { blockedUntil: connection.blockedUntil }),
      ...(body?.pace === undefined ? {} : { pace: body.pace }),
      tokens: tokens ?? body?.pace?.burst ?? 0,
      tokensAt,
    }
  }

  function take({ lane, plan, dids }: Visit): void {
    const { connection } = lane
    if (!connection) return
    if (connection.body.pace) {
      lane.tokens = plan.tokens
      lane.tokensAt = plan.tokensAt
    }
    const before = deliveries.length
    const group: [string, number, ...number[]] = [token, leasedUntil]
    for (let n = 0; n < plan.take.length; n++) {
      const did = dids[n]
      const row = did === undefined ? undefined : session.get(TAKEN, did)
      if (!row || did === undefined) continue
      if (int(row[1]) !== connection.oid) {
        // it names a connection of another organisation: for its own there is none
        end(did, CANCELLED, now)
        continue
      }
      group.push(did)
      leased.set(text(row[0]), did)
      deliveries.push(toLeased(row, connection.body.orgId, connection.body.id))
    }
    if (deliveries.length === before) return
    lane.leases.push(group)
    connections.push(recordOf(connection))
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

  function toLeased(row: Row, orgId: string, connectionId: string): LeasedDelivery {
    const [id, , eid, kind, dueAt, createdAt, attempts, rounds, http, messageId, code, content] = row
    const event = typeof eid === 'number' ? eventOf(eid) : undefined
    const delivery: Mutable<LeasedDelivery> = {
      id: text(id),
      orgId,
      connectionId,
      kind: KINDS[int(kind)] ?? 'event',
      messageId: maybeText(messageId) ?? event?.messageId ?? '',
      status: 'sending',
      dueAt: int(dueAt),
      createdAt: int(createdAt),
      attempts: int(attempts),
      rounds: int(rounds),
      token,
      leasedUntil,
    }
    if (event) delivery.eventId = event.id
    if (typeof code === 'string') delivery.code = code as NonNullable<DeliveryRecord['code']>
    if (typeof http === 'number') delivery.httpStatus = http
    if (typeof content === 'string') withContent(delivery, content)
    if (delivery.digest) for (const eventId of delivery.digest.eventIds) keptEvent(orgId, eventId)
    return delivery
  }

  function eventOf(eid: number): StoredEvent | undefined {
    const known = found.get(eid)
    if (known) return known
    const event = events.get(session, eid)
    if (event) found.set(eid, event)
    return event
  }

  function keptEvent(orgId: string, id: string): void {
    const oid = names.findOrg(session, orgId)
    const row = session.get('SELECT eid FROM signalbox_event WHERE oid = ? AND id = ?', oid ?? null, id)
    if (row) eventOf(int(row[0]))
  }

  /** Leases that ran out: their deliveries are due again at once, or fail. */
  function expire(lane: LaneState): void {
    const over = lane.leases.filter(([, until]) => until <= now)
    if (over.length === 0) return
    for (const did of leasedIn(over)) {
      const row = session.get('SELECT lost, attempts FROM signalbox_delivery WHERE did = ? AND status = 0', did)
      if (!row) continue
      const lost = int(row[0]) + 1
      session.run('UPDATE signalbox_delivery SET lost = ? WHERE did = ?', lost, did)
      if (lost >= MAX_LOST) abandon(did, int(row[1]) + 1)
    }
    lane.leases = lane.leases.filter(([, until]) => until > now)
    wakeLane(lane, now)
  }

  function abandon(did: number, number: number): void {
    const attempt = { deliveryId: '', orgId: '', connectionId: '', number, startedAt: now, durationMs: 0 }
    const body = writeAttempt({ ...attempt, outcome: 'retry', code: 'abandoned' })
    session.run('INSERT OR REPLACE INTO signalbox_attempt (did, number, body) VALUES (?, ?, ?)', did, number, body)
    session.run(
      `UPDATE signalbox_delivery SET attempts = ?, code = 'abandoned', http = NULL, failure = 'abandoned' WHERE did = ?`,
      number,
      did,
    )
    end(did, FAILED, now)
  }

  function end(did: number, status: number, at: number): void {
    session.run('UPDATE signalbox_delivery SET status = ?, finished_at = ? WHERE did = ?', status, at, did)
  }

  function finish(): ClaimResult {
    if (visits !== visitsBefore || asleepCap !== asleepCapBefore) session.run(STORE_STATE, visits, asleepCap)
    return {
      deliveries,
      events: [...found.values()],
      connections,
      nextAt: ids ? null : nextDue(session, ours),
    }
  }

  return { inTurn, theseOnly, finish }
}

const NOTHING: LanePlan = { take: [], tokens: 0, tokensAt: 0, nextAt: null }

/** In large claims a lane gives at least so many, if it has them: what a visit costs is shared by what it takes. */
const SHARE = 8

function nextDue(session: Session, ours: string): number | null {
  const row = session.get(`SELECT due FROM signalbox_lane WHERE due IS NOT NULL AND ${ours} ORDER BY due LIMIT 1`)
  return row ? int(row[0]) : null
}

export function nextDueAt(session: Session, names: Names, transports: readonly string[]): number | null {
  const tids = transports.map((name) => names.findTransport(session, name)).filter((tid) => tid !== undefined)
  return nextDue(session, `tid IN (${[0, ...tids].sort((a, b) => a - b).join(', ')})`)
}

/**
 * Cancels what waits in a lane whose connection has gone, and removes its digests' members: a portion. Answers whether
 * there is more.
 */
export function cancelPortion(session: Session, lane: LaneState, now: number): boolean {
  const leases = leasedIn(lane.leases)
  const rows = session.all(NEXT, lane.lid, leases.size + PORTION)
  for (const row of rows) {
    const did = int(row[0])
    if (leases.has(did)) continue
    session.run(
      'UPDATE signalbox_delivery SET status = ?, finished_at = ?, failure = NULL WHERE did = ? AND status = ?',
      CANCELLED,
      now,
      did,
      LIVE,
    )
  }
  const members = session.run(
    'DELETE FROM signalbox_member WHERE (lid, key, eid) IN (SELECT lid, key, eid FROM signalbox_member WHERE lid = ? LIMIT ?)',
    lane.lid,
    PORTION,
  )
  return rows.length === leases.size + PORTION || members === PORTION
}

/** What has no column of its own: a digest's content, or the id of an event that was never stored. */
export function withContent(delivery: Mutable<DeliveryRecord>, content: string): void {
  const value = parse<{ readonly eventId: string } | NonNullable<DeliveryRecord['digest']>>(content)
  if ('eventIds' in value) delivery.digest = value
  else delivery.eventId = value.eventId
}

