import { createHash } from 'node:crypto'
import type { CollectEntry, DigestContent, OpenDigest, StoredEvent } from '../../contracts/index.ts'
import { first, leave, NOWHERE, place } from './ordered-queue.ts'
import { addDelivery } from './records.ts'
import { offer } from './rotation.ts'
import { type Delivery, type Digest, laneOf, orgOf, type State } from './state.ts'

/** Adds a member to the open digest of its connection and key. */
export function collect(state: State, entry: CollectEntry): void {
  const lane = laneOf(state, orgOf(state, entry.orgId), entry.connectionId)
  lane.digests ??= new Map()
  let digest = lane.digests.get(entry.key)
  if (digest === undefined) {
    digest = {
      seq: ++state.seq,
      place: NOWHERE,
      lane,
      key: entry.key,
      members: new Map(),
      latestClose: entry.closesAt,
      mustCloseAt: entry.mustCloseAt,
    }
    lane.digests.set(entry.key, digest)
  }
  if (digest.members.has(entry.eventId)) return
  digest.members.set(entry.eventId, entry)
  const event = lane.org.events.get(entry.eventId)
  if (event !== undefined) event.uses++
  digest.latestClose = Math.max(digest.latestClose, entry.closesAt)
  digest.mustCloseAt = Math.min(digest.mustCloseAt, entry.mustCloseAt)
  place(lane.group.digests, digest, closesAt(digest))
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
  for (const eventId of digest.members.keys()) {
    const event = lane.org.events.get(eventId)
    if (event !== undefined) event.uses--
  }
}

export function openDigestOf(digest: Digest): OpenDigest {
  const { lane } = digest
  const openedAt = membersOf(digest)[0]?.at ?? 0
  const total = digest.members.size
  return { orgId: lane.org.id, connectionId: lane.id, key: digest.key, total, openedAt, closesAt: closesAt(digest) }
}

export function keptEvents(digest: Digest): readonly StoredEvent[] {
  return contentOf(digest).eventIds.flatMap((id) => digest.lane.org.events.get(id)?.event ?? [])
}

function contentOf(digest: Digest): DigestContent {
  const members = membersOf(digest)
  const last = members.at(-1)
  const most = last?.maxItems ?? 0
  const kept = last?.keep === 'last' ? members.slice(Math.max(0, members.length - most)) : members.slice(0, most)
  const eventIds = kept.map((entry) => entry.eventId)
  return { key: digest.key, eventIds, total: members.length, closedAt: closesAt(digest) }
}

function membersOf(digest: Digest): readonly CollectEntry[] {
  return [...digest.members.values()].sort((a, b) => a.at - b.at || (a.eventId < b.eventId ? -1 : 1))
}

/** Derived from the digest's first event, so that sealing it again could not make a second delivery. */
function newId(state: State, digest: Digest): string {
  const { lane } = digest
  const head = membersOf(digest)[0]
  for (let again = 0; ; again++) {
    // an event that is collected anew after its digest was sealed opens another digest
    const parts = [lane.org.id, lane.id, digest.key, head?.eventId, again]
    const id = createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32)
    if (!state.deliveries.has(`dlv_${id}`)) return id
  }
}
