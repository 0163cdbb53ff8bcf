import type { ConnectionRecord, Health } from '../../contracts/connection.ts'
import { parse, readHealth } from '../../records/codec.ts'
import { type ConnectionBody, toRecord } from '../../records/connection-body.ts'
import { dueOf, type LeaseGroup, readLeases, writeLeases } from '../../records/lane-times.ts'
import { int, maybeInt, maybeText, type Session, text } from './driver.ts'

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
