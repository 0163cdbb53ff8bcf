import { type DeliveryRepository, SignalboxError } from 'signalbox'
import { ofOrg, removeConnection } from './connections.ts'
import type { KeyRow } from './keys.ts'
import { deliveryIndexes, type EventRow, type Row, replace, saveEvent, touch, use } from './rows.ts'
import { type Database, indexed, path, type Transaction } from './transaction.ts'

type Request = Parameters<DeliveryRepository['purge']>[0]

export async function purge(
  db: Database,
  { before, eventsBefore, orgId, everything = false, now, limit }: Request,
): Promise<{ readonly removed: number; readonly more: boolean }> {
  if (everything && orgId === undefined) throw new SignalboxError('invalid_input', 'everything: needs an orgId')
  let removed = 0
  let more = false
  /** At most `limit` of the entries until one that came later; `take` answers `false` for what is to stay. */
  async function sweep(prefix: string, until: number, take: (key: string) => Promise<boolean>) {
    let left = limit
    for await (const entry of db.scan(prefix)) {
      if (Number(entry.key.split('/')[1]) >= until) return
      if (left === 0) {
        more = true
        return
      }
      if (!(await take(indexed(entry)))) continue
      left--
      removed++
    }
  }
  const isOwn = (of: string): boolean => orgId === undefined || of === orgId
  if (everything && orgId !== undefined) {
    await sweep(ofOrg(orgId), Number.POSITIVE_INFINITY, (key) =>
      removeConnection(db, orgId, key.slice('connection/'.length)),
    )
  }
  const ended = everything && orgId !== undefined ? path('delivery-at', orgId) : 'ended/'
  await sweep(ended, everything ? Number.POSITIVE_INFINITY : before, (key) =>
    db.run(async (tx) => {
      const row = await tx.get<Row>(key)
      if (!row || !isOwn(row.record.orgId)) return false
      await remove(tx, key)
      return true
    }),
  )
  await sweep('unused/', everything ? Number.POSITIVE_INFINITY : eventsBefore, (key) =>
    db.run(async (tx) => {
      const row = await tx.get<EventRow>(key)
      if (!row || row.uses > 0 || !isOwn(row.event.orgId)) return false
      saveEvent(tx, row)
      return true
    }),
  )
  if (orgId === undefined) {
    for await (const { key } of db.scan('key/')) {
      await db.run(async (tx) => {
        if (((await tx.get<KeyRow>(key))?.expiresAt ?? now + 1) <= now) tx.put(key)
      })
    }
  }
  return { removed, more }
}

async function remove(tx: Transaction, key: string): Promise<void> {
  const old = await tx.get<Row>(key)
  if (!old) return
  await use(tx, old.events, -1)
  replace(tx, key, deliveryIndexes, { old })
  await touch(tx, old.record.orgId, old.record.connectionId)
}
