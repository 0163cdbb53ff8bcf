import type { DeliveryRecord } from '../../contracts/index.ts'
import { parse } from '../../records/codec.ts'
import { derivedDigestPart } from '../../records/digest-id.ts'
import type { Database } from './database.ts'
import {
  type Closed,
  type Closing,
  close,
  closedKey,
  closesAt,
  closingsUnder,
  type DigestRef,
  type DigestRow,
  digestKey,
  firstClosing,
  keptOf,
  type Member,
  memberKey,
  memberRefKey,
  membersOf,
} from './digest-rows.ts'
import { each } from './each.ts'
import { type Lanes, wake } from './lane.ts'
import { numberAfter } from './paths.ts'
import { deliveryKey, KEYS_A_DELIVERY, refKey, save } from './rows.ts'
import type { Transaction } from './transaction.ts'

export interface Sealing {
  /** Closes a digest now. Answers the id of its delivery, or `undefined` where none was open. */
  seal(of: DigestRef, now: number): Promise<string | undefined>
  /** Seals what is due of a connection, a portion, and writes to its lane when there is more. */
  sealDue(connectionId: string, now: number): Promise<void>
  /** Removes digests of a connection that has gone. Answers whether there may be more. */
  drop(connectionId: string): Promise<boolean>
}

/** Digests in one visit. */
const PORTION = 32
const AT_ONCE = 8

export function createSealing(db: Database, lanes: Lanes): Sealing {
  const sealOne = async (key: string, now: number, by?: number): Promise<string | undefined> => {
    const closed = await db.run(async (tx) => {
      const row = await tx.get<DigestRow>(key)
      if (row === undefined || (by !== undefined && closesAt(row) > by)) return undefined
      return close(tx, row, { dueAt: by === undefined ? now : closesAt(row), createdAt: now })
    })
    return closed && finish(closed)
  }

  /**
   * Makes the delivery, then removes the members. It may be done again, after a crash, or by two at a time: the members
   * of a closed generation do not change before `sealedAs` says that there is a delivery.
   */
  async function finish(closed: Closed): Promise<string | undefined> {
    const members = await membersOf(db, closed.generation)
    const id = closed.sealedAs ?? (await deliver(closed, members))
    const portion = Math.floor((db.maxWrites - 1) / 2)
    for (let from = 0; from < members.length || from === 0; from += portion) {
      await db.run(async (tx) => {
        for (const { eventId } of members.slice(from, from + portion)) {
          tx.remove(memberKey(closed.generation, eventId))
          tx.remove(memberRefKey(closed.orgId, eventId, closed.generation))
        }
        if (from + portion >= members.length) tx.remove(closedKey(closed))
      })
    }
    return id
  }

  async function deliver(closed: Closed, members: readonly Member[]): Promise<string | undefined> {
    const { orgId, connectionId, key, delivery } = closed
    const [first] = members
    if (delivery === undefined || first === undefined) return undefined
    const eventIds = keptOf(members)
    const content = { key, eventIds, total: members.length, closedAt: closesAt(closed) }
    for (let again = 0; ; again++) {
      const part = derivedDigestPart(connectionId, key, first.eventId, again)
      const ids = { id: `dlv_${part}`, messageId: `msg_${part}`, orgId, connectionId }
      const state = { status: 'pending', attempts: 0, rounds: 0 } as const
      const record: DeliveryRecord = { ...ids, kind: 'digest', digest: content, ...delivery, ...state }
      if ((await db.read(deliveryKey(record.id))) !== undefined) continue
      const refs = eventIds.map((eventId) => refKey(orgId, eventId, record))
      // those that find no place in the commit of the delivery are there before it
      const portion = db.maxWrites - KEYS_A_DELIVERY - 3
      while (refs.length > portion) {
        const some = refs.splice(0, portion)
        await db.run((tx) => write(tx, closed, some, record.id))
      }
      const sealed = await db.run(async (tx) => {
        const before = await write(tx, closed, refs, record.id)
        if (before !== undefined) return before
        if ((await tx.get(deliveryKey(record.id))) !== undefined) return undefined
        save(tx, { record, pos: record.dueAt })
        tx.put(closedKey(closed), { closed: { ...closed, sealedAs: record.id } } satisfies Closing)
        wake(tx, connectionId)
        return { id: record.id }
      })
      if (sealed !== undefined) return sealed.id
    }
  }

  /** Answers what somebody else has made of it, where that is so; writes nothing then. */
  async function write(tx: Transaction, closed: Closed, refs: readonly string[], id: string) {
    const stored = await tx.get<{ readonly closed: Closed }>(closedKey(closed))
    if (stored?.closed.sealedAs !== undefined || stored === undefined) return { id: stored?.closed.sealedAs }
    for (const ref of refs) tx.put(ref, id)
    return undefined
  }

  return {
    seal: (of, now) => sealOne(digestKey(of), now),
    async sealDue(connectionId, now) {
      const prefix = closingsUnder(connectionId)
      const entries = await db.list(prefix, '', PORTION)
      const due = entries.filter(({ key }) => numberAfter(prefix, key) <= now)
      await each(due, AT_ONCE, async ({ value }) => {
        const closing = parse<Closing>(value)
        if ('closed' in closing) await finish(closing.closed)
        else await sealOne(closing.digest, now, now)
      })
      const digestAt = await firstClosing(db, connectionId)
      await db.run(async (tx) => {
        const lane = await lanes.read(tx, connectionId)
        // a list that is behind shows what has just been sealed
        lane.digestAt = digestAt !== null && digestAt <= now ? now + db.listLagMs : digestAt
        lanes.save(tx, lane)
      })
    },
    async drop(connectionId) {
      const entries = await db.list(closingsUnder(connectionId), '', PORTION, true)
      await each(entries, AT_ONCE, async ({ value }) => {
        const closing = parse<Closing>(value)
        if ('closed' in closing) {
          await finish(closing.closed)
          return
        }
        const closed = await db.run(async (tx) => {
          const row = await tx.get<DigestRow>(closing.digest)
          return row && close(tx, row)
        })
        if (closed !== undefined) await finish(closed)
      })
      return entries.length === PORTION
    },
  }
}
