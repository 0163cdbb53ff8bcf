import type { StatusReason } from '../../contracts/connection.ts'
import type { Settlement } from '../../contracts/delivery.ts'
import type { Lease, SettleResult } from '../../contracts/store.ts'
import { applyHealth } from '../../delivery/health.ts'
import { returnTokens } from '../../delivery/plan-lane.ts'
import { CANCELLED, DELIVERED, FAILED, LIVE, writeAttempt } from '../../records/codec.ts'
import type { ConnectionBody } from '../../records/connection-body.ts'
import { endLease, wakeLane } from '../../records/lane-times.ts'
import type { Query } from './access.ts'
import { changeOrganisations, storeBody } from './connection-rows.ts'
import { STORE_ATTEMPTS } from './endings.ts'
import { type Bodies, earliestOf, type LaneState, laneValues, lockLanes, STORE_LANES, storeLanes } from './lane.ts'
import { int, LIVE_BY_KEY, list, text, whole } from './values.ts'

export interface SettleDeps {
  readonly bodies: Bodies
  /** Keys of the deliveries that this process has leased. */
  readonly leased: Map<string, number>
}

export interface Settled<T> {
  readonly result: T
  /** The earliest instant at which one of the lanes is to be visited. */
  readonly earliest: number
  /** Deliveries that are no longer leased. */
  readonly ended: readonly string[]
}

const SETTLE = `
UPDATE @.delivery d
SET status = x.s, pos = CASE WHEN x.u IS NULL OR x.q = 1 THEN d.pos ELSE x.u END,
  due_at = CASE WHEN x.u IS NULL THEN d.due_at WHEN x.q = 1 THEN x.u END,
  attempts = d.attempts + x.a, rounds = d.rounds + CASE WHEN x.u IS NOT NULL AND x.a > 0 THEN 1 ELSE 0 END, lost = 0,
  finished_at = x.e, code = x.c, http = x.h, failure = x.f, receipt = x.r, first = coalesce(x.b, d.first)
FROM json_to_recordset($2::text::json) AS x(d bigint, s smallint, u bigint, q integer, a integer, e bigint, c text,
  h integer, f text, r text, b text)
WHERE d.did = x.d AND d.${LIVE_BY_KEY} RETURNING d.did`
/** Deliveries are written after their lanes were locked, and before the lanes are let go. */
const SETTLE_AND_STORE = `WITH stored AS (${STORE_LANES}) ${SETTLE}`

/** Writes settlements inside a transaction. */
export async function settle(
  query: Query,
  deps: SettleDeps,
  settlements: readonly Settlement[],
): Promise<Settled<SettleResult>> {
  const lanes = await lockLanes(
    query,
    settlements.map((one) => one.connectionId),
  )
  const bodies = await deps.bodies.of(query, [...lanes.values()])
  const dids = await keysOf(query, deps, settlements)
  const stale: string[] = []
  const accepted = new Map<LaneState, Settlement[]>()
  const rows: object[] = []
  const attempts: object[] = []
  const written = new Map<number, string>()
  for (const one of settlements) {
    const lane = lanes.get(one.connectionId)
    const did = dids.get(one.deliveryId)
    if (!lane || did === undefined || lane.orgId !== one.orgId || !endLease(lane, one.token, did)) {
      stale.push(one.deliveryId)
      continue
    }
    if (lane.nextAt !== null && lane.nextAt < 0) wakeLane(lane, Math.min(lane.lastAt, one.at))
    if (one.next.status === 'pending') wakeLane(lane, one.next.dueAt)
    rows.push(toRow(one, did, bodies.get(lane.id)?.ordering === 'fifo'))
    for (const attempt of one.attempts) {
      if (attempt.number !== 1) attempts.push({ d: did, n: attempt.number, b: writeAttempt(attempt) })
    }
    written.set(did, one.deliveryId)
    const of = accepted.get(lane)
    if (of) of.push(one)
    else accepted.set(lane, [one])
  }
  if (accepted.size === 0) return { result: { stale, connections: [] }, earliest: Number.POSITIVE_INFINITY, ended: [] }

  const connections: SettleResult['connections'][number][] = []
  const changedOrganisations = new Set<string>()
  for (const [lane, of] of accepted) {
    const body = bodies.get(lane.id)
    if (!body) continue
    const { touched, suspend } = settleConnection(lane, body, of)
    connections.push(touched)
    if (!suspend) continue
    lane.revision = await storeBody(query, { ...body, status: 'suspended', reason: suspend }, lane.version)
    changedOrganisations.add(lane.orgId)
  }
  if (attempts.length > 0) await query(STORE_ATTEMPTS, [JSON.stringify(attempts)])
  const touched = [...accepted.keys()]
  for (const row of await query(SETTLE_AND_STORE, [laneValues(touched), JSON.stringify(rows)])) {
    written.delete(int(row.did))
  }
  // purged while they were leased
  stale.push(...written.values())
  await changeOrganisations(query, changedOrganisations)
  return {
    result: { stale, connections },
    earliest: earliestOf(touched),
    ended: [...accepted.values()].flatMap((of) => of.map((one) => one.deliveryId)),
  }
}

function toRow({ next, exchanges, code, httpStatus, at, attempts }: Settlement, did: number, fifo: boolean): object {
  const first = attempts.find((attempt) => attempt.number === 1)
  const outcome = {
    d: did,
    a: exchanges,
    c: code ?? null,
    h: httpStatus ?? null,
    b: first ? writeAttempt(first) : null,
  }
  if (next.status === 'pending') return { ...outcome, s: LIVE, u: whole(next.dueAt), q: fifo ? 1 : 0 }
  const ended = { ...outcome, e: whole(at) }
  if (next.status === 'delivered') {
    return { ...ended, s: DELIVERED, r: next.receipt ? JSON.stringify(next.receipt) : null }
  }
  return next.status === 'failed' ? { ...ended, s: FAILED, f: next.failure } : { ...ended, s: CANCELLED }
}

function settleConnection(
  lane: LaneState,
  { status }: ConnectionBody,
  accepted: readonly Settlement[],
): { touched: SettleResult['connections'][number]; suspend: StatusReason | undefined } {
  const before = lane.health
  let suspend: StatusReason | undefined
  for (const one of accepted) {
    if (one.health) lane.health = applyHealth(lane.health, one.health)
    if (one.blockedUntil !== undefined) lane.blockedUntil = Math.max(lane.blockedUntil ?? 0, one.blockedUntil)
    suspend ??= one.suspend
  }
  const suspended = status === 'active' && suspend !== undefined
  const { orgId, id, version, health } = lane
  return {
    touched: { orgId, id, version, status: suspended ? 'suspended' : status, before, after: health, suspended },
    suspend: suspended ? suspend : undefined,
  }
}

/** Extends leases; answers the deliveries whose lease was lost. */
export async function renew(
  query: Query,
  deps: SettleDeps,
  leases: readonly Lease[],
  until: number,
): Promise<Settled<readonly string[]>> {
  const lanes = await lockLanes(
    query,
    leases.map((lease) => lease.connectionId),
  )
  const dids = await keysOf(query, deps, leases)
  const lost: string[] = []
  const renewed = new Map<LaneState, Map<string, number[]>>()
  for (const { connectionId, deliveryId, token } of leases) {
    const lane = lanes.get(connectionId)
    const did = dids.get(deliveryId)
    if (!lane || did === undefined || !endLease(lane, token, did)) {
      lost.push(deliveryId)
      continue
    }
    const groups = renewed.get(lane) ?? new Map<string, number[]>()
    renewed.set(lane, groups)
    const of = groups.get(token)
    if (of) of.push(did)
    else groups.set(token, [did])
  }
  for (const [lane, groups] of renewed) {
    for (const [token, of] of groups) lane.leases.push([token, until, ...of])
  }
  return { result: lost, earliest: await storeLanes(query, [...renewed.keys()]), ended: [] }
}

/** Gives leases back unused. */
export async function release(query: Query, deps: SettleDeps, leases: readonly Lease[]): Promise<Settled<void>> {
  const lanes = await lockLanes(
    query,
    leases.map((lease) => lease.connectionId),
  )
  const bodies = await deps.bodies.of(query, [...lanes.values()])
  const dids = await keysOf(query, deps, leases)
  const touched = new Set<LaneState>()
  const ended: string[] = []
  for (const { connectionId, deliveryId, token } of leases) {
    const lane = lanes.get(connectionId)
    const did = dids.get(deliveryId)
    if (!lane || did === undefined || !endLease(lane, token, did)) continue
    if (lane.tokens !== null) lane.tokens = returnTokens(bodies.get(lane.id)?.pace, lane.tokens, 1)
    wakeLane(lane, lane.lastAt)
    touched.add(lane)
    ended.push(deliveryId)
  }
  return { result: undefined, earliest: await storeLanes(query, [...touched]), ended }
}

/** The rows of leased deliveries: known from the claim, or looked up where another process, or a restart, is between. */
async function keysOf(
  query: Query,
  { leased }: SettleDeps,
  named: readonly { readonly deliveryId: string }[],
): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>()
  const unknown: string[] = []
  for (const { deliveryId } of named) {
    const did = leased.get(deliveryId)
    if (did === undefined) unknown.push(deliveryId)
    else found.set(deliveryId, did)
  }
  if (unknown.length === 0) return found
  const sql = `SELECT id, did FROM @.delivery WHERE id = ANY($1::text::text[]) AND ${LIVE_BY_KEY}`
  for (const row of await query(sql, [list(unknown)])) found.set(text(row.id), int(row.did))
  return found
}
