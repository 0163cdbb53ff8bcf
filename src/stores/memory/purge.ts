import type { DeliveryRepository } from '../../contracts/index.ts'
import { invalidInput } from '../../errors.ts'
import { endLease } from './claim.ts'
import { removeConnection } from './connections.ts'
import { remove } from './digests.ts'
import { leave } from './ordered-queue.ts'
import { forget, inOrder, type Logged, type RecordLog } from './record-log.ts'
import type { Delivery, Org, State } from './state.ts'

type Request = Parameters<DeliveryRepository['purge']>[0]

/** Rows of one kind that a call may still remove. */
interface Budget {
  left: number
  /** Something was left over for want of budget. */
  more: boolean
}

export function purge(state: State, request: Request): { readonly removed: number; readonly more: boolean } {
  const { orgId, everything, limit, now } = request
  if (everything === true && orgId === undefined) throw invalidInput('everything', 'needs an orgId')
  const budget = (): Budget => ({ left: limit, more: false })
  const budgets = { lanes: budget(), deliveries: budget(), events: budget() }
  const orgs = orgId === undefined ? [...state.orgs.values()] : [state.orgs.get(orgId)]
  for (const org of orgs) {
    if (org === undefined) continue
    if (everything === true) purgeLanes(state, org, budgets.lanes)
    purgeDeliveries(state, org, request, budgets.deliveries)
    purgeEvents(org, everything === true ? Number.POSITIVE_INFINITY : request.eventsBefore, budgets.events)
  }
  if (orgId === undefined) {
    for (const [key, { expiresAt }] of state.keys) if (expiresAt <= now) state.keys.delete(key)
  }
  const all = Object.values(budgets)
  return { removed: all.reduce((sum, { left }) => sum + limit - left, 0), more: all.some(({ more }) => more) }
}

/** Connections, with their digests. */
function purgeLanes(state: State, org: Org, budget: Budget): void {
  for (const lane of org.lanes.values()) {
    if (!spend(budget)) return
    for (const digest of lane.digests?.values() ?? []) remove(digest)
    removeConnection(state, lane)
    org.lanes.delete(lane.id)
    state.orphans.delete(lane)
  }
}

function purgeDeliveries(state: State, org: Org, { before, everything }: Request, budget: Budget): void {
  const isOver = ({ progress: { finishedAt }, status }: Delivery) =>
    finishedAt !== undefined && finishedAt < before && status !== 'pending' && status !== 'sending'
  const until = everything === true ? Number.POSITIVE_INFINITY : before
  sweep(org.deliveryLog, until, budget, (row) => {
    if (everything !== true && !isOver(row)) return false
    return () => {
      leave(row.lane.queue, row)
      if (row.lease !== undefined) endLease(row, row.lease)
      release(row)
      state.deliveries.delete(row.id)
    }
  })
}

/** The events that the delivery needed may go now, for all it cares. */
function release(row: Delivery): void {
  if (typeof row.event === 'object') row.event.uses--
  for (const eventId of row.digest?.eventIds ?? []) {
    const event = row.lane.org.events.get(eventId)
    if (event !== undefined) event.uses--
  }
}

function purgeEvents(org: Org, until: number, budget: Budget): void {
  sweep(org.eventLog, until, budget, (entry) => entry.uses === 0 && (() => org.events.delete(entry.event.id)))
}

/** Removes rows from before `until`, oldest first. */
function sweep<T extends Logged>(
  log: RecordLog<T>,
  until: number,
  budget: Budget,
  consider: (row: T) => false | (() => void),
): void {
  for (const row of inOrder(log)) {
    if (log.keys.at(row) >= until) return
    if (row.removed) continue
    const take = consider(row)
    if (take === false) continue
    if (!spend(budget)) return
    take()
    forget(log, row)
  }
}

function spend(budget: Budget): boolean {
  if (budget.left === 0) {
    budget.more = true
    return false
  }
  budget.left--
  return true
}
