import type { ConnectionRecord, Health } from '../../contracts/connection.ts'
import { parse, readHealth, writeHealth } from '../../records/codec.ts'
import { type ConnectionBody, toRecord } from '../../records/connection-body.ts'
import { dueOf, type LeaseGroup, readLeases, writeLeases } from '../../records/lane-times.ts'
import type { Query } from './access.ts'
import type { Cursor } from './cursor.ts'
import { int, list, maybeInt, maybeText, type Row, text, whole } from './values.ts'

/** A lane as it is worked on while its row is locked; `storeLanes` puts it back. */
export interface LaneState {
  readonly id: string
  /** Where its row is, as long as it is locked and was not stored. */
  readonly place: string
  orgId: string
  /** `''` where there is no connection. */
  transport: string
  /** 0 where there is no connection. A change of the connection gives it a new random one. */
  revision: number
  /** Of the connection. */
  version: number
  visit: number
  lastAt: number
  nextAt: number | null
  asleepCap: number | null
  digestAt: number | null
  tokens: number | null
  tokensAt: number
  leases: LeaseGroup[]
  cursor: Cursor | undefined
  blockedUntil: number | undefined
  health: Health
}

/** Of a row that has the columns of a lane, and its `place`. */
export function toLane(row: Row): LaneState {
  const cursorPos = maybeInt(row.cursor_pos)
  return {
    id: text(row.id),
    place: text(row.place),
    orgId: text(row.org_id),
    transport: text(row.transport),
    revision: int(row.revision),
    version: int(row.version),
    visit: int(row.visit),
    lastAt: int(row.last_at),
    nextAt: maybeInt(row.next_at) ?? null,
    asleepCap: maybeInt(row.asleep_cap) ?? null,
    digestAt: maybeInt(row.digest_at) ?? null,
    tokens: maybeInt(row.tokens) ?? null,
    tokensAt: int(row.tokens_at),
    leases: readLeases(maybeText(row.leases)),
    cursor: cursorPos === undefined ? undefined : { pos: cursorPos, did: int(row.cursor_did) },
    blockedUntil: maybeInt(row.blocked_until),
    health: readHealth(text(row.health)),
  }
}

/** The whole connection of a lane. */
export function recordOf(lane: LaneState, body: ConnectionBody): ConnectionRecord {
  return toRecord(body, lane.version, lane.blockedUntil, lane.health)
}

const LOCK = 'SELECT r.place, (r.l).* FROM @.lock_lanes($1::text::text[]) r'

/**
 * Locks lanes, always in the order of their ids, so that no two transactions wait for each other. What is read of them
 * must be read by a later statement: this one's snapshot is older than the locks.
 */
export async function lockLanes(query: Query, ids: Iterable<string>): Promise<Map<string, LaneState>> {
  const wanted = [...new Set(ids)]
  if (wanted.length === 0) return new Map()
  const rows = await query(LOCK, [list(wanted)])
  return new Map(rows.map((row) => [text(row.id), toLane(row)]))
}

/** The same, making the lanes that are not there. */
export async function lockOrCreateLanes(query: Query, ids: Iterable<string>): Promise<Map<string, LaneState>> {
  const wanted = [...new Set(ids)]
  const lanes = await lockLanes(query, wanted)
  for (let missing = wanted.filter((id) => !lanes.has(id)); missing.length > 0; ) {
    await query('SELECT @.create_lanes($1::text::text[])::text AS created', [list(missing)])
    for (const [id, lane] of await lockLanes(query, missing)) lanes.set(id, lane)
    missing = missing.filter((id) => !lanes.has(id))
  }
  return lanes
}

/** As the functions `store_lanes`, `store_claim` and `settle` take them. */
export function laneValues(lanes: Iterable<LaneState>): string {
  const rows = Array.from(lanes, (lane) => ({
    i: lane.id,
    pl: lane.place,
    o: lane.orgId,
    tr: lane.transport,
    rv: lane.revision,
    vn: lane.version,
    r: wholeOrNull(dueOf(lane)),
    v: lane.visit,
    la: whole(lane.lastAt),
    n: wholeOrNull(lane.nextAt),
    c: lane.asleepCap,
    d: wholeOrNull(lane.digestAt),
    t: lane.tokens,
    ta: whole(lane.tokensAt),
    l: writeLeases(lane.leases),
    b: wholeOrNull(lane.blockedUntil ?? null),
    h: writeHealth(lane.health),
    cp: lane.cursor?.pos ?? null,
    cd: lane.cursor?.did ?? null,
  }))
  return JSON.stringify(rows)
}

function wholeOrNull(value: number | null): number | null {
  return value === null ? null : whole(value)
}

/** Puts locked lanes back. Answers the earliest instant at which one of them is to be visited. */
export async function storeLanes(query: Query, lanes: readonly LaneState[]): Promise<number> {
  if (lanes.length > 0) {
    await query('SELECT @.store_lanes($1, $2::text::int)::text AS stored', [laneValues(lanes), String(lanes.length)])
  }
  return earliestOf(lanes)
}

export function earliestOf(lanes: Iterable<LaneState>): number {
  let earliest = Number.POSITIVE_INFINITY
  for (const lane of lanes) earliest = Math.min(earliest, dueOf(lane) ?? earliest)
  return earliest
}

/** Parsed connections by lane. A change gives a connection a new revision, so what is kept here is never stale. */
export interface Bodies {
  /** Of lanes that are locked; those without a connection are left out. */
  of(query: Query, lanes: readonly LaneState[]): Promise<ReadonlyMap<string, ConnectionBody>>
}

const MAX_BODIES = 20_000

export function createBodies(): Bodies {
  const known = new Map<string, { readonly revision: number; readonly body: ConnectionBody }>()
  return {
    async of(query, lanes) {
      const found = new Map<string, ConnectionBody>()
      const unknown: string[] = []
      for (const { id, revision } of lanes) {
        if (revision === 0) continue
        const kept = known.get(id)
        if (kept?.revision === revision) found.set(id, kept.body)
        else unknown.push(id)
      }
      if (unknown.length === 0) return found
      if (known.size + unknown.length > MAX_BODIES) known.clear()
      const sql = 'SELECT id, revision, body FROM @.connection WHERE id = ANY($1::text::text[])'
      for (const row of await query(sql, [list(unknown)])) {
        const body = parse<ConnectionBody>(text(row.body))
        known.set(text(row.id), { revision: int(row.revision), body })
        found.set(text(row.id), body)
      }
      return found
    },
  }
}
