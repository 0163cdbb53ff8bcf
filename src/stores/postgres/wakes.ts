import { wakeLane } from '../../records/lane-times.ts'
import type { Query } from './access.ts'
import { type LaneState, lockOrCreateLanes } from './lane.ts'
import { lockKey } from './schema.ts'
import { int, list, text } from './values.ts'

/** What a claim found of what `enqueue` left. */
export interface Drained {
  /** The lanes that were woken, locked, as they are now. */
  readonly lanes: ReadonlyMap<string, LaneState>
  /** Those of them that have to be stored. */
  readonly changed: ReadonlySet<string>
  /** When there may be more: at once, soon (another claim has them in hand), or `null`. */
  readonly againAt: number | null
  /** Greater than that of any claim before. */
  readonly turn: number
  /** Call once the claim is committed: what it has seen need not be looked at again. */
  committed(): void
}

export interface Wakes {
  drain(query: Query, now: number): Promise<Drained>
}

/** Wakes that one claim takes. */
const PORTION = 2000
/** How long another claim has the wakes in hand. */
const SOON_MS = 10
/** Everything is looked at anew so often, in ms: a restored backup has transaction ids of another server. */
const WHOLE_LOOK_MS = 60_000

const drain = (where: string): string => `
WITH turn AS MATERIALIZED (
  SELECT pg_try_advisory_xact_lock($1::text::bigint) AS mine, nextval('@.visit') AS turn
), gone AS (
  DELETE FROM @.wake WHERE ctid = ANY(ARRAY(SELECT w.ctid FROM turn, @.wake w WHERE turn.mine AND (${where}) LIMIT ${PORTION}))
  RETURNING lane, at, digest
), grouped AS (
  SELECT lane, digest, min(at) AS at, count(*) AS count FROM gone GROUP BY lane, digest
)
SELECT turn.mine::int AS mine, turn.turn, pg_current_snapshot()::text AS snapshot, g.lane, g.digest, g.at, g.count
FROM turn LEFT JOIN grouped g ON true`

const EVERYTHING = drain('w.xid >= 0')
const NEW = drain('w.xid >= $2::text::bigint OR w.xid = ANY($3::text::bigint[])')

interface Snapshot {
  readonly xmax: string
  readonly running: readonly string[]
}

/**
 * Wakes are read by whoever gets an advisory lock, and each process remembers the snapshot of its last look: new are
 * those of the transactions that ran then or began since. However long a host's transaction is open, none is missed, and
 * the dead rows that it keeps from being removed are not stepped over.
 */
export function createWakes(schema: string): Wakes {
  const lock = String(lockKey(schema, 'drain'))
  let seen: Snapshot | undefined
  let lookedAt = 0

  return {
    async drain(query, now) {
      const whole = seen === undefined || performance.now() - lookedAt > WHOLE_LOOK_MS
      const rows = await (whole || seen === undefined
        ? query(EVERYTHING, [lock])
        : query(NEW, [lock, seen.xmax, list(seen.running)]))
      const [first] = rows
      const mine = int(first?.mine) === 1
      const woken = rows.filter((row) => typeof row.lane === 'string')
      const lanes = await lockOrCreateLanes(
        query,
        woken.map((row) => text(row.lane)),
      )
      const changed = new Set<string>()
      for (const row of woken) {
        const lane = lanes.get(text(row.lane))
        if (lane && wake(lane, int(row.at), int(row.digest) === 1, now)) changed.add(lane.id)
      }
      const full = woken.reduce((sum, row) => sum + int(row.count), 0) >= PORTION
      return {
        lanes,
        changed,
        againAt: full ? now : mine ? null : now + SOON_MS,
        turn: int(first?.turn),
        committed() {
          if (!mine || full) return
          seen = parseSnapshot(text(first?.snapshot))
          if (whole) lookedAt = performance.now()
        },
      }
    },
  }
}

/** Answers whether the lane is another one now. */
function wake(lane: LaneState, at: number, digest: boolean, now: number): boolean {
  if (digest) {
    if (lane.digestAt !== null && lane.digestAt <= at) return false
    lane.digestAt = at
    return true
  }
  // a clock that was wrong must not put this off until it is right
  const lastAt = Math.min(lane.lastAt, now)
  // what nobody can be sent to is cancelled whenever it is met
  const from = Math.max(lane.revision === 0 ? Math.min(at, now) : at, lastAt)
  // one that sleeps until a lease ends is woken by that; one that is ready keeps its turn
  if (lane.nextAt !== null && lane.nextAt <= from) return false
  lane.lastAt = lastAt
  wakeLane(lane, from)
  return true
}

/** `xmin:xmax:xip,xip`: see pg_current_snapshot(). */
function parseSnapshot(snapshot: string): Snapshot {
  const [, xmax = '0', running = ''] = snapshot.split(':')
  return { xmax, running: running === '' ? [] : running.split(',') }
}
