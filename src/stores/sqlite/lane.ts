import type { ConnectionRecord } from '../../contracts/connection.ts'
import {
  type ConnectionBody,
  type LeaseGroup,
  parse,
  readHealth,
  readLeases,
  toRecord,
  writeLeases,
} from './codec.ts'
import { int, maybeInt, maybeText, type Session, text } from './driver.ts'

/** `next_at` of a lane that has more to give as soon as one of its leases ends. */
export const ASLEEP = -1

/** A lane as it is worked on inside one transaction; {@link writeLane} puts it back. */
export interface LaneState {
  readonly lid: number
  readonly tid: number
  visit: number
  lastAt: number
  nextAt: number | null
  digestAt: number | null
  tokens: number | null
  tokensAt: number
  leases: LeaseGroup[]
  /** Absent where the connection does not exist, or no longer does. */
  readonly connection?: StoredConnection
}

export interface StoredConnection {
  readonly oid: number
  readonly version: number
  readonly blockedUntil?: number
  readonly body: ConnectionBody
  /** JSON, of `signalbox_health`. */
  readonly health: string
}

export function recordOf({ body, version, blockedUntil, health }: StoredConnection): ConnectionRecord {
  return toRecord(body, version, blockedUntil, readHealth(health))
}

const LOAD = `
SELECT l.tid, l.visit, l.last_at, l.next_at, l.digest_at, l.tokens, l.tokens_at, l.leases,
  c.revision, c.oid, c.version, h.blocked_until, h.body
FROM signalbox_lane l
LEFT JOIN signalbox_connection c ON c.lid = l.lid
LEFT JOIN signalbox_health h ON h.lid = l.lid
WHERE l.lid = ?`

const STORE = `
UPDATE signalbox_lane
SET due = ?, visit = ?, last_at = ?, next_at = ?, digest_at = ?, tokens = ?, tokens_at = ?, leases = ?
WHERE lid = ?`

export function loadLane(session: Session, lid: number, bodies: Bodies): LaneState {
  const [tid, visit, lastAt, nextAt, digestAt, tokens, tokensAt, leases, revision, oid, version, blocked, health] =
    session.get(LOAD, lid) ?? []
  const state: LaneState = {
    lid,
    tid: int(tid),
    visit: int(visit),
    lastAt: int(lastAt),
    nextAt: maybeInt(nextAt) ?? null,
    digestAt: maybeInt(digestAt) ?? null,
    tokens: maybeInt(tokens) ?? null,
    tokensAt: maybeInt(tokensAt) ?? 0,
    leases: readLeases(maybeText(leases)),
  }
  if (typeof revision !== 'number') return state
  const blockedUntil = maybeInt(blocked)
  const connection: StoredConnection = {
    oid: int(oid),
    version: int(version),
    ...(blockedUntil === undefined ? {} : { blockedUntil }),
    body: bodies.get(session, lid, revision),
    health: text(health),
  }
  return { ...state, connection }
}

export function writeLane(session: Session, lane: LaneState): void {
  session.run(
    STORE,
    dueOf(lane),
    lane.visit,
    lane.lastAt,
    lane.nextAt,
    lane.digestAt,
    lane.tokens,
    lane.tokensAt,
    writeLeases(lane.leases),
    lane.lid,
  )
}

/** When a claim should visit it. Never before its last visit: those that waited since then are first. */
function dueOf({ nextAt, digestAt, lastAt, leases }: LaneState): number | null {
  let due = Number.POSITIVE_INFINITY
  if (nextAt !== null && nextAt !== ASLEEP) due = nextAt
  if (digestAt !== null) due = Math.min(due, Math.max(digestAt, lastAt))
  for (const [, until] of leases) due = Math.min(due, until)
  return due === Number.POSITIVE_INFINITY ? null : due
}

/** More may be claimed from `at` on. */
export function wakeLane(lane: LaneState, at: number): void {
  const from = Math.max(at, lane.lastAt)
  lane.nextAt = lane.nextAt === null || lane.nextAt === ASLEEP ? from : Math.min(lane.nextAt, from)
}

export function leasedIn(groups: readonly LeaseGroup[]): Set<number> {
  const dids = new Set<number>()
  for (const group of groups) for (let n = 2; n < group.length; n++) dids.add(group[n] as number)
  return dids
}

/** Takes a delivery's lease out of the lane. False: the caller no longer has it. */
export function endLease(lane: LaneState, token: string, did: number): boolean {
  for (let g = 0; g < lane.leases.length; g++) {
    const group = lane.leases[g]
    if (group?.[0] !== token) continue
    const at = group.indexOf(did, 2)
    if (at < 0) continue
    if (group.length === 3) lane.leases.splice(g, 1)
    else group.splice(at, 1)
    return true
  }
  return false
}

/**
 * Parsed connections by lane. A change of a connection gives its row a new random revision, in any process, so what is
 * kept here is never stale.
 */
export interface Bodies {
  get(session: Session, lid: number, revision: number): ConnectionBody
}

const MAX_BODIES = 20_000

export function createBodies(): Bodies {
  const known = new Map<number, { readonly revision: number; readonly body: ConnectionBody }>()
  return {
    get(session, lid, revision) {
      const kept = known.get(lid)
      if (kept?.revision === revision) return kept.body
      const row = session.get('SELECT body FROM signalbox_connection WHERE lid = ?', lid)
      const body = parse<ConnectionBody>(text(row?.[0]))
      if (known.size >= MAX_BODIES) known.clear()
      known.set(lid, { revision, body })
      return body
    },
  }
}

