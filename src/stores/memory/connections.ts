import { subscribedOf } from '../../catalog/subscribed.ts'
import type { ConnectionPatch, ConnectionRecord, ConnectionRepository, Page, PageQuery } from '../../contracts/index.ts'
import { SignalboxError } from '../../errors.ts'
import { remove } from './digests.ts'
import { noTransactions } from './enqueue.ts'
import { itemsOf, leave, place } from './ordered-queue.ts'
import { cancel } from './records.ts'
import { arm, disarm, isFifo } from './rotation.ts'
import { connectionOf, groupOf, type Lane, laneOf, newVersion, orgOf, type State } from './state.ts'

export function connectionRepository(state: State): ConnectionRepository {
  return {
    insert: async (record) => insert(state, record),
    get: async (ref) => {
      const lane = find(state, ref.orgId, ref.id)
      return lane && connectionOf(lane)
    },
    list: async (query) => list(state, query),
    update: async (ref, patch, expectedVersion) => {
      const lane = find(state, ref.orgId, ref.id)
      if (lane?.record === undefined) throw new SignalboxError('not_found', `connection ${ref.id} does not exist`)
      if (lane.record.version !== expectedVersion) {
        throw new SignalboxError('conflict', `connection ${ref.id} has changed since it was read`, { field: 'version' })
      }
      return update(state, lane, lane.record, patch)
    },
    delete: async (ref, { now }) => {
      const lane = find(state, ref.orgId, ref.id)
      if (lane === undefined) return false
      removeConnection(state, lane)
      for (const row of itemsOf(lane.queue)) {
        leave(lane.queue, row)
        cancel(row, now)
      }
      return true
    },
    subscribed: async (orgId, options) => {
      if (options?.tx !== undefined) throw noTransactions()
      const org = state.orgs.get(orgId)
      const version = org?.version ?? NO_CHANGE
      if (options?.since === version) return 'unchanged'
      const connections = [...(org?.lanes.values() ?? [])]
        .flatMap((lane) => (lane.record?.status === 'active' ? subscribedOf(lane.record) : []))
        .sort((a, b) => (a.id < b.id ? -1 : 1))
      return { version, connections }
    },
  }
}

/** The version of an organisation that nothing is known of. */
const NO_CHANGE = '0'

function find(state: State, orgId: string, id: string): Lane | undefined {
  const lane = state.connections.get(id)
  return lane?.org.id === orgId ? lane : undefined
}

function insert(state: State, record: ConnectionRecord): void {
  if (state.connections.has(record.id)) {
    throw new SignalboxError('conflict', `id: there is a connection ${record.id}`, { field: 'id' })
  }
  const org = orgOf(state, record.orgId)
  takeUniqueKey(state, record.orgId, record.id, record.uniqueKey)
  const lane = laneOf(state, org, record.id)
  const { health, blockedUntil, ...rest } = record
  lane.record = { ...rest, health }
  lane.health = health
  lane.blockedUntil = blockedUntil ?? 0
  lane.tokens = record.pace?.burst ?? 0
  lane.tokensAt = 0
  moveTo(state, lane, record.transport)
  state.connections.set(record.id, lane)
  state.connectionIds = undefined
  state.orphans.delete(lane)
  org.version = newVersion(state)
  requeue(lane)
  arm(lane)
}

function update(state: State, lane: Lane, old: ConnectionRecord, patch: ConnectionPatch): ConnectionRecord {
  const { failingSince, blockedUntil, ...fields } = patch
  const entries = Object.entries({ ...old, ...fields }).filter(([, value]) => value !== null && value !== undefined)
  // null removed what may be absent; the types of the patch allow nothing else
  const record = { ...(Object.fromEntries(entries) as unknown as ConnectionRecord), version: old.version + 1 }
  if (record.uniqueKey !== old.uniqueKey) {
    takeUniqueKey(state, record.orgId, record.id, record.uniqueKey)
    if (old.uniqueKey !== undefined) lane.org.uniqueKeys.delete(old.uniqueKey)
  }
  disarm(lane)
  lane.record = record
  if (blockedUntil === null) lane.blockedUntil = 0
  if (failingSince !== undefined && lane.health.consecutiveFailures > 0) {
    lane.health = { ...lane.health, firstFailureAt: failingSince }
  }
  if (record.pace !== undefined) {
    lane.tokens = old.pace === undefined ? record.pace.burst : Math.min(lane.tokens, record.pace.burst)
  }
  if (record.transport !== old.transport) moveTo(state, lane, record.transport)
  if (record.ordering !== old.ordering) requeue(lane)
  if (changesSubscription(old, record)) lane.org.version = newVersion(state)
  lane.whole = undefined
  arm(lane)
  return connectionOf(lane) ?? record
}

/** Takes the connection away from its lane; its deliveries stay as they are. */
export function removeConnection(state: State, lane: Lane): void {
  const { record, org } = lane
  if (record === undefined) return
  disarm(lane)
  for (const digest of lane.digests?.values() ?? []) remove(digest)
  if (record.uniqueKey !== undefined) org.uniqueKeys.delete(record.uniqueKey)
  lane.record = undefined
  lane.whole = undefined
  org.lanes.delete(lane.id)
  org.version = newVersion(state)
  state.connections.delete(lane.id)
  state.connectionIds = undefined
}

function takeUniqueKey(state: State, orgId: string, id: string, key: string | undefined): void {
  if (key === undefined) return
  const { uniqueKeys } = orgOf(state, orgId)
  const holder = uniqueKeys.get(key)
  if (holder !== undefined && holder !== id) {
    throw new SignalboxError('conflict', `uniqueKey: connection ${holder} has it`, { field: 'uniqueKey' })
  }
  uniqueKeys.set(key, id)
}

function moveTo(state: State, lane: Lane, transport: string): void {
  const digests = [...(lane.digests?.values() ?? [])]
  const times = digests.map((digest) => digest.place)
  for (const digest of digests) leave(lane.group.digests, digest)
  lane.group = groupOf(state, transport)
  digests.forEach((digest, n) => {
    place(lane.group.digests, digest, times[n] ?? 0)
  })
}

/** Orders what waits anew: by enqueueing where `fifo`, else by due time. */
function requeue(lane: Lane): void {
  for (const row of itemsOf(lane.queue)) place(lane.queue, row, isFifo(lane) ? 0 : row.dueAt)
}

const SUBSCRIPTION = [
  'status',
  'transport',
  'categories',
  'eventTypes',
  'minImportance',
  'digest',
  'quietHours',
] as const

function changesSubscription(old: ConnectionRecord, record: ConnectionRecord): boolean {
  return SUBSCRIPTION.some((field) => old[field] !== record[field])
}

function list(
  state: State,
  { orgId, transport, after, limit }: PageQuery & { readonly orgId?: string; readonly transport?: string },
): Page<ConnectionRecord> {
  state.connectionIds ??= [...state.connections.keys()].sort()
  const ids = orgId === undefined ? state.connectionIds : [...(state.orgs.get(orgId)?.lanes.keys() ?? [])].sort()
  const items: ConnectionRecord[] = []
  for (let n = after === undefined ? 0 : indexAfter(ids, after); n < ids.length; n++) {
    const lane = state.connections.get(ids[n] ?? '')
    const record = lane && connectionOf(lane)
    if (record === undefined || (orgId !== undefined && record.orgId !== orgId)) continue
    if (transport !== undefined && record.transport !== transport) continue
    const last = items.at(-1)
    if (items.length === limit && last !== undefined) return { items, next: last.id }
    items.push(record)
  }
  return { items }
}

function indexAfter(ids: readonly string[], after: string): number {
  let low = 0
  let high = ids.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((ids[middle] ?? '') <= after) low = middle + 1
    else high = middle
  }
  return low
}
