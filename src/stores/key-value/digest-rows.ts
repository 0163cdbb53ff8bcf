import { randomUUID } from 'node:crypto'
import type { CollectEntry, OpenDigest } from '../../contracts/index.ts'
import { parse } from '../../records/codec.ts'
import type { Database } from './database.ts'
import { wake } from './lane.ts'
import { keyOf, numberAfter, under } from './paths.ts'
import { eventKey } from './rows.ts'
import type { Transaction } from './transaction.ts'

/**
 * An open digest. Its members are rows of their own, under its generation: a name that is never used again. To close
 * it is to remove this row; from then on nothing can join that generation, and what it consists of is settled.
 */
export interface DigestRow {
  readonly orgId: string
  readonly connectionId: string
  readonly key: string
  readonly generation: string
  /** The latest `closesAt` and the earliest `mustCloseAt` of its members. Epoch ms. */
  readonly latestClose: number
  readonly mustCloseAt: number
}

/** An event that joined a digest. */
export type Member = Pick<CollectEntry, 'eventId' | 'at' | 'maxItems' | 'keep'>

/** A digest that has been closed, and what is to become of its members. */
export interface Closed extends DigestRow {
  /** Absent: they are dropped. */
  readonly delivery?: { readonly dueAt: number; readonly createdAt: number }
  /** The id of the delivery, once it is there. */
  readonly sealedAs?: string
}

/** What is found under the closing times of a connection: an open digest's key, or a closed one that is not done. */
export type Closing = { readonly digest: string } | { readonly closed: Closed }

export type DigestRef = Pick<CollectEntry, 'orgId' | 'connectionId' | 'key'>

export const digestKey = ({ orgId, connectionId, key }: DigestRef): string => keyOf('digest', connectionId, orgId, key)
export const memberKey = (generation: string, eventId: string): string => keyOf('member', generation, eventId)
export const memberRefKey = (orgId: string, eventId: string, generation: string): string =>
  keyOf('ref', orgId, eventId, 'member', generation)
export const closingsUnder = (connectionId: string): string => under('closing', connectionId)
const closingKey = (row: DigestRow): string => keyOf('closing', row.connectionId, closesAt(row), row.orgId, row.key)
/** Before all that are open: it goes on at once. */
export const closedKey = (row: DigestRow): string => keyOf('closing', row.connectionId, 0, row.generation)

export function closesAt({ latestClose, mustCloseAt }: DigestRow): number {
  return Math.min(latestClose, mustCloseAt)
}

/** At most so many keys of a commit are one member's. */
export const KEYS_A_MEMBER = 7

/** Adds a member, unless it is one, or nobody knows its event: what was never stored could not be shown. */
export async function collect(tx: Transaction, entry: CollectEntry): Promise<void> {
  const { orgId, connectionId, key, eventId, at, maxItems, keep } = entry
  const of = digestKey(entry)
  const [old, event] = await Promise.all([tx.get<DigestRow>(of), tx.peek(eventKey(orgId, eventId))])
  if (event === undefined) return
  const digest: DigestRow = {
    orgId,
    connectionId,
    key,
    generation: old?.generation ?? randomUUID(),
    latestClose: Math.max(old?.latestClose ?? 0, entry.closesAt),
    mustCloseAt: Math.min(old?.mustCloseAt ?? entry.mustCloseAt, entry.mustCloseAt),
  }
  const member = memberKey(digest.generation, eventId)
  if (old !== undefined && (await tx.get(member)) !== undefined) return
  tx.put(member, { eventId, at, maxItems, keep } satisfies Member)
  tx.put(memberRefKey(orgId, eventId, digest.generation), '')
  if (old?.latestClose === digest.latestClose && old.mustCloseAt === digest.mustCloseAt) return
  if (old !== undefined) tx.remove(closingKey(old))
  tx.put(of, digest)
  tx.put(closingKey(digest), { digest: of } satisfies Closing)
  wake(tx, connectionId)
}

/** Closes a digest: nothing joins it any more. `delivery`: what its members become. */
export function close(tx: Transaction, row: DigestRow, delivery?: Closed['delivery']): Closed {
  const closed = delivery === undefined ? row : { ...row, delivery }
  tx.remove(digestKey(row))
  tx.remove(closingKey(row))
  tx.put(closedKey(row), { closed } satisfies Closing)
  wake(tx, row.connectionId)
  return closed
}

/** In the order in which they joined. */
export async function membersOf(db: Database, generation: string): Promise<readonly Member[]> {
  const members: Member[] = []
  for await (const { value } of db.scan(under('member', generation))) members.push(parse<Member>(value))
  return members.sort((a, b) => a.at - b.at || (a.eventId < b.eventId ? -1 : 1))
}

/** The events that a digest shows. The member that joined last says how many, and which. */
export function keptOf(members: readonly Member[]): readonly string[] {
  const { maxItems = 0, keep } = members.at(-1) ?? {}
  const kept = keep === 'last' ? members.slice(Math.max(0, members.length - maxItems)) : members.slice(0, maxItems)
  return kept.map(({ eventId }) => eventId)
}

export function openDigestOf(row: DigestRow, members: readonly Member[]): OpenDigest {
  const { orgId, connectionId, key } = row
  const openedAt = members[0]?.at ?? 0
  return { orgId, connectionId, key, total: members.length, openedAt, closesAt: closesAt(row) }
}

/** When the first digest of a connection may close. Epoch ms. */
export async function firstClosing(db: Database, connectionId: string): Promise<number | null> {
  const prefix = closingsUnder(connectionId)
  const [first] = await db.list(prefix, '', 1)
  return first === undefined ? null : numberAfter(prefix, first.key)
}
