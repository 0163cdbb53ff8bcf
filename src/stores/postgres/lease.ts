import type { ClaimRequest, ClaimResult } from '../../contracts/store.ts'
import { type Lane, type LanePlan, mostInFlight } from '../../delivery/plan-lane.ts'
import type { ConnectionBody } from '../../records/connection-body.ts'
import type { LeaseGroup } from '../../records/lane-times.ts'
import type { Query } from './access.ts'
import type { Taken } from './claimed.ts'
import { cancelDeliveries } from './endings.ts'
import type { EventCache } from './event-cache.ts'
import type { Floor } from './floor.ts'
import type { Bodies, LaneState } from './lane.ts'
import type { Rouse } from './rouse.ts'
import { text } from './values.ts'
import type { Waiting } from './waiting.ts'
import type { Wakes } from './wakes.ts'

export interface ClaimDeps {
  readonly bodies: Bodies
  readonly events: EventCache
  readonly floor: Floor
  readonly wakes: Wakes
  readonly rouse: Rouse
  /** Keys of the deliveries that this process has leased, so that a settle need not look them up. */
  readonly leased: Map<string, number>
  readonly width: Width
}

/** How many lanes a claim asks for: as many as filled the claims before. */
export interface Width {
  /** Deliveries that a lane gave, on the average of the last claims. */
  perLane: number
}

export interface ClaimOutcome {
  readonly result: ClaimResult
  /** Call once the transaction is committed. */
  committed(): void
}

/** A lane under way in this claim. */
export interface Visit {
  readonly lane: LaneState
  readonly body: ConnectionBody
  /** What waits in it, in order: what `plan` takes is the first of these. */
  rows: readonly Waiting[]
  plan: LanePlan
}

/** Of a lane that was not planned. */
export const NOTHING: LanePlan = { take: [], tokens: 0, tokensAt: 0, nextAt: null }

/** So many leases are remembered by row; past it, rows are looked up. */
const MAX_LEASED = 50_000

export function remember(leased: Map<string, number>, taken: readonly Taken[]): void {
  if (leased.size > MAX_LEASED) leased.clear()
  for (const { rows } of taken) for (const { row, did } of rows) leased.set(text(row.id), did)
}

export function limitsOf(lane: LaneState, body: ConnectionBody, perConnection: number): Lane {
  let inFlight = 0
  for (const group of lane.leases) inFlight += group.length - 2
  return {
    open: body.status === 'active',
    fifo: body.ordering === 'fifo',
    inFlight,
    maxInFlight: Math.min(perConnection, body.maxInFlight ?? perConnection),
    failures: lane.health.consecutiveFailures,
    ...(lane.blockedUntil === undefined ? {} : { blockedUntil: lane.blockedUntil }),
    ...(body.pace === undefined ? {} : { pace: body.pace }),
    tokens: lane.tokens ?? body.pace?.burst ?? 0,
    tokensAt: lane.tokensAt,
  }
}

/** No more than a plan could take of it: rows that are read for nothing cost as much as others. */
export function roomOf(limits: Lane, share: number): number {
  const { open, inFlight, pace } = limits
  const room = open ? Math.max(0, mostInFlight(limits) - inFlight) : 0
  return Math.min(share, room, pace ? Math.ceil(pace.burst) : share)
}

/** Writes what a plan takes into its lane. */
export async function lease(
  query: Query,
  { lane, body, plan, rows }: Visit,
  { now, leaseMs, token }: ClaimRequest,
): Promise<readonly Waiting[]> {
  if (body.pace && plan !== NOTHING) {
    lane.tokens = plan.tokens
    lane.tokensAt = plan.tokensAt
  }
  const taken = rows.slice(0, plan.take.length)
  if (taken.length === 0) return taken
  // one of another organisation names a connection that is not its own: for it there is none
  const own = taken.filter(({ row }) => row.org_id === lane.orgId)
  if (own.length < taken.length) {
    const strays = taken.filter((one) => !own.includes(one))
    await cancelDeliveries(
      query,
      strays.map(({ did }) => did),
      now,
    )
  }
  if (own.length === 0) return own
  const group: LeaseGroup = [token, now + leaseMs, ...own.map(({ did }) => did)]
  lane.leases.push(group)
  return own
}
