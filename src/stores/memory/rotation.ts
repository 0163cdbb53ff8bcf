import { type Lane as LaneLimits, mostInFlight, planLane } from '../../delivery/plan-lane.ts'
import { first, itemsOf, leave, NOWHERE, place, takeFirst } from './ordered-queue.ts'
import type { Delivery, Group, Lane, State } from './state.ts'

// Which lane a claim visits next. A lane with something due has a turn; one whose time will come has a timer; one with
// as many leases as a claim allowed is parked until one ends; any other waits for nothing.

/** Turns count up from here: below every instant, so that a lane's one place is either a turn or a time. */
const FIRST_TURN = -(2 ** 52)

/** Puts a pending delivery into its lane's queue and sees to it that the lane is visited. */
export function offer(state: State, row: Delivery): void {
  const { lane } = row
  place(lane.queue, row, isFifo(lane) ? 0 : row.dueAt)
  if (lane.record === undefined) state.orphans.add(lane)
  else arm(lane, row.dueAt)
}

/**
 * Gives the lane a timer for when its next delivery may go out. `hint`: only something that is due then has changed.
 */
export function arm(lane: Lane, hint?: number): void {
  if (lane.parked || lane.place < NOWHERE) return
  if (hint !== undefined && lane.place !== NOWHERE && lane.place <= hint) return
  const at = opensAt(lane)
  if (at === null) leave(lane.group.timers, lane)
  else place(lane.group.timers, lane, at)
}

/** Forgets where the lane was; for what changes its limits. */
export function disarm(lane: Lane): void {
  const { group } = lane
  if (lane.parked) unpark(lane)
  if (lane.place < NOWHERE) {
    leave(group.turns, lane)
    group.ready--
  } else {
    leave(group.timers, lane)
  }
}

/** A lease of the lane has ended. */
export function freed(lane: Lane): void {
  lane.inFlight--
  if (lane.parked) unpark(lane)
}

function unpark(lane: Lane): void {
  lane.parked = false
  lane.group.parked.delete(lane)
}

/** Gives a turn to each lane of the group whose time has come, and where `perConnection` is higher now, to the parked ones. */
export function wake(state: State, group: Group, now: number, perConnection: number): void {
  for (let lane = first(group.timers); lane !== undefined && lane.place <= now; lane = first(group.timers)) {
    takeFirst(group.timers)
    giveTurn(state, lane)
  }
  if (perConnection <= group.parkedCap) return
  group.parkedCap = Number.POSITIVE_INFINITY
  for (const lane of [...group.parked]) {
    unpark(lane)
    giveTurn(state, lane)
  }
}

function giveTurn(state: State, lane: Lane): void {
  place(lane.group.turns, lane, FIRST_TURN + ++state.seq)
  lane.group.ready++
}

/** Takes the lane whose turn it is off its group. */
export function takeTurn(groups: readonly Group[]): Lane | undefined {
  let next: Lane | undefined
  for (const group of groups) {
    const lane = group.ready === 0 ? undefined : first(group.turns)
    if (lane !== undefined && (next === undefined || lane.place < next.place)) next = lane
  }
  if (next === undefined) return undefined
  takeFirst(next.group.turns)
  next.group.ready--
  return next
}

/** Visits a lane that has just been taken: answers what to lease of it, at most `limit`, and puts it where it belongs next. */
export function visit(
  state: State,
  lane: Lane,
  request: { readonly now: number; readonly perConnection: number },
  limit: number,
): readonly Delivery[] {
  const { now } = request
  const limits = limitsOf(lane, request.perConnection)
  const rows = nextRows(lane, limits, now, limit)
  const plan = planLane(limits, rows, now, limit)
  const taken = rows.slice(0, plan.take.length)
  for (const row of taken) leave(lane.queue, row)
  for (const row of rows.slice(taken.length)) place(lane.queue, row, isFifo(lane) ? 0 : row.dueAt)
  lane.tokens = plan.tokens
  lane.tokensAt = plan.tokensAt

  if (plan.nextAt !== null) {
    if (plan.nextAt <= now) giveTurn(state, lane)
    else place(lane.group.timers, lane, plan.nextAt)
  } else if (limits.open && first(lane.queue) !== undefined) {
    lane.parked = true
    lane.group.parked.add(lane)
    lane.group.parkedCap = Math.min(lane.group.parkedCap, request.perConnection)
  }
  return taken
}

/** The rows that a plan needs to see: those that it may take, off the queue, and the one after, still in it. */
function nextRows(lane: Lane, limits: LaneLimits, now: number, limit: number): Delivery[] {
  const rows: Delivery[] = []
  const room = mostInFlight(limits) - lane.inFlight
  // no more than the pace can ever afford: what is taken off for nothing has to be put back
  const most = lane.blockedUntil > now ? 0 : Math.min(limit, room, limits.pace ? Math.ceil(limits.pace.burst) : limit)
  let row = first(lane.queue)
  while (row !== undefined && rows.length < most && row.dueAt <= now) {
    takeFirst(lane.queue)
    rows.push(row)
    row = first(lane.queue)
  }
  if (row !== undefined) rows.push(row)
  return rows
}

export function limitsOf(lane: Lane, perConnection: number): LaneLimits {
  const { record } = lane
  const maxInFlight = Math.min(perConnection, record?.maxInFlight ?? perConnection)
  return {
    open: record?.status === 'active',
    fifo: isFifo(lane),
    inFlight: lane.inFlight,
    maxInFlight,
    failures: lane.health.consecutiveFailures,
    ...(lane.blockedUntil > 0 ? { blockedUntil: lane.blockedUntil } : {}),
    ...(record?.pace ? { pace: record.pace } : {}),
    tokens: lane.tokens,
    tokensAt: lane.tokensAt,
  }
}

export function isFifo(lane: Lane): boolean {
  return lane.record?.ordering === 'fifo'
}

/** When the lane may give something out, as far as can be said without knowing a claim's `perConnection`. */
function opensAt(lane: Lane): number | null {
  const head = first(lane.queue)
  const { record } = lane
  if (head === undefined || record?.status !== 'active') return null
  const maxInFlight = record.maxInFlight ?? Number.POSITIVE_INFINITY
  const failures = lane.health.consecutiveFailures
  if (lane.inFlight >= mostInFlight({ fifo: isFifo(lane), failures, maxInFlight })) return null
  const at = Math.max(head.dueAt, lane.blockedUntil)
  if (record.pace === undefined) return at
  const plan = planLane(limitsOf(lane, Number.POSITIVE_INFINITY), [head], at, 1)
  return plan.take.length > 0 ? at : plan.nextAt
}

/** When there may be something to claim of these groups: leases that run out and digests that close included. */
export function nextOf(groups: readonly Group[]): number | null {
  let next = Number.POSITIVE_INFINITY
  for (const group of groups) {
    if (group.ready > 0) {
      for (const lane of itemsOf(group.turns)) next = Math.min(next, opensAt(lane) ?? next)
    }
    for (const queue of [group.timers, group.leases, group.digests]) {
      const item = first<{ readonly seq: number; place: number }>(queue)
      if (item !== undefined) next = Math.min(next, item.place)
    }
  }
  return Number.isFinite(next) ? next : null
}
