import { createHash } from 'node:crypto'
import type { CollectEntry, DigestContent, OpenDigest, StoredEvent } from '../../contracts/index.ts'
import { first, leave, NOWHERE, place } from './ordered-queue.ts'
import { addDelivery } from './records.ts'
import { offer } from './rotation.ts'
import { type Delivery, type Digest, laneOf, type Member, orgOf, type State } from './state.ts'

/** Adds a member to the open digest of its connection and key. What was never stored could not be shown: it is left out. */
export function collect(state: State, entry: CollectEntry): void {
  const lane = laneOf(state, orgOf(state, entry.orgId), entry.connectionId)
  const event = lane.org.events.get(entry.eventId)
  if (event === undefined) return
  const { at, maxItems, keep, closesAt: latestClose, mustCloseAt } = entry
  const last = { event, at, maxItems, keep }
  lane.digests ??= new Map()
  let digest = lane.digests.get(entry.key)
  if (digest === undefined) {
    digest = {
      seq: ++state.seq,
      place: NOWHERE,
      lane,
      key: entry.key,
      members: new Map(),
      first: last,
      last,
      latestClose,
      mustCloseAt,
    }
    lane.digests.set(entry.key, digest)
  }
  if (digest.members.has(event)) return
  digest.members.set(event, at)
  event.uses++
  if (isEarlier(last, digest.first)) digest.first = last
  if (isEarlier(digest.last, last)) digest.last = last
  digest.latestClose = Math.max(digest.latestClose, latestClose)
  digest.mustCloseAt = Math.min(digest.mustCloseAt, mustCloseAt)
  place(lane.group.digests, digest, closesAt(digest))
}

/** By when they joined, then by id. */
function isEarlier(a: Member, b: Member): boolean {
  return a.at < b.at || (a.at === b.at && a.event.event.id < b.event.event.id)
}

function closesAt(digest: Digest): number {
  return Math.min(digest.latestClose, digest.mustCloseAt)
}

/** Seals every digest whose time has come. */
export function sealDue(state: State, now: number): void {
  for (const { digests } of state.groups.values()) {
    for (let due = first(digests); due !== undefined && due.place <= now; due = first(digests)) {
      seal(state, due, now, due.place)
    }
  }
}

/** Closes a digest: its members become one delivery, due at `dueAt`. */
export function seal(state: State, digest: Digest, now: number, dueAt: number): Delivery {
  const { lane } = digest
  const content = contentOf(digest)
  const id = newId(state, digest)
  remove(digest)
  for (const eventId of content.eventIds) {
    const event = lane.org.events.get(eventId)
    if (event !== undefined) event.uses++
  }
  const row = { id: `dlv_${id}`, messageId: `msg_${id}`, kind: 'digest', dueAt, createdAt: now } as const
  const delivery = addDelivery(state, lane, row, undefined, content)
  offer(state, delivery)
  return delivery
}

/** Takes an open digest away, and its members with it. */
export function remove(digest: Digest): void {
  const { lane } = digest
  leave(lane.group.digests, digest)
  lane.digests?.delete(digest.key)
  for (const event of digest.members.keys()) event.uses--
}

export function openDigestOf(digest: Digest): OpenDigest {
  const { lane, key, first: opener, members } = digest
  return {
    orgId: lane.org.id,
    connectionId: lane.id,
    key,
    total: members.size,
    openedAt: opener.at,
    closesAt: closesAt(digest),
  }
}

export function keptEvents(digest: Digest): readonly StoredEvent[] {
  return keptOf(digest).map(({ event }) => event.event)
}

function contentOf(digest: Digest): DigestContent {
  const eventIds = keptOf(digest).map(({ event }) => event.event.id)
  return { key: digest.key, eventIds, total: digest.members.size, closedAt: closesAt(digest) }
}

/** The members that are kept, in order. One pass: a digest may have very many, of which few are kept. */
function keptOf({ members, last }: Digest): readonly Member[] {
  const { maxItems, keep } = last
  const forwards = keep !== 'last'
  const isBetter = (a: Member, b: Member): boolean => (forwards ? isEarlier(a, b) : isEarlier(b, a))
  const best: Member[] = []
  const cut = (): void => {
    best.sort((a, b) => (isBetter(a, b) ? -1 : 1))
    best.length = Math.min(best.length, maxItems)
  }
  let worst: Member | undefined
  for (const [event, at] of members) {
    const member = { event, at }
    if (worst !== undefined && isBetter(worst, member)) continue
    best.push(member)
    if (best.length < 2 * maxItems) continue
    cut()
    worst = best.at(-1)
  }
  cut()
  return forwards ? best : best.reverse()
}

/** Derived from the digest's first event, so that sealing it again could not make a second delivery. */
function newId(state: State, digest: Digest): string {
  const { lane } = digest
  for (let again = 0; ; again++) {
    // an event that is collected anew after its digest was sealed opens another digest
    const parts = [lane.org.id, lane.id, digest.key, digest.first.event.event.id, again]
    const id = createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32)
    if (!state.deliveries.has(`dlv_${id}`)) return id
  }
}
