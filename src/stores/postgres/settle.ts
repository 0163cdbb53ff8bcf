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
import { lowerCursor } from './cursor.ts'
import { type Bodies, earliestOf, type LaneState, laneValues, lockLanes, storeLanes } from './lane.ts'
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
SELECT @.settle($1, $2::text::int, $3, $4::text::bigint[], $5::text::smallint[], $6::text::bigint[], $7::text::int[],
  $8::text::int[], $9::text::bigint[], $10::text::text[], $11::text::int[], $12::text::text[], $13::text::text[],
  $14::text::text[]) AS did`

/** A delivery as it becomes. */
interface Result {
  readonly did: number
  readonly status: number
  /** When it is due again. */
  readonly dueAt: number | null
  /** It keeps its place. */
  readonly fifo: 0 | 1
  readonly exchanges: number
  readonly endedAt: number | null
  readonly code: string | null
  readonly httpStatus: number | null
  readonly failure: string | null
  readonly receipt: string | null
  readonly first: string | null
}

/** Writes settlements inside a transaction. */
export async function settle(
  query: Query,
  last: Query,
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
  const rows: Result[] = []
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
    const row = toRow(one, did, bodies.get(lane.id)?.ordering === 'fifo')
    if (row.dueAt !== null) {
      wakeLane(lane, row.dueAt)
      if (row.fifo === 1) lane.cursor = undefined
      else lowerCursor(lane, row.dueAt)
    }
    rows.push(row)
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
  const touched = [...accepted.keys()]
  const gone = await (changedOrganisations.size > 0 ? query : last)(SETTLE, [
    laneValues(touched),
    String(touched.length),
    attempts.length > 0 ? JSON.stringify(attempts) : null,
    ...columnsOf(rows),
  ])
  // purged while they were leased
  for (const row of gone) stale.push(written.get(int(row.did)) ?? '')
  await changeOrganisations(query, changedOrganisations)
  return {
    result: { stale, connections },
    earliest: earliestOf(touched),
    ended: [...accepted.values()].flatMap((of) => of.map((one) => one.deliveryId)),
  }
}

function toRow(settlement: Settlement, did: number, fifo: boolean): Result {
  const { next, exchanges, code, httpStatus, at, attempts } = settlement
  const first = attempts.find((attempt) => attempt.number === 1)
  const row = {
    did,
    dueAt: null,
    fifo: fifo ? 1 : 0,
    exchanges,
    endedAt: whole(at),
    code: code ?? null,
    httpStatus: httpStatus ?? null,
    failure: null,
    receipt: null,
    first: first ? writeAttempt(first) : null,
  } as const
  if (next.status === 'pending') return { ...row, status: LIVE, dueAt: whole(next.dueAt), endedAt: null }
  if (next.status === 'delivered') {
    return { ...row, status: DELIVERED, receipt: next.receipt ? JSON.stringify(next.receipt) : null }
  }
  return next.status === 'failed' ? { ...row, status: FAILED, failure: next.failure } : { ...row, status: CANCELLED }
}

/** As the function takes them: an array a column. */
function columnsOf(rows: readonly Result[]): string[] {
  return [
    rows.map(({ did }) => did),
    rows.map(({ status }) => status),
    rows.map(({ dueAt }) => dueAt),
    rows.map(({ fifo }) => fifo),
    rows.map(({ exchanges }) => exchanges),
    rows.map(({ endedAt }) => endedAt),
    rows.map(({ code }) => code),
    rows.map(({ httpStatus }) => httpStatus),
    rows.map(({ failure }) => failure),
    rows.map(({ receipt }) => receipt),
    rows.map(({ first }) => first),
  ].map(list)
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
    lane.cursor = undefined
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
