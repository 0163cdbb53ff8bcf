import { type CatalogIndex, matches } from '../catalog/index.ts'
import { mutate } from '../connections/mutate.ts'
import type { ConnectionRecord, Gap, Ref } from '../contracts/connection.ts'
import type { NewDelivery } from '../contracts/delivery.ts'
import type { StoredEvent } from '../contracts/event.ts'
import type { CollectEntry, Store } from '../contracts/store.ts'
import { deliveryOf, type PlanParts } from '../dispatch/plan.ts'
import { purgedBefore } from './purged.ts'

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
/** Of the deliveries that are looked through for digests. */
const MAX_PAGE = 1000
/**
 * A dispatch that was under way when a connection was paused may have been matched before or after: events accepted so
 * many ms before or after a gap are looked at too. Those that reached the connection are known, and left alone; so are
 * those of which that can't be told any more.
 */
const MARGIN_MS = 60_000
/** A clock that was set may have sealed a digest so many ms before its events were accepted. */
const CORRECTION_MS = 2 * 3_600_000

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
    const done = await replayGap(deps, record, missed, { ...options, limit: options.limit - added })
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
  { since, now, limit }: { readonly since: number; readonly now: number; readonly limit: number },
): Promise<{ readonly added: number; readonly until: number }> {
  const { orgId } = record
  const range = { orgId, since: Math.max(gap.from - MARGIN_MS, since, record.createdAt), until: gap.to + MARGIN_MS }
  // it may have collected before, though it does not now
  const digested = await digestsOf(deps.store, record, Math.max(0, range.since - CORRECTION_MS))
  const forgotten = await purgedBefore(deps.store.keys, orgId, now)
  const isKnown = (event: StoredEvent): boolean => {
    if (digested.eventIds.has(event.id)) return true
    if (isWithin(gap, event)) return false
    return event.acceptedAt < forgotten || mayBeCounted(deps, record, event, digested.full)
  }
  let added = 0
  let after: string | undefined
  do {
    const page = await deps.store.events.list({
      ...range,
      limit: PORTION,
      ...(after === undefined ? {} : { after }),
    })
    const wanted = page.items.filter((event) => matches(record, event, deps.catalog) && !isKnown(event))
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

/** The digests of a connection, open or sealed since. */
interface Digested {
  /** Of the events that they keep. */
  readonly eventIds: ReadonlySet<string>
  /** Those that counted more events than they keep. `until`: when they were sealed; epoch ms. */
  readonly full: readonly { readonly key: string; readonly closesAt: number; readonly until: number }[]
}

async function digestsOf(store: Store, record: ConnectionRecord, since: number): Promise<Digested> {
  const { orgId, id: connectionId } = record
  const eventIds = new Set<string>()
  const full: Digested['full'][number][] = []
  let after: string | undefined
  do {
    const query = { orgId, connectionId, since, limit: MAX_PAGE }
    const page = await store.deliveries.list({ ...query, ...(after === undefined ? {} : { after }) })
    for (const { digest, createdAt } of page.items) {
      if (digest === undefined) continue
      for (const id of digest.eventIds) eventIds.add(id)
      const { key, total, closedAt } = digest
      if (total > digest.eventIds.length) full.push({ key, closesAt: closedAt, until: createdAt })
    }
    after = page.next
  } while (after !== undefined)
  do {
    const query = { orgId, connectionId, limit: PORTION }
    const page = await store.digests.list({ ...query, ...(after === undefined ? {} : { after }) })
    for (const { key } of page.items) {
      const open = await store.digests.peek({ orgId, connectionId, key })
      if (open === undefined) continue
      for (const event of open.events) eventIds.add(event.id)
      const { total, closesAt } = open
      if (total > open.events.length) full.push({ key, closesAt, until: Number.POSITIVE_INFINITY })
    }
    after = page.next
  } while (after !== undefined)
  return { eventIds, full }
}

const isWithin = (gap: Gap, { acceptedAt }: StoredEvent): boolean => acceptedAt > gap.from && acceptedAt < gap.to

/**
 * Whether the event may be one of those that a digest only counted, whose ids nobody kept: it was accepted before that
 * one was sealed and, as the settings are now, would have been in it.
 */
function mayBeCounted(
  { plan }: ReplayDeps,
  record: ConnectionRecord,
  event: StoredEvent,
  full: Digested['full'],
): boolean {
  if (full.length === 0) return false
  const route = plan.timings(record).route(event)
  return full.some(({ key, closesAt, until }) => {
    if (event.acceptedAt > until) return false
    return route.kind === 'send' || (key === route.key && closesAt <= route.mustCloseAt)
  })
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
