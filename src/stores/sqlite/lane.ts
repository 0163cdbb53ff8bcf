import type { ConnectionRecord, Health } from '../../contracts/connection.ts'
import { type ConnectionBody, type LeaseGroup, parse, readHealth, readLeases, toRecord, writeLeases } from './codec.ts'
import { int, maybeInt, maybeText, type Session, text } from './driver.ts'

/** `next_at` of a lane that has more to give as soon as one of its leases ends. */
export const ASLEEP = -1

/** A lane as it is worked on inside one transaction; `Lanes.store` puts it back. */
export interface LaneState {
  readonly lid: number
  tid: number
  visit: number
  lastAt: number
  nextAt: number | null
  digestAt: number | null
  tokens: number | null
  tokensAt: number
  leases: LeaseGroup[]
  /** Absent where the connection does not exist, or no longer does. */
  connection?: StoredConnection
}

export interface StoredConnection {
  readonly oid: number
  readonly version: number
  readonly blockedUntil?: number
  readonly body: ConnectionBody
  readonly health: Health
}

export function recordOf({ body, version, blockedUntil, health }: StoredConnection): ConnectionRecord {
  return toRecord(body, version, blockedUntil, health)
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

export function readLane(session: Session, lid: number, bodies: Bodies): LaneState {
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
    health: readHealth(text(health)),
  }
  return { ...state, connection }
}

function writeLane(session: Session, lane: LaneState): void {
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

/**
 * The lanes, inside write transactions. What this handle has read or written stays in memory for as long as nobody else
 * writes to the file; `PRAGMA data_version` tells, for any process.
 */
export interface Lanes {
  /** Call at the begin of each write transaction. */
  begin(session: Session): void
  /** The one state of this lane: whoever changes it must `store` it. */
  load(session: Session, lid: number): LaneState
  store(session: Session, lane: LaneState): void
  /** Call where a statement has changed the rows of this lane, or of all. */
  forget(lid?: number): void
}

const MAX_LANES = 20_000

export function createLanes(bodies: Bodies): Lanes {
  const known = new Map<number, LaneState>()
  let dataVersion: unknown
  return {
    begin(session) {
      const current = session.get('PRAGMA data_version')?.[0]
      if (current === dataVersion) return
      dataVersion = current
      known.clear()
    },
    load(session, lid) {
      const kept = known.get(lid)
      if (kept) return kept
      const lane = readLane(session, lid, bodies)
      if (known.size >= MAX_LANES) known.clear()
      known.set(lid, lane)
      return lane
    },
    store: writeLane,
    forget(lid) {
      if (lid === undefined) known.clear()
      else known.delete(lid)
    },
  }
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
