import { ASLEEP } from '../../records/lane-times.ts'
import type { Query } from './access.ts'
import { type LaneState, toLane } from './lane.ts'
import { list, text } from './values.ts'

/** Lanes that wait for what may never come. */
export interface Roused {
  /** Lanes that have to be stored. */
  readonly changed: ReadonlySet<string>
  readonly more: boolean
  /** Call once the claim is committed. */
  committed(): void
}

export interface Rouse {
  /** `held`: the lanes that the claim has locked; those that are locked for this are added. */
  due(
    query: Query,
    request: { readonly now: number; readonly perConnection: number },
    held: Map<string, LaneState>,
  ): Promise<Roused>
}

/** Lanes that one claim takes up. */
const PORTION = 1000
/** More than clocks of different machines or processes differ by: the clock was wrong, and has been set back. */
const CLOCK_SET_BACK_MS = 60_000

const STUCK = `
SELECT l.ctid::text AS place, l.* FROM @.lane l
WHERE ((l.next_at = ${ASLEEP} AND l.asleep_cap < $1::text::int) OR l.last_at > $2::text::bigint)
  AND l.id <> ALL($3::text::text[])
ORDER BY l.id LIMIT ${PORTION} FOR NO KEY UPDATE OF l SKIP LOCKED`

/**
 * Two things make lanes due that no work and no lease does: a claim that allows more at once of a connection than the
 * one that put it to sleep, and a clock that was wrong and has been set back. All lanes are looked at when a process
 * begins, and when either may have happened in it.
 */
export function createRouse(): Rouse {
  let cap = 0
  let clock = Number.POSITIVE_INFINITY
  return {
    async due(query, { now, perConnection }, held) {
      if (perConnection <= cap && clock - now <= CLOCK_SET_BACK_MS) {
        return { changed: new Set(), more: false, committed: () => note(now, perConnection) }
      }
      const values = [String(perConnection), String(now + CLOCK_SET_BACK_MS), list([...held.keys()])]
      const rows = await query(STUCK, values)
      for (const row of rows) held.set(text(row.id), toLane(row))
      const changed = new Set<string>()
      for (const lane of held.values()) if (rouse(lane, now, perConnection)) changed.add(lane.id)
      const more = rows.length === PORTION
      return {
        changed,
        more,
        committed() {
          if (!more) note(now, perConnection)
        },
      }
    },
  }

  function note(now: number, perConnection: number): void {
    cap = perConnection
    clock = now
  }
}

/** Answers whether the lane is another one now. */
function rouse(lane: LaneState, now: number, perConnection: number): boolean {
  const asleep = lane.nextAt === ASLEEP && (lane.asleepCap ?? 0) < perConnection
  const ahead = lane.lastAt > now + CLOCK_SET_BACK_MS
  if (!asleep && !ahead) return false
  lane.lastAt = Math.min(lane.lastAt, now)
  if (asleep) {
    lane.nextAt = lane.lastAt
    lane.asleepCap = null
  } else if (lane.nextAt !== null && lane.nextAt !== ASLEEP) {
    lane.nextAt = Math.min(lane.nextAt, now)
  }
  return true
}
