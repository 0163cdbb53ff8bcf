import type { ClaimRequest, ClaimResult, ConnectionRecord, LeasedDelivery, StoredEvent } from '../../contracts/index.ts'
import { planLane } from '../../delivery/plan-lane.ts'
import { sealDue } from './digests.ts'
import { first, itemsOf, leave, NOWHERE, place, takeFirst } from './ordered-queue.ts'
import { cancel, leasedRecordOf, progressOf } from './records.ts'
import { arm, freed, limitsOf, nextOf, offer, takeTurn, visit, wake } from './rotation.ts'
import { type Batch, connectionOf, type Delivery, type Group, type Lane, type State } from './state.ts'

/** Leases that may be lost in a row before a delivery is given up. */
const MAX_LOST = 5

export function claim(state: State, request: ClaimRequest): ClaimResult {
  const { now } = request
  expireLeases(state, now)
  sealDue(state, now)
  cancelOrphans(state, now)
  for (const group of state.groups.values()) wake(state, group, now, 0)
  const groups = request.transports.flatMap((transport) => state.groups.get(transport) ?? [])

  const result = gather(state)
  if (request.ids !== undefined) {
    claimIds(state, request, request.ids, groups, result)
  } else {
    for (const group of groups) wake(state, group, now, request.perConnection)
    claimInTurn(state, request, groups, result)
  }
  for (const group of groups) closeBatch(group, now + request.leaseMs)
  const { deliveries, events, connections } = result
  if (request.ids !== undefined) return { deliveries, events, connections, nextAt: null }
  return { deliveries, events, connections, nextAt: groups.some((group) => group.ready > 0) ? now : nextOf(groups) }
}

/** Each pass visits every lane that has a turn once, for an equal share of what is left. */
function claimInTurn(state: State, request: ClaimRequest, groups: readonly Group[], result: Gathered): void {
  let left = request.limit
  while (left > 0) {
    const ready = groups.reduce((sum, group) => sum + group.ready, 0)
    if (ready === 0) return
    const share = Math.ceil(left / ready)
    for (let visits = 0; visits < ready && left > 0; visits++) {
      const lane = takeTurn(groups)
      if (lane === undefined) return
      const rows = visit(state, lane, request, Math.min(share, left))
      left -= rows.length
      for (const row of rows) lease(state, request, row, result)
    }
  }
}

/** What limits a lane limits this too; it changes no turn. */
function claimIds(
  state: State,
  request: ClaimRequest,
  ids: readonly string[],
  groups: readonly Group[],
  result: Gathered,
): void {
  const wanted = new Map<Lane, Delivery[]>()
  for (const id of new Set(ids)) {
    const row = state.deliveries.get(id)
    if (row === undefined || row.status !== 'pending' || !groups.includes(row.lane.group)) continue
    const rows = wanted.get(row.lane)
    if (rows === undefined) wanted.set(row.lane, [row])
    else rows.push(row)
  }
  let left = request.limit
  for (const [lane, rows] of wanted) {
    if (left === 0) return
    const limits = limitsOf(lane, request.perConnection)
    rows.sort((a, b) => a.dueAt - b.dueAt || a.seq - b.seq)
    const candidates = limits.fifo ? rows.filter((row) => row === first(lane.queue)) : rows
    const plan = planLane(limits, candidates, request.now, left)
    lane.tokens = plan.tokens
    lane.tokensAt = plan.tokensAt
    for (const row of candidates.slice(0, plan.take.length)) {
      leave(lane.queue, row)
      lease(state, request, row, result)
      left--
    }
  }
}

// ---------------------------------------------------------------------------------------------- leases

function lease(state: State, request: ClaimRequest, row: Delivery, result: Gathered): void {
  const { lane } = row
  const { group } = lane
  group.batch ??= { seq: ++state.seq, place: NOWHERE, group, token: request.token, deliveries: [], left: 0 }
  const { batch } = group
  row.status = 'sending'
  row.lease = batch
  row.leasedUntil = request.now + request.leaseMs
  lane.inFlight++
  batch.deliveries.push(row)
  batch.left++
  result.add(row, batch)
}

function closeBatch(group: Group, until: number): void {
  if (group.batch !== undefined) place(group.leases, group.batch, until)
  group.batch = undefined
}

/** Ends the lease of a delivery; the caller decides what becomes of it. */
export function endLease(row: Delivery, batch: Batch): void {
  row.lease = undefined
  freed(row.lane)
  batch.left--
  if (batch.left > 0) return
  batch.deliveries = []
  leave(batch.group.leases, batch)
}

function expireLeases(state: State, now: number): void {
  for (const { leases } of state.groups.values()) {
    for (let batch = first(leases); batch !== undefined && batch.place <= now; batch = first(leases)) {
      takeFirst(leases)
      let earliest = Number.POSITIVE_INFINITY
      for (const row of batch.deliveries) {
        if (row.lease !== batch) continue
        if (row.leasedUntil <= now) lose(state, row, batch, now)
        else earliest = Math.min(earliest, row.leasedUntil)
      }
      if (batch.left > 0) place(leases, batch, earliest)
    }
  }
}

function lose(state: State, row: Delivery, batch: Batch, now: number): void {
  endLease(row, batch)
  const progress = progressOf(row)
  progress.lost++
  if (progress.lost < MAX_LOST) {
    row.status = 'pending'
    offer(state, row)
    return
  }
  row.status = 'failed'
  progress.failure = 'abandoned'
  progress.code = 'abandoned'
  progress.httpStatus = undefined
  progress.finishedAt = now
  progress.attempts++
  progress.log = [
    ...progress.log,
    {
      deliveryId: row.id,
      orgId: row.lane.org.id,
      connectionId: row.lane.id,
      number: progress.attempts,
      startedAt: now,
      durationMs: 0,
      outcome: 'retry',
      code: 'abandoned',
    },
  ]
  arm(row.lane)
}

function cancelOrphans(state: State, now: number): void {
  for (const lane of state.orphans) {
    for (const row of itemsOf(lane.queue)) {
      leave(lane.queue, row)
      cancel(row, now)
    }
  }
  state.orphans.clear()
}

// ---------------------------------------------------------------------------------------------- the answer

interface Gathered {
  readonly deliveries: LeasedDelivery[]
  readonly events: StoredEvent[]
  readonly connections: ConnectionRecord[]
  add(row: Delivery, batch: Batch): void
}

/** Collects what was leased, with each event and connection once. */
function gather(state: State): Gathered {
  const mark = ++state.seq
  const deliveries: LeasedDelivery[] = []
  const events: StoredEvent[] = []
  const connections: ConnectionRecord[] = []
  return {
    deliveries,
    events,
    connections,
    add(row, batch) {
      const { lane } = row
      deliveries.push(leasedRecordOf(row, batch))
      const { event } = row
      if (typeof event === 'object' && event.mark !== mark) {
        event.mark = mark
        events.push(event.event)
      }
      for (const eventId of row.digest?.eventIds ?? []) {
        const entry = lane.org.events.get(eventId)
        if (entry === undefined || entry.mark === mark) continue
        entry.mark = mark
        events.push(entry.event)
      }
      if (lane.mark === mark) return
      lane.mark = mark
      const connection = connectionOf(lane)
      if (connection !== undefined) connections.push(connection)
    },
  }
}
