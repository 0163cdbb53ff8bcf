import { type CatalogIndex, matches } from '../catalog/index.ts'
import { mutate } from '../connections/mutate.ts'
import type { ConnectionRecord, Gap, Ref } from '../contracts/connection.ts'
import type { NewDelivery } from '../contracts/delivery.ts'
import type { StoredEvent } from '../contracts/event.ts'
import type { CollectEntry, Store } from '../contracts/store.ts'
import { deliveryOf, type PlanParts } from '../dispatch/plan.ts'

export interface ReplayDeps {
  readonly store: Store
  readonly catalog: CatalogIndex | undefined
  readonly plan: PlanParts
}

export interface Replayed {
  readonly added: number
  /** The limit came first: another call goes on. */
  readonly more: boolean
}

const PORTION = 200
/**
 * A dispatch that was under way when a connection was paused may have been matched before or after: events accepted so
 * many ms before or after a gap are looked at too. Those that reached the connection are known, and left alone.
 */
const MARGIN_MS = 60_000

/**
 * Adds what a connection missed in its gaps, in the order of acceptance. What was replayed is taken off the gaps, so
 * that a second call adds nothing again.
 */
export async function replayMissed(
  deps: ReplayDeps,
  record: ConnectionRecord,
  options: { readonly since: number; readonly now: number; readonly limit: number },
): Promise<Replayed> {
  let added = 0
  for (const gap of record.gaps ?? []) {
    if (gap.to <= options.since) continue
    const missed = { from: Math.max(gap.from, options.since), to: gap.to }
    const done = await replayGap(deps, record, missed, { now: options.now, limit: options.limit - added })
    added += done.added
    await takeOff(deps.store, record, gap, missed.from, done.until)
    if (done.until < gap.to) return { added, more: true }
  }
  return { added, more: false }
}

async function replayGap(
  deps: ReplayDeps,
  record: ConnectionRecord,
  gap: Gap,
  { now, limit }: { readonly now: number; readonly limit: number },
): Promise<{ readonly added: number; readonly until: number }> {
  const { orgId } = record
  const range = { orgId, since: Math.max(0, gap.from - MARGIN_MS), until: gap.to + MARGIN_MS }
  const digested = record.digest === undefined ? new Set<string>() : await membersOf(deps.store, record, range.since)
  let added = 0
  let after: string | undefined
  do {
    const page = await deps.store.events.list({
      ...range,
      limit: PORTION,
      ...(after === undefined ? {} : { after }),
    })
    const wanted = page.items.filter((event) => matches(record, event, deps.catalog) && !digested.has(event.id))
    const missing = await unknown(deps, record, wanted)
    const taken = missing.slice(0, limit - added)
    await add(deps, record, taken, now)
    added += taken.length
    const next = missing[taken.length]
    if (next !== undefined) return { added, until: Math.max(gap.from, Math.min(next.acceptedAt, gap.to - 1)) }
    after = page.next
  } while (after !== undefined)
  return { added, until: gap.to }
}

/** Those that the connection has no delivery of. */
async function unknown(
  { store, plan }: ReplayDeps,
  record: ConnectionRecord,
  events: readonly StoredEvent[],
): Promise<readonly StoredEvent[]> {
  const known = await Promise.all(
    events.map((event) => store.deliveries.get({ orgId: record.orgId, id: plan.deliveryId(event.messageId, record) })),
  )
  return events.filter((_, index) => known[index] === undefined)
}

/** Events that are in a digest of the connection, open or sealed since. */
async function membersOf(store: Store, record: ConnectionRecord, since: number): Promise<ReadonlySet<string>> {
  const { orgId, id: connectionId } = record
  const members = new Set<string>()
  let after: string | undefined
  do {
    const query = { orgId, connectionId, since, limit: PORTION }
    const page = await store.deliveries.list({ ...query, ...(after === undefined ? {} : { after }) })
    for (const { digest } of page.items) for (const id of digest?.eventIds ?? []) members.add(id)
    after = page.next
  } while (after !== undefined)
  do {
    const query = { orgId, connectionId, limit: PORTION }
    const page = await store.digests.list({ ...query, ...(after === undefined ? {} : { after }) })
    for (const { key } of page.items) {
      const open = await store.digests.peek({ orgId, connectionId, key })
      for (const event of open?.events ?? []) members.add(event.id)
    }
    after = page.next
  } while (after !== undefined)
  return members
}

async function add(
  { store, plan }: ReplayDeps,
  record: ConnectionRecord,
  events: readonly StoredEvent[],
  now: number,
): Promise<void> {
  if (events.length === 0) return
  const timing = plan.timings(record)
  const deliveries: NewDelivery[] = []
  const collect: CollectEntry[] = []
  for (const event of events) {
    // an event of the past must not close a digest of the present
    const route = timing.route({ ...event, acceptedAt: now })
    if (route.kind === 'send') {
      deliveries.push({ ...deliveryOf(event, record, route.dueAt, plan.deliveryId), createdAt: now })
      continue
    }
    const { key, closesAt, mustCloseAt, maxItems, keep } = route
    const place = { orgId: record.orgId, connectionId: record.id, key, eventId: event.id, at: event.acceptedAt }
    collect.push({ ...place, closesAt, mustCloseAt, maxItems, keep })
  }
  await store.deliveries.enqueue({ events: [], deliveries, collect })
}

/** Takes `from` to `until` off a gap; a change of the connection meanwhile keeps its own gaps. */
async function takeOff(store: Store, ref: Ref, gap: Gap, from: number, until: number): Promise<void> {
  await mutate(store, ref, ({ gaps }) => {
    const rest = (gaps ?? []).flatMap((one): readonly Gap[] => {
      if (one.to < gap.to || one.from > gap.from) return [one]
      const before = from > one.from ? [{ from: one.from, to: from }] : []
      return until < one.to ? [...before, { from: until, to: one.to }] : before
    })
    return { gaps: rest.length === 0 ? null : rest }
  })
}
