import type { DeliveryRecord, DeliveryRepository, Page } from '../../contracts/index.ts'
import { claim } from './claim.ts'
import { enqueue } from './enqueue.ts'
import { first, leave } from './ordered-queue.ts'
import { purge } from './purge.ts'
import { cursorOf, inOrder, lowerBound, parseCursor } from './record-log.ts'
import { addDelivery, cancel, eventIdOf, progressOf, recordOf } from './records.ts'
import { arm, disarm, nextOf, offer } from './rotation.ts'
import { release, renew, settle } from './settle.ts'
import { type Delivery, laneOf, orgOf, type Progress, type State } from './state.ts'

export function deliveryRepository(state: State): DeliveryRepository {
  const find = (orgId: string, id: string): Delivery | undefined => {
    const row = state.deliveries.get(id)
    return row?.lane.org.id === orgId ? row : undefined
  }
  return {
    enqueue: async (batch) => enqueue(state, batch),
    record: async (...record) => recordEnded(state, ...record),
    claim: async (request) => claim(state, request),
    settle: async (settlements) => settle(state, settlements),
    renew: async (leases, leasedUntil) => renew(state, leases, leasedUntil),
    release: async (leases) => release(state, leases),
    get: async ({ orgId, id }) => {
      const row = find(orgId, id)
      return row && recordOf(row)
    },
    list: async (query) => list(state, query),
    attempts: async ({ orgId, id }) => find(orgId, id)?.progress.log ?? [],
    reschedule: async (request) => {
      const { filter, limit } = request
      const rows =
        'ids' in filter
          ? filter.ids.flatMap((id) => find(request.orgId, id) ?? [])
          : failedSince(state, request.orgId, filter)
      const changed: string[] = []
      for (const row of rows) {
        if (changed.length === limit) break
        if (reschedule(state, row, request)) changed.push(row.id)
      }
      return changed
    },
    purge: async (request) => purge(state, request),
    nextDueAt: async (transports) => {
      const groups = transports.flatMap((transport) => state.groups.get(transport) ?? [])
      let next = nextOf(groups) ?? Number.POSITIVE_INFINITY
      // a claim has them to cancel
      for (const lane of state.orphans) next = Math.min(next, first(lane.queue)?.dueAt ?? next)
      return Number.isFinite(next) ? next : null
    },
  }
}

function recordEnded(state: State, ...[record, attempts, latest]: Parameters<DeliveryRepository['record']>): void {
  const org = orgOf(state, record.orgId)
  const lane = laneOf(state, org, record.connectionId)
  const event = record.eventId === undefined ? undefined : org.events.get(record.eventId)
  const row = addDelivery(state, lane, record, event, record.digest)
  row.status = record.status
  const { finishedAt, rounds, code, httpStatus, failure, receipt } = record
  Object.assign(progressOf(row), {
    finishedAt,
    attempts: record.attempts,
    rounds,
    code,
    httpStatus,
    failure,
    receipt,
    log: attempts,
  } satisfies Partial<Progress>)
  lane.health = { ...lane.health, latest }
  lane.whole = undefined
}

type Reschedule = Parameters<DeliveryRepository['reschedule']>[0]

function* failedSince(
  state: State,
  orgId: string,
  filter: { readonly connectionId: string; readonly failedSince: number },
): Iterable<Delivery> {
  const log = state.orgs.get(orgId)?.deliveryLog
  if (log === undefined) return
  const rows = inOrder(log)
  for (let n = lowerBound(log, filter.failedSince, ''); n < rows.length; n++) {
    const row = rows[n]
    if (row?.status === 'failed' && row.lane.id === filter.connectionId && !row.removed) yield row
  }
}

/** @returns whether it changed anything. */
function reschedule(state: State, row: Delivery, { to, now }: Reschedule): boolean {
  if (row.status === 'sending' || row.status === 'delivered') return false
  if (to.status === 'cancelled') {
    if (row.status !== 'pending') return false
    leave(row.lane.queue, row)
    cancel(row, now)
    // one that waited for its retry may have held up others
    disarm(row.lane)
    arm(row.lane)
    return true
  }
  row.status = 'pending'
  row.dueAt = to.dueAt
  const progress = progressOf(row)
  progress.rounds = 0
  progress.lost = 0
  progress.finishedAt = undefined
  progress.failure = undefined
  disarm(row.lane)
  offer(state, row)
  return true
}

type ListQuery = Parameters<DeliveryRepository['list']>[0]

function list(state: State, query: ListQuery): Page<DeliveryRecord> {
  const log = state.orgs.get(query.orgId)?.deliveryLog
  if (log === undefined) return { items: [] }
  const rows = inOrder(log)
  const after = query.after === undefined ? undefined : parseCursor(query.after)
  let n = query.until === undefined ? rows.length : lowerBound(log, query.until, '')
  if (after !== undefined) n = Math.min(n, lowerBound(log, after.at, after.id))
  const items: DeliveryRecord[] = []
  let last: Delivery | undefined
  for (n--; n >= 0; n--) {
    const row = rows[n]
    if (row === undefined || (query.since !== undefined && row.createdAt < query.since)) break
    if (!matches(row, query)) continue
    if (items.length === query.limit && last !== undefined) return { items, next: cursorOf(log, last) }
    items.push(recordOf(row))
    last = row
  }
  return { items }
}

function matches(row: Delivery, { connectionId, eventId, status }: ListQuery): boolean {
  if (row.removed) return false
  if (connectionId !== undefined && row.lane.id !== connectionId) return false
  if (eventId !== undefined && eventIdOf(row) !== eventId) return false
  return status === undefined || status.includes(row.status)
}
