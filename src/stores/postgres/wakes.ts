import { parse } from '../../records/codec.ts'
import { wakeLane } from '../../records/lane-times.ts'
import type { Query } from './access.ts'
import { lowerCursor } from './cursor.ts'
import { type LaneState, toLane } from './lane.ts'
import { lockKey } from './schema.ts'
import { int, list, maybeInt, type Row, text } from './values.ts'

/** What a claim asks for at first. */
export interface Wanted {
  readonly now: number
  /** Ready lanes are looked for from here on: see `floor.ts`. */
  readonly from: number
  readonly transports: readonly string[]
  /** At most so many ready lanes. */
  readonly most: number
  /** Deliveries of each woken lane that are read at once, where these are few. */
  readonly ahead: number
}

/** What a claim finds at first; all its lanes are locked. */
export interface Found {
  /** The lanes that `enqueue` has left wakes for, as they are now. */
  readonly woken: readonly LaneState[]
  /** Those of them that have to be stored. */
  readonly changed: ReadonlySet<string>
  /** What was read ahead: the first deliveries of some of the woken lanes, all that there are where they are fewer. */
  readonly next: ReadonlyMap<string, readonly Row[]>
  /** Others that are ready. */
  readonly ready: readonly LaneState[]
  /** Whether these were looked for from the beginning. */
  readonly whole: boolean
  /** When there may be more wakes: at once, soon (another claim has them in hand), or `null`. */
  readonly againAt: number | null
  /** Greater than that of any claim before. */
  readonly turn: number
  /** Call once the claim is committed: what it has seen need not be looked at again. */
  committed(): void
}

export interface Wakes {
  look(query: Query, wanted: Wanted): Promise<Found>
  /** A claim failed: where the server fell over, transaction ids that nobody heard of are given out again. */
  forget(): void
}

/** Wakes that one claim takes. */
const PORTION = 2000
/** How long another claim has the wakes in hand. */
const SOON_MS = 10
/** Everything is looked at anew so often, in ms: a restored backup has transaction ids of another server. */
const WHOLE_LOOK_MS = 60_000

const LOOK = `
SELECT r.mine, r.turn, r.snapshot, r.taken, r.whole, r.next, r.wake_at, r.end_at, r.place, (r.l).*
FROM @.look($1::text::bigint, ${PORTION}, $2::text::bigint, $3::text::bigint[], $4::text::bigint, $5::text::bigint,
  $6::text::text[], $7::text::int, $8::text::int) r`

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
    forget() {
      seen = undefined
    },
    async look(query, { now, from, transports, most, ahead }) {
      const all = seen === undefined || performance.now() - lookedAt > WHOLE_LOOK_MS
      const rows = await query(LOOK, [
        lock,
        seen?.xmax ?? '0',
        all || seen === undefined ? null : list(seen.running),
        String(from),
        String(now),
        list(transports),
        String(most),
        String(ahead),
      ])
      const end: Row = rows.at(-1) ?? {}
      const mine = int(end.mine) === 1
      const woken: LaneState[] = []
      const changed = new Set<string>()
      const ready: LaneState[] = []
      for (const row of rows) {
        if (row === end) continue
        const lane = toLane(row)
        const wakeAt = maybeInt(row.wake_at)
        const endAt = maybeInt(row.end_at)
        if (wakeAt === undefined && endAt === undefined) {
          ready.push(lane)
          continue
        }
        woken.push(lane)
        const toBeSent = wakeAt !== undefined && wake(lane, wakeAt, now)
        const toBeSealed = endAt !== undefined && wakeToSeal(lane, endAt)
        if (toBeSent || toBeSealed) changed.add(lane.id)
      }
      const full = int(end.taken) >= PORTION
      return {
        woken,
        changed,
        next: Map.groupBy(parse<Row[]>(text(end.next)), (row) => text(row.lane)),
        ready,
        whole: int(end.whole) === 1,
        againAt: full ? now : mine ? null : now + SOON_MS,
        turn: int(end.turn),
        committed() {
          if (!mine || full) return
          const snapshot = parseSnapshot(text(end.snapshot))
          // ids that were used before: of a server that lost its last ones, or of another one
          seen = Number(snapshot.xmax) < Number(seen?.xmax ?? 0) ? undefined : snapshot
          if (all) lookedAt = performance.now()
        },
      }
    },
  }
}

/** Deliveries were added, the first of them due at `at`. Answers whether the lane is another one now. */
function wake(lane: LaneState, at: number, now: number): boolean {
  const lowered = lowerCursor(lane, at)
  // a clock that was wrong must not put this off until it is right
  const lastAt = Math.min(lane.lastAt, now)
  // what nobody can be sent to is cancelled whenever it is met
  const from = Math.max(lane.revision === 0 ? Math.min(at, now) : at, lastAt)
  // one that sleeps until a lease ends is woken by that; one that is ready keeps its turn
  if (lane.nextAt !== null && lane.nextAt <= from) return lowered
  lane.lastAt = lastAt
  wakeLane(lane, from)
  return true
}

/** A digest may close at `at`. Answers whether the lane is another one now. */
function wakeToSeal(lane: LaneState, at: number): boolean {
  if (lane.digestAt !== null && lane.digestAt <= at) return false
  lane.digestAt = at
  return true
}

/** `xmin:xmax:xip,xip`: see pg_current_snapshot(). */
function parseSnapshot(snapshot: string): Snapshot {
  const [, xmax = '0', running = ''] = snapshot.split(':')
  return { xmax, running: running === '' ? [] : running.split(',') }
}
