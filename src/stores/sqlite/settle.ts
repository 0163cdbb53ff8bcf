import type { StatusReason } from '../../contracts/connection.ts'
import type { Settlement } from '../../contracts/delivery.ts'
import type { Lease, SettleResult } from '../../contracts/store.ts'
import { applyHealth } from '../../delivery/health.ts'
import { returnTokens } from '../../delivery/plan-lane.ts'
import { CANCELLED, DELIVERED, FAILED, LIVE, writeAttempt } from '../../records/codec.ts'
import { endLease, wakeLane } from '../../records/lane-times.ts'
import type { ClaimDeps } from './claim.ts'
import { changeOrg, storeBody, storeHealth } from './connection-rows.ts'
import { int, type Session } from './driver.ts'
import { ATTEMPT } from './endings.ts'
import type { LaneState } from './lane.ts'

type Deps = Omit<ClaimDeps, 'events'>

const ENDED = `
UPDATE signalbox_delivery
SET status = ?, finished_at = ?, attempts = attempts + ?, code = ?, http = ?, failure = ?, receipt = ?,
  first = ifnull(?, first)
WHERE did = ? AND status = 0`

const RETRIED = `
UPDATE signalbox_delivery
SET pos = CASE WHEN ?1 THEN pos ELSE ?2 END, due_at = CASE WHEN ?1 THEN ?2 END, attempts = attempts + ?3,
  rounds = rounds + (?3 > 0), lost = 0, code = ?4, http = ?5, first = ifnull(?6, first)
WHERE did = ?7 AND status = 0`

/** Writes settlements inside a write transaction. */
export function settle(session: Session, deps: Deps, settlements: readonly Settlement[]): SettleResult {
  const stale: string[] = []
  const connections: SettleResult['connections'][number][] = []
  for (const [connectionId, of] of byConnection(settlements)) {
    const lid = deps.names.findLane(session, connectionId)
    if (lid === undefined) {
      for (const { deliveryId } of of) stale.push(deliveryId)
      continue
    }
    const lane = deps.lanes.load(session, lid)
    const accepted = of.filter((one) => {
      const done = settleOne(session, deps, lane, one)
      if (!done) stale.push(one.deliveryId)
      return done
    })
    if (accepted.length === 0) {
      deps.lanes.forget(lid)
      continue
    }
    const touched = settleConnection(session, deps, lane, accepted)
    if (touched) connections.push(touched)
    deps.lanes.store(session, lane)
  }
  return { stale, connections }
}

function settleOne(session: Session, deps: Deps, lane: LaneState, one: Settlement): boolean {
  const did = keyOf(session, deps, one)
  if (did === undefined || !isOf(session, deps, lane, did, one.orgId)) return false
  if (!endLease(lane, one.token, did)) return false
  deps.leased.delete(one.deliveryId)
  if (lane.nextAt !== null && lane.nextAt < 0) wakeLane(lane, lane.lastAt)

  let first: string | null = null
  for (const attempt of one.attempts) {
    if (attempt.number === 1) first = writeAttempt(attempt)
    else session.run(ATTEMPT, did, attempt.number, writeAttempt(attempt))
  }
  const { next, exchanges, code = null, httpStatus = null } = one
  if (next.status === 'pending') {
    const fifo = lane.connection?.body.ordering === 'fifo' ? 1 : 0
    wakeLane(lane, next.dueAt)
    return session.run(RETRIED, fifo, next.dueAt, exchanges, code, httpStatus, first, did) > 0
  }
  const delivered = next.status === 'delivered'
  const failure = next.status === 'failed' ? next.failure : null
  const receipt = delivered && next.receipt ? JSON.stringify(next.receipt) : null
  const status = delivered ? DELIVERED : next.status === 'failed' ? FAILED : CANCELLED
  return session.run(ENDED, status, one.at, exchanges, code, httpStatus, failure, receipt, first, did) > 0
}

/** Another organisation's delivery does not exist. A lane leases only what is its connection's organisation's. */
function isOf(session: Session, { names }: Deps, lane: LaneState, did: number, orgId: string): boolean {
  if (lane.connection) return lane.connection.body.orgId === orgId
  const oid = names.findOrg(session, orgId) ?? -1
  return session.get('SELECT 1 FROM signalbox_delivery WHERE did = ? AND oid = ?', did, oid) !== undefined
}

function settleConnection(
  session: Session,
  deps: Deps,
  lane: LaneState,
  accepted: readonly Settlement[],
): SettleResult['connections'][number] | undefined {
  const { connection } = lane
  if (!connection) return undefined
  const before = connection.health
  let after = before
  let { blockedUntil } = connection
  let suspend: StatusReason | undefined
  for (const one of accepted) {
    if (one.health) after = applyHealth(after, one.health)
    if (one.blockedUntil !== undefined) blockedUntil = Math.max(blockedUntil ?? 0, one.blockedUntil)
    suspend ??= one.suspend
  }
  if (after !== before || blockedUntil !== connection.blockedUntil) {
    storeHealth(session, lane.lid, blockedUntil, after)
    lane.connection = { ...connection, health: after, ...(blockedUntil === undefined ? {} : { blockedUntil }) }
  }
  const { id, orgId, status } = connection.body
  const suspended = status === 'active' && suspend !== undefined
  if (status === 'active' && suspend !== undefined) {
    storeBody(session, lane.lid, { ...connection.body, status: 'suspended', reason: suspend }, connection.version)
    changeOrg(session, connection.oid)
    deps.lanes.forget(lane.lid)
  }
  return { orgId, id, version: connection.version, status: suspended ? 'suspended' : status, before, after, suspended }
}

/** Extends leases; answers the deliveries whose lease was lost. */
export function renew(session: Session, deps: Deps, leases: readonly Lease[], until: number): readonly string[] {
  const lost: string[] = []
  for (const [connectionId, of] of byConnection(leases)) {
    const lid = deps.names.findLane(session, connectionId)
    const lane = lid === undefined ? undefined : deps.lanes.load(session, lid)
    if (!lane) {
      for (const { deliveryId } of of) lost.push(deliveryId)
      continue
    }
    const renewed = new Map<string, number[]>()
    for (const lease of of) {
      const did = keyOf(session, deps, lease)
      if (did === undefined || !endLease(lane, lease.token, did)) {
        lost.push(lease.deliveryId)
        continue
      }
      const dids = renewed.get(lease.token)
      if (dids) dids.push(did)
      else renewed.set(lease.token, [did])
    }
    for (const [token, dids] of renewed) lane.leases.push([token, until, ...dids])
    if (renewed.size > 0) deps.lanes.store(session, lane)
  }
  return lost
}

/** Gives leases back unused. */
export function release(session: Session, deps: Deps, leases: readonly Lease[]): void {
  for (const [connectionId, of] of byConnection(leases)) {
    const lid = deps.names.findLane(session, connectionId)
    if (lid === undefined) continue
    const lane = deps.lanes.load(session, lid)
    let count = 0
    for (const lease of of) {
      const did = keyOf(session, deps, lease)
      if (did === undefined || !endLease(lane, lease.token, did)) continue
      deps.leased.delete(lease.deliveryId)
      count++
    }
    if (count === 0) continue
    if (lane.tokens !== null) lane.tokens = returnTokens(lane.connection?.body.pace, lane.tokens, count)
    wakeLane(lane, lane.lastAt)
    deps.lanes.store(session, lane)
  }
}

/** The row of a leased delivery: known from the claim, or looked up where another process, or a restart, is between. */
function keyOf(
  session: Session,
  { leased }: Deps,
  { deliveryId }: { readonly deliveryId: string },
): number | undefined {
  const known = leased.get(deliveryId)
  if (known !== undefined) return known
  const row = session.get('SELECT did FROM signalbox_delivery WHERE id = ? AND status = ?', deliveryId, LIVE)
  return row && int(row[0])
}

function byConnection<T extends { readonly connectionId: string }>(items: readonly T[]): ReadonlyMap<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const group = groups.get(item.connectionId)
    if (group) group.push(item)
    else groups.set(item.connectionId, [item])
  }
  return groups
}
