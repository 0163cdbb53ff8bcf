import type { ConnectionRepository, DeliveryRepository, StoredEvent } from '../../contracts/index.ts'
import { invalidInput } from '../../errors.ts'
import { parse } from '../../records/codec.ts'
import type { KeyValueEntry } from '../key-value.ts'
import { connectionsUnder } from './connections.ts'
import type { Database } from './database.ts'
import { each } from './each.ts'
import { removeExpired } from './keys.ts'
import { endLease, type Lanes } from './lane.ts'
import { numberAfter, under } from './paths.ts'
import { type DeliveryRow, deliveryKey, eventTimeKey, indexesOf, KEYS_A_DELIVERY, refKey } from './rows.ts'
import type { Transaction } from './transaction.ts'

type Purge = DeliveryRepository['purge']

const AT_ONCE = 16

export function createPurge(db: Database, lanes: Lanes, connections: ConnectionRepository): Purge {
  return async ({ before, eventsBefore, orgId, everything = false, now, limit }) => {
    if (everything && orgId === undefined) throw invalidInput('everything', 'needs an orgId')
    let removed = 0
    let more = false
    if (everything && orgId !== undefined) {
      await sweep(connectionsUnder(orgId), async ({ value }) => {
        await connections.delete({ orgId, id: parse<string>(value) }, { now })
        return true
      })
      await sweep(under('of-org', orgId), ({ value }) => removeDelivery(deliveryKey(parse<string>(value))))
      await sweep(under('event-at', orgId), ({ key }) => removeEvent(key, true))
    } else {
      await sweep(
        under('ended'),
        ({ key, value }) => {
          if (orgId !== undefined && parse<string>(value) !== orgId) return Promise.resolve(false)
          return removeDelivery(under('delivery') + partsOf(key).at(-1), before)
        },
        before,
      )
      await sweepEvents(eventsBefore, orgId)
    }
    if (orgId === undefined) await removeExpired(db, now, limit)
    return { removed, more }

    /** At most `left` of the entries before `until`. `take` answers `false` for what is to stay. Answers what is left. */
    async function sweep(
      prefix: string,
      take: (entry: KeyValueEntry) => Promise<boolean>,
      until = Number.POSITIVE_INFINITY,
      most = limit,
    ): Promise<number> {
      let left = most
      for (let after = ''; ; ) {
        // one more than may go: whether there is more
        const entries = await db.list(prefix, after, AT_ONCE, true)
        const due = entries.filter(({ key }) => until === Number.POSITIVE_INFINITY || numberAfter(prefix, key) < until)
        const taken = await each(due.slice(0, left), AT_ONCE, take)
        const gone = taken.filter(Boolean).length
        left -= gone
        removed += gone
        if (left === 0) {
          more ||= gone < due.length || due.length === AT_ONCE
          return 0
        }
        if (due.length < AT_ONCE) return left
        after = entries.at(-1)?.key ?? after
      }
    }

    /** Those that are accepted before `until` and that nothing needs, organisation by organisation. */
    async function sweepEvents(until: number, only: string | undefined): Promise<void> {
      if (only !== undefined) {
        await sweep(under('event-at', only), ({ key }) => removeEvent(key), until)
        return
      }
      let left = limit
      for (let after = ''; ; ) {
        const [first] = await db.list(under('event-at'), after, 1, true)
        if (first === undefined) return
        if (left === 0) {
          more = true
          return
        }
        const prefix = `${partsOf(first.key).slice(0, 2).join('!')}!`
        left = await sweep(prefix, ({ key }) => removeEvent(key), until, left)
        // after every key of this organisation
        after = `${prefix}~`
      }
    }
  }

  /** `before`: only if it has ended, and before that instant. */
  async function removeDelivery(key: string, before?: number): Promise<boolean> {
    const row = await db.read<DeliveryRow>(key)
    if (row === undefined) return false
    const { record } = row
    if (before !== undefined && (record.finishedAt ?? before) >= before) return false
    const extras = (record.digest?.eventIds ?? []).map((eventId) => refKey(record.orgId, eventId, record))
    for await (const attempt of db.scan(under('attempt', record.id))) extras.push(attempt.key)
    const portion = db.maxWrites - KEYS_A_DELIVERY - 5
    while (extras.length > portion) {
      const some = extras.splice(0, portion)
      await db.run(async (tx) => removeAll(tx, some))
    }
    return db.run(async (tx) => {
      const stored = await tx.get<DeliveryRow>(key)
      if (stored === undefined || (before !== undefined && stored.record.finishedAt !== record.finishedAt)) return false
      if (stored.record.status === 'pending') await endAnyLease(tx, stored)
      removeAll(tx, [key, ...indexesOf(stored).keys(), ...extras])
      return true
    })
  }

  async function endAnyLease(tx: Transaction, { record }: DeliveryRow): Promise<void> {
    const lane = await lanes.read(tx, record.connectionId)
    const held = lane.leases.find(({ ids }) => ids.includes(record.id))
    if (held === undefined) return
    endLease(lane, held.token, record.id)
    lanes.save(tx, lane)
  }

  /** `key`: where it stands by its time. */
  function removeEvent(key: string, always = false): Promise<boolean> {
    const [, org, , id] = partsOf(key)
    const of = `${org}!${id}`
    return db.run(async (tx) => {
      const event = await tx.get<StoredEvent>(under('event') + of)
      if (event === undefined) return false
      if (!always && (await db.list(`${under('ref')}${of}!`, '', 1, true)).length > 0) return false
      removeAll(tx, [under('event') + of, eventTimeKey(event.orgId, event.acceptedAt, event.id)])
      return true
    })
  }
}

function removeAll(tx: Transaction, keys: Iterable<string>): void {
  for (const key of keys) tx.remove(key)
}

/** As they are written: no part has the separator in it. */
function partsOf(key: string): readonly string[] {
  return key.split('!')
}
