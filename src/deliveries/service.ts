import type { CatalogIndex } from '../catalog/index.ts'
import { type Authorize, permit } from '../connections/authorize.ts'
import {
  checkCall,
  checkCount,
  checkCursor,
  checkInstant,
  checkLimit,
  checkNaming,
  checkOrgId,
  checkRef,
} from '../connections/check-input.ts'
import { connectionNotFound } from '../connections/errors.ts'
import type { Clock } from '../contracts/clock.ts'
import type { ConnectionRecord, Ref } from '../contracts/connection.ts'
import type { DeliveryRecord, DeliveryStatus } from '../contracts/delivery.ts'
import type { Page, Store } from '../contracts/store.ts'
import { checkId } from '../dispatch/check-event.ts'
import type { PlanParts } from '../dispatch/plan.ts'
import { invalidInput, SignalboxError } from '../errors.ts'
import { replayMissed } from './replay.ts'
import type {
  ActingDeliveryCall,
  Deliveries,
  DeliveryCall,
  DeliveryDetail,
  DeliveryListQuery,
  DeliveryView,
  ReplayCall,
  ReplayResult,
  RetryFailedCall,
} from './types.ts'
import { attemptView, deliveryView } from './views.ts'

export interface DeliveriesDeps {
  readonly store: Store
  readonly clock: Pick<Clock, 'now'>
  readonly authorize?: Authorize | undefined
  readonly catalogIndex?: CatalogIndex | undefined
  readonly plan: PlanParts
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
const REPLAY_LIMIT = 1000
const MAX_REPLAY_LIMIT = 10_000

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
    replay: (call) => replay(call),
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
    const { ref, since } = checkRange(call)
    await permit(deps.authorize, 'deliveries.retryFailed', call)
    await connectionOf(ref)
    return { reopened: await reopenFailed(ref, since) }
  }

  async function replay(call: ReplayCall): Promise<ReplayResult> {
    checkCall(call, ['orgId', 'connectionId', 'since', 'limit', 'actor'])
    const { ref, since } = checkRange(call)
    const limit = call.limit === undefined ? REPLAY_LIMIT : checkCount(call.limit, 'limit', MAX_REPLAY_LIMIT)
    await permit(deps.authorize, 'deliveries.replay', call)
    const record = await connectionOf(ref)
    if (record.status !== 'active') {
      throw new SignalboxError('conflict', `the connection is ${record.status}: resume it first`)
    }
    const reopened = await reopenFailed(ref, since)
    const { store, plan, catalogIndex: catalog } = deps
    const replayed = await replayMissed({ store, plan, catalog }, record, { since, now: deps.clock.now(), limit })
    if (replayed.added > 0) deps.onChange?.(ref.orgId)
    return { reopened, ...replayed }
  }

  async function connectionOf(ref: Ref): Promise<ConnectionRecord> {
    const record = await deps.store.connections.get(ref)
    if (record === undefined) throw connectionNotFound(ref)
    return record
  }

  async function reopenFailed({ orgId, id: connectionId }: Ref, since: number): Promise<number> {
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
    return reopened
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

function checkRange(call: RetryFailedCall): { readonly ref: Ref; readonly since: number } {
  const ref = { orgId: checkOrgId(call.orgId), id: checkId(call.connectionId, 'connectionId') }
  return { ref, since: checkInstant(call.since, 'since') }
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
