import type { Pace } from '../contracts/connection.ts'

/** What limits a connection's next claim. One lane a connection. */
export interface Lane {
  /** The connection is active. */
  readonly open: boolean
  /** One at a time, in order; a row that waits for its retry holds up those behind it. */
  readonly fifo: boolean
  /** Leases that have not run out. */
  readonly inFlight: number
  /** The smaller of the claim's `perConnection` and the connection's own limit. */
  readonly maxInFlight: number
  /** The connection's consecutive failures; see {@link mostInFlight}. @default 0 */
  readonly failures?: number
  /** Epoch ms. */
  readonly blockedUntil?: number
  readonly pace?: Pace
  /** Pace tokens left at `tokensAt` (epoch ms); a new lane starts with the burst. */
  readonly tokens: number
  readonly tokensAt: number
}

/** A pending delivery that is not leased. */
export interface LaneRow {
  readonly id: string
  /** Epoch ms. */
  readonly dueAt: number
}

export interface LanePlan {
  /** Ids to lease now, in order. */
  readonly take: readonly string[]
  /** The lane's new pace state. */
  readonly tokens: number
  readonly tokensAt: number
  /**
   * The earliest instant at which planning again may take more; `null`: not before a lease ends, the connection
   * changes or work arrives.
   */
  readonly nextAt: number | null
}

/** A full share of places is not given to what has failed so often in a row. */
const PROBE_AFTER = 5

/**
 * How many leases a lane may have at once: `maxInFlight`; one where it is `fifo`, and one while its connection keeps
 * failing (5 times in a row or more). A dead endpoint then holds one place, not its whole share, and when it comes back
 * it meets one request at first, not all that waited; the first success lifts it.
 */
export function mostInFlight({
  fifo,
  failures = 0,
  maxInFlight,
}: Pick<Lane, 'fifo' | 'failures' | 'maxInFlight'>): number {
  return fifo || failures >= PROBE_AFTER ? Math.min(1, maxInFlight) : maxInFlight
}

/**
 * Plans one visit to one lane: how many of its next rows may be leased now, and when to look again. Pure; every store
 * shares it, so that caps, pace, cooldowns and order mean the same everywhere.
 *
 * @param rows the lane's next unleased pending rows: by due time then id, or, where `fifo`, in their order; pass at
 *   least `limit + 1` where there are that many, so that the plan sees whether more wait.
 * @param limit at most so many, at least 1.
 */
export function planLane(lane: Lane, rows: readonly LaneRow[], now: number, limit: number): LanePlan {
  // A lane's clock never runs backwards: a step back of the wall clock must not mint or lose tokens.
  const at = Math.max(now, lane.tokensAt)
  const tokens = lane.pace ? refill(lane.pace, lane.tokens, at - lane.tokensAt) : lane.tokens
  const idle = (nextAt: number | null): LanePlan => ({ take: [], tokens, tokensAt: at, nextAt })

  const head = rows[0]
  if (!lane.open || head === undefined) return idle(null)
  const blockedUntil = lane.blockedUntil ?? 0
  if (blockedUntil > now) return idle(Math.max(blockedUntil, head.dueAt))
  const places = mostInFlight(lane)
  const room = Math.min(limit, places - lane.inFlight)
  if (room <= 0) return idle(null)
  if (head.dueAt > now) return idle(head.dueAt)
  const affordable = lane.pace ? Math.floor(tokens + EPSILON) : room
  if (lane.pace && affordable <= 0) return idle(nextTokenAt(lane.pace, tokens, at))

  const most = Math.min(room, affordable)
  const take: string[] = []
  for (const row of rows) {
    if (take.length === most || row.dueAt > now) break
    take.push(row.id)
  }
  const left = lane.pace ? tokens - take.length : tokens
  const following = rows[take.length]
  const plan = (nextAt: number | null): LanePlan => ({ take, tokens: left, tokensAt: at, nextAt })
  if (following === undefined) return plan(null)
  if (lane.inFlight + take.length >= places) return plan(null)
  const dueAt = Math.max(following.dueAt, now)
  if (lane.pace && Math.floor(left + EPSILON) <= 0) return plan(Math.max(dueAt, nextTokenAt(lane.pace, left, at)))
  return plan(dueAt)
}

/** Tokens that `count` unused leases give back. */
export function returnTokens(pace: Pace | undefined, tokens: number, count: number): number {
  return pace ? Math.min(pace.burst, tokens + count) : tokens
}

/** Sums of thirds and tenths fall short of a whole token by rounding. */
const EPSILON = 1e-6

function refill(pace: Pace, tokens: number, elapsedMs: number): number {
  return Math.min(pace.burst, tokens + (elapsedMs / 1000) * pace.perSecond)
}

function nextTokenAt(pace: Pace, tokens: number, at: number): number {
  // within the tolerance, or 3.0000000000000004 ms would be rounded up to 4; half of it, so that the token is there then
  return at + Math.max(1, Math.ceil(((1 - EPSILON / 2 - tokens) / pace.perSecond) * 1000))
}
