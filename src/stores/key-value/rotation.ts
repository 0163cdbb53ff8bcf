import type { ClaimRequest } from '../../contracts/index.ts'
import { parse } from '../../records/codec.ts'
import type { KeyValueEntry } from '../key-value.ts'
import type { Database } from './database.ts'
import type { Drain } from './drain.ts'
import { each, fromAnywhere } from './each.ts'
import { GONE, type Lanes, TRANSPORTS, wakeLane } from './lane.ts'
import { keyOf, numberAfter, under } from './paths.ts'
import type { Visited, Visits } from './visit.ts'

export interface Rotation {
  /** Visits the lanes whose turn it is, and hands what was leased of each to `note`. Answers when there may be more. */
  inTurn(request: ClaimRequest, note: (id: string, visited: Visited) => void): Promise<number | null>
  nextDueAt(transports: readonly string[]): Promise<number | null>
}

/** In large claims a lane gives at least so many, if it has them: what a visit costs is shared by what it takes. */
const SHARE = 8
const LARGE = 32
/** Lanes that something was added to, looked at in one claim. */
const MIN_DRAIN = 64
const MIN_LANES = 16
const MAX_LANES = 1000
const APART = 16
const MAX_PAGES = 8
const AT_ONCE = 16
/** More than clocks of different machines differ by: the clock was wrong, and has been set back. */
const CLOCK_SET_BACK_MS = 60_000
const CHECK_EVERY_MS = 600_000

/** A lane, and under which key it was found. */
interface Found {
  readonly key: string
  readonly id: string
  readonly at: number
}

export function createRotation(db: Database, lanes: Lanes, drain: Drain, { visit }: Visits): Rotation {
  // claims in which this process begins somewhere else than where all begin: others took what it was about to
  let contended = 0
  let latest = 0
  let checkedAt = 0

  async function inTurn(request: ClaimRequest, note: (id: string, visited: Visited) => void): Promise<number | null> {
    const { now, limit, perConnection } = request
    const [drainAt, transports] = await Promise.all([
      drain.drain(now, Math.max(MIN_DRAIN, 2 * limit)),
      known(request.transports),
    ])
    const seen = new Set<string>()
    let lost = 0
    const upcoming: number[] = []
    const next = pagesOf(transports, now, limit, upcoming)
    let left = limit
    // more than one page only where others, or lists that are behind, have left nothing of the first
    for (let pages = 0; pages < MAX_PAGES && left > 0; pages++) {
      const page = await next()
      if (page.length === 0) break
      left = await round(contended > 0 ? fromAnywhere(page) : page, left)
    }
    contended = lost > seen.size / 4 ? APART : Math.max(0, contended - 1)
    if (left > 0) left = await round(await capped(transports, perConnection, left), left)

    const times = seen.size === 0 ? upcoming : await firstTimes()
    if (drainAt !== null) times.push(drainAt)
    if (times.length === 0) return null
    const nextAt = Math.min(...times)
    if (now < latest - CLOCK_SET_BACK_MS || now - checkedAt >= CHECK_EVERY_MS) {
      if (await setBack(transports, now)) return now
      checkedAt = now
    }
    latest = now
    // not at once to what a list that is behind has shown for nothing
    return left === limit && db.listLagMs > 0 ? Math.max(nextAt, now + db.listLagMs) : nextAt

    /** When the first lanes are ready. What was visited, a list that is behind shows where it was before. */
    async function firstTimes(): Promise<number[]> {
      const firsts = (await each(transports, AT_ONCE, (transport) => list(transport, 'ready', '', 1))).flat()
      return firsts.map(({ key, at }) => (seen.has(key) ? Math.max(at, now + db.listLagMs) : at))
    }

    /** Visits each once, for an equal share; those that have more fill what others have left. Answers what is left. */
    async function round(found: readonly Found[], most: number): Promise<number> {
      const least = limit >= LARGE ? SHARE : 1
      const again: string[] = []
      let left = most
      const queue = found.values()
      for (let waiting = found.length; waiting > 0 && left > 0; ) {
        // side by side as many as there is room for, whatever they take
        const shares: (Found & { readonly share: number })[] = []
        for (let room = left; waiting > 0 && room > 0 && shares.length < AT_ONCE; waiting--) {
          const { value } = queue.next()
          if (value === undefined) break
          const share = Math.min(room, Math.max(least, Math.ceil(room / waiting)))
          shares.push({ ...value, share })
          room -= share
        }
        await each(shares, AT_ONCE, async ({ id, key, share }) => {
          seen.add(key)
          const one = await visit(id, request, share, key)
          if (one.kind === 'lost') lost++
          if (one.kind === 'gone') await drain.clear(id, now)
          if (one.kind === 'more') again.push(id)
          left -= one.rows.length
          note(id, one)
        })
      }
      for (const id of again) {
        if (left === 0) break
        const one = await visit(id, request, left)
        note(id, one)
        left -= one.rows.length
      }
      return left
    }
  }

  /** Answers lanes whose time has come, those that have waited longest first, page after page; notes when others follow. */
  function pagesOf(transports: readonly string[], now: number, limit: number, upcoming: number[]) {
    const most = Math.min(MAX_LANES, Math.max(MIN_LANES, limit) * (contended > 0 ? 4 : 1))
    let cursors = transports.map((transport) => ({ transport, after: '' }))
    return async (): Promise<readonly Found[]> => {
      const pages = await each(cursors, AT_ONCE, async ({ transport, after }) => {
        const found = await list(transport, 'ready', after, most)
        const ready = found.filter(({ at }) => at <= now)
        upcoming.push(...found.slice(ready.length, ready.length + 1).map(({ at }) => at))
        const skip = under('ready', transport).length
        const last = ready.length === most ? ready.at(-1)?.key : undefined
        return {
          ready: ready.map((found) => ({ ...found, place: found.key.slice(skip) })),
          next: last === undefined ? [] : [{ transport, after: last }],
        }
      })
      cursors = pages.flatMap((page) => page.next)
      return pages.flatMap((page) => page.ready).sort((a, b) => (a.place < b.place ? -1 : 1))
    }
  }

  /** Lanes that sleep because a claim allowed fewer leases of one connection than this one. */
  async function capped(transports: readonly string[], perConnection: number, most: number): Promise<readonly Found[]> {
    const found = await each(transports, AT_ONCE, (one) => list(one, 'asleep', '', Math.min(most, MIN_DRAIN)))
    return found.flat().filter(({ at: cap }) => cap < perConnection)
  }

  async function list(transport: string, index: 'ready' | 'asleep', after: string, most: number) {
    const prefix = under(index, transport)
    const entries = await db.list(prefix, after, most)
    return entries.map(({ key, value }: KeyValueEntry): Found => {
      return { key, id: parse<string>(value), at: numberAfter(prefix, key) }
    })
  }

  /** A lane is not ready before its last visit: where that lies in the future, none would be until the clock is there. */
  async function setBack(transports: readonly string[], now: number): Promise<boolean> {
    const limit = now + CLOCK_SET_BACK_MS
    const changed = await each(transports, AT_ONCE, async (transport) => {
      let after = keyOf('ready', transport, limit)
      const done: boolean[] = []
      for (let pages = 0; pages < MAX_PAGES; pages++) {
        const found = await list(transport, 'ready', after, MIN_DRAIN)
        done.push(...(await each(found, AT_ONCE, ({ id }) => setLaneBack(id, limit, now))))
        const last = found.at(-1)
        if (last === undefined || found.length < MIN_DRAIN) break
        after = last.key
      }
      return done.includes(true)
    })
    return changed.includes(true)
  }

  const setLaneBack = (id: string, limit: number, now: number): Promise<boolean> =>
    db.run(async (tx) => {
      const lane = await lanes.read(tx, id)
      if (lane.lastAt <= limit) return false
      lane.lastAt = now
      wakeLane(lane, now)
      lanes.save(tx, lane)
      return true
    })

  /** Those of `transports` that any connection has had; and who has gone concerns every claim. */
  async function known(transports: readonly string[]): Promise<readonly string[]> {
    const all = (await db.read<readonly string[]>(TRANSPORTS)) ?? []
    return all.filter((transport) => transport === GONE || transports.includes(transport))
  }

  async function nextDueAt(transports: readonly string[]): Promise<number | null> {
    const [lookAt, ours] = await Promise.all([drain.look(MAX_LANES), known(transports)])
    const firsts = await each(ours, AT_ONCE, (transport) => list(transport, 'ready', '', 1))
    const times = firsts.flat().map(({ at }) => at)
    if (lookAt !== null) times.push(lookAt)
    return times.length === 0 ? null : Math.min(...times)
  }

  return { inTurn, nextDueAt }
}
