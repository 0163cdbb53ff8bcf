import { type Authorize, permit } from '../connections/authorize.ts'
import {
  checkCall,
  checkCursor,
  checkInstant,
  checkLimit,
  checkNaming,
  checkOrgId,
  checkRef,
} from '../connections/check-input.ts'
import { connectionNotFound } from '../connections/errors.ts'
import type { Clock } from '../contracts/clock.ts'
import type { Ref } from '../contracts/connection.ts'
import type { DeliveryRecord, DeliveryStatus } from '../contracts/delivery.ts'
import type { Page, Store } from '../contracts/store.ts'
import { checkId } from '../dispatch/check-event.ts'
import { invalidInput, SignalboxError } from '../errors.ts'
import type {
  ActingDeliveryCall,
  Deliveries,
  DeliveryCall,
  DeliveryDetail,
  DeliveryListQuery,
  DeliveryView,
  RetryFailedCall,
} from './types.ts'
import { attemptView, deliveryView } from './views.ts'

export interface DeliveriesDeps {
  readonly store: Store
  readonly clock: Pick<Clock, 'now'>
  readonly authorize?: Authorize | undefined
  /** Something may be claimable now: wakes the worker. */
  onChange?(orgId: string): void
}

const STATUSES: ReadonlySet<unknown> = new Set<DeliveryStatus>([
  'pending',
  'sending',
  'delivered',
  'failed',
  'cancelled',
])
/** Deliveries reopened by one write. */
const PORTION = 200

/** What became of messages, and the ways to try again; what the calls promise is said in {@link Deliveries}. */
export function createDeliveries(deps: DeliveriesDeps): Deliveries {
  const { deliveries } = deps.store

  async function find(ref: Ref): Promise<DeliveryRecord> {
    const record = await deliveries.get(ref)
    if (record === undefined) {
      throw new SignalboxError('not_found', `the organisation has no delivery ${ref.id}`)
    }
    return record
  }

  /** Moves one delivery; when the store did not, someone else was faster, and `refuse` says what that means. */
  async function move(
    ref: Ref,
    to: 'pending' | 'cancelled',
    refuse: (record: DeliveryRecord) => void,
  ): Promise<DeliveryView> {
    const now = deps.clock.now()
    const changed = await deliveries.reschedule({
      orgId: ref.orgId,
      filter: { ids: [ref.id] },
      to: to === 'pending' ? { status: 'pending', dueAt: now } : { status: 'cancelled' },
      now,
      limit: 1,
    })
    const record = await find(ref)
    if (changed.length === 0) refuse(record)
    else deps.onChange?.(ref.orgId)
    return deliveryView(record)
  }

  return {
    get: (call) => getDelivery(call),
    list: (query) => listDeliveries(query),
    retry: (call) => retry(call),
    cancel: (call) => cancel(call),
    retryFailed: (call) => retryFailed(call),
  }

  async function getDelivery(call: DeliveryCall): Promise<DeliveryDetail> {
    checkNaming(call)
    const ref = checkRef(call)
    const record = await find(ref)
    const attempts = await deliveries.attempts(ref)
    return { ...deliveryView(record), attempts: attempts.map(attemptView) }
  }

  async function listDeliveries(query: DeliveryListQuery): Promise<Page<DeliveryView>> {
    checkCall(query, ['orgId', 'connectionId', 'eventId', 'status', 'since', 'until', 'after', 'limit'])
    const after = checkCursor(query.after)
    const page = await deliveries.list({
      orgId: checkOrgId(query.orgId),
      ...(query.connectionId === undefined ? {} : { connectionId: checkId(query.connectionId, 'connectionId') }),
      ...(query.eventId === undefined ? {} : { eventId: checkId(query.eventId, 'eventId') }),
      ...(query.status === undefined ? {} : { status: checkStatus(query.status) }),
      ...(query.since === undefined ? {} : { since: checkInstant(query.since, 'since') }),
      ...(query.until === undefined ? {} : { until: checkInstant(query.until, 'until') }),
      ...(after === undefined ? {} : { after }),
      limit: checkLimit(query.limit),
    })
    return { items: page.items.map(deliveryView), ...(page.next === undefined ? {} : { next: page.next }) }
  }

  async function retry(call: ActingDeliveryCall): Promise<DeliveryView> {
    checkNaming(call)
    const ref = checkRef(call)
    await permit(deps.authorize, 'deliveries.retry', call)
    const record = await find(ref)
    if (record.kind === 'test') throw conflict('it is a test: send another one')
    refuseRetry(record)
    if ((await deps.store.connections.get({ orgId: ref.orgId, id: record.connectionId })) === undefined) {
      throw conflict('its connection was deleted')
    }
    return move(ref, 'pending', refuseRetry)
  }

  async function cancel(call: ActingDeliveryCall): Promise<DeliveryView> {
    checkNaming(call)
    const ref = checkRef(call)
    await permit(deps.authorize, 'deliveries.cancel', call)
    await find(ref)
    return move(ref, 'cancelled', ({ status }) => {
      if (status !== 'cancelled') throw conflict(`it can't be cancelled while it is ${status}`)
    })
  }

  async function retryFailed(call: RetryFailedCall): Promise<{ readonly reopened: number }> {
    checkCall(call, ['orgId', 'connectionId', 'since', 'actor'])
    const connection = { orgId: checkOrgId(call.orgId), id: checkId(call.connectionId, 'connectionId') }
    const since = checkInstant(call.since, 'since')
    await permit(deps.authorize, 'deliveries.retryFailed', call)
    if ((await deps.store.connections.get(connection)) === undefined) throw connectionNotFound(connection)
    const { orgId, id: connectionId } = connection
    let reopened = 0
    let after: string | undefined
    do {
      const query = { orgId, connectionId, status: ['failed'], since, limit: PORTION } as const
      const page = await deliveries.list({ ...query, ...(after === undefined ? {} : { after }) })
      // By id and not by the store's own filter: a test is not to be sent again.
      const ids = page.items.filter((delivery) => delivery.kind !== 'test').map((delivery) => delivery.id)
      reopened += await reopen(orgId, ids)
      after = page.next
    } while (after !== undefined)
    return { reopened }
  }

  async function reopen(orgId: string, ids: readonly string[]): Promise<number> {
    if (ids.length === 0) return 0
    const now = deps.clock.now()
    const to = { status: 'pending', dueAt: now } as const
    const changed = await deliveries.reschedule({ orgId, filter: { ids }, to, now, limit: ids.length })
    deps.onChange?.(orgId)
    return changed.length
  }
}

function refuseRetry({ status }: DeliveryRecord): void {
  if (status === 'delivered') throw conflict('it was delivered')
  if (status === 'sending') throw conflict('it is being sent')
}

function conflict(why: string): SignalboxError {
  return new SignalboxError('conflict', `the delivery is left as it is: ${why}`)
}

function checkStatus(value: unknown): readonly DeliveryStatus[] {
  const statuses: readonly unknown[] = Array.isArray(value) ? value : [value]
  if (statuses.length > 0 && statuses.every((status) => STATUSES.has(status))) return statuses as DeliveryStatus[]
  throw invalidInput('status', `must be one or several of: ${[...STATUSES].join(', ')}`)
}
