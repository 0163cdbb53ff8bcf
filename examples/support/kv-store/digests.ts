// Open digests: one row each, with all of its members. For digests of very many, give members rows of their own.
import { createHash } from 'node:crypto'
import type { CollectEntry, DigestRepository, OpenDigest } from 'signalbox'
import { add, deliveryKey, type EventRow, eventKey, laneOf, replace, touch, use } from './rows.ts'
import { type Database, indexed, path, type Transaction } from './transaction.ts'

/** The members of an open digest. */
type DigestRow = readonly CollectEntry[]

const digestKey = (of: Pick<CollectEntry, 'orgId' | 'connectionId' | 'key'>): string =>
  path('digest', of.connectionId, of.orgId) + of.key

/** The repository, and what a claim begins with. */
export function digestRepository(db: Database): DigestRepository & { sealDue(now: number): Promise<void> } {
  /** Closes a digest: its members become one delivery. `by`: only if it closes until then, and due when it does. */
  const seal = (key: string, now: number, by?: number): Promise<string | undefined> =>
    db.run(async (tx) => {
      const [first, ...others] = (await tx.get<DigestRow>(key)) ?? []
      if (!first) return undefined
      const members = [first, ...others]
      const { orgId, connectionId, total, closesAt } = openDigestOf(members, first)
      if (by !== undefined && closesAt > by) return undefined
      await removeDigest(tx, key)
      // derived from the first member: sealed twice, it would be the same delivery
      const earliest = inOrder(members)[0]
      let id = ''
      for (let again = 0; id === '' || (await tx.get(deliveryKey(id))); again++) {
        const parts = JSON.stringify([orgId, connectionId, first.key, earliest?.eventId, again])
        id = `dlv_${createHash('sha256').update(parts).digest('hex').slice(0, 32)}`
      }
      await add(tx, {
        id,
        orgId,
        connectionId,
        kind: 'digest',
        messageId: id.replace('dlv_', 'msg_'),
        digest: { key: first.key, eventIds: keptOf(members), total, closedAt: closesAt },
        status: 'pending',
        dueAt: by === undefined ? now : closesAt,
        createdAt: now,
        attempts: 0,
        rounds: 0,
      })
      return id
    })

  const repository: DigestRepository = {
    list: ({ orgId, connectionId, ...query }) =>
      db.page(connectionId === undefined ? 'digest/' : path('digest', connectionId), query, ({ value }) => {
        const members: DigestRow = JSON.parse(value)
        const [first] = members
        return first && (orgId ?? first.orgId) === first.orgId ? openDigestOf(members, first) : undefined
      }),
    async peek(of) {
      const members = (await db.read<DigestRow>(digestKey(of))) ?? []
      const [first] = members
      if (!first) return undefined
      const rows = await Promise.all(keptOf(members).map((id) => db.read<EventRow>(eventKey(of.orgId, id))))
      return { ...openDigestOf(members, first), events: rows.flatMap((row) => row?.event ?? []) }
    },
    seal: ({ now, ...of }) => seal(digestKey(of), now),
  }
  return {
    ...repository,
    sealDue: async (now: number) => {
      for await (const entry of db.scan('closes/')) if (!(await seal(indexed(entry), now, now))) return
    },
  }
}

/** Adds a member, unless it is one, nobody knows its event, or there is no such connection. */
export async function collect(tx: Transaction, entry: CollectEntry): Promise<void> {
  const old = await tx.get<DigestRow>(digestKey(entry))
  if (old?.some((member) => member.eventId === entry.eventId)) return
  if (!(await laneOf(tx, entry.orgId, entry.connectionId))) return
  if ((await use(tx, [eventKey(entry.orgId, entry.eventId)], 1)).length === 0) return
  replace(tx, digestKey(entry), digestIndexes, { old, next: [...(old ?? []), entry] })
  await touch(tx, entry.orgId, entry.connectionId)
}

/** Takes an open digest away, with its members. */
export async function removeDigest(tx: Transaction, key: string): Promise<void> {
  const old = (await tx.get<DigestRow>(key)) ?? []
  await use(
    tx,
    old.map((member) => eventKey(member.orgId, member.eventId)),
    -1,
  )
  replace(tx, key, digestIndexes, { old })
}

function digestIndexes(members: DigestRow): readonly string[] {
  const [first] = members
  return first ? [path('closes', openDigestOf(members, first).closesAt) + digestKey(first)] : []
}

function openDigestOf(members: DigestRow, { orgId, connectionId, key }: CollectEntry): OpenDigest {
  const latest = Math.max(...members.map((member) => member.closesAt))
  const closesAt = Math.min(latest, ...members.map((member) => member.mustCloseAt))
  const openedAt = Math.min(...members.map((member) => member.at))
  return { orgId, connectionId, key, total: members.length, openedAt, closesAt }
}

/** The events that a digest shows, in order. The member that joined last says how many, and which. */
function keptOf(members: DigestRow): readonly string[] {
  const ordered = inOrder(members)
  const { maxItems = 0, keep } = ordered.at(-1) ?? {}
  const ids = ordered.map((member) => member.eventId)
  return keep === 'last' ? ids.slice(-maxItems) : ids.slice(0, maxItems)
}

function inOrder(members: DigestRow): DigestRow {
  return members.toSorted((a, b) => a.at - b.at || (a.eventId < b.eventId ? -1 : 1))
}
