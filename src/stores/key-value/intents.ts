import { randomUUID } from 'node:crypto'
import type { CollectEntry, NewDelivery } from '../../contracts/index.ts'
import type { Database } from './database.ts'
import { collect, KEYS_A_MEMBER } from './digest-rows.ts'
import { each } from './each.ts'
import { wake } from './lane.ts'
import { keyOf } from './paths.ts'
import { deliveryKey, KEYS_A_DELIVERY, save } from './rows.ts'
import type { Transaction } from './transaction.ts'

/** What is still to be written of an event that is stored. It stands among the wakes, before all others. */
export interface Intent {
  readonly intent: string
  readonly chunks: number
  /** When its event was accepted. Epoch ms. */
  readonly at: number
}

/** What goes out of an event. */
export interface Items {
  readonly deliveries: readonly NewDelivery[]
  readonly collect: readonly CollectEntry[]
}

export interface Intents {
  /** Notes `items` with what `commit` writes, then writes them. `commit` answers whether it wants that. */
  begin(items: Items, at: number, commit: (tx: Transaction) => Promise<boolean>): Promise<void>
  /** Writes what is left of it. May be done by several at a time. */
  complete(intent: Intent): Promise<void>
}

/** About what a delivery or a digest member takes. */
export const BYTES_AN_ITEM = 400
/** Of them in one row, at most. */
const MAX_CHUNK = 100
const AT_ONCE = 4

const chunkKey = (intent: string, n: number): string => keyOf('intent', intent, n)
const intentKey = (intent: string): string => keyOf('wake', '', intent)

export function createIntents(db: Database): Intents {
  async function complete(intent: Intent): Promise<void> {
    const numbers = Array.from({ length: intent.chunks }, (_, n) => n)
    for (const n of numbers) {
      const chunk = await db.read<Items>(chunkKey(intent.intent, n))
      if (chunk === undefined) continue
      await each(portionsOf(chunk, db.maxWrites - 1), AT_ONCE, (portion) =>
        db.run(async (tx) => {
          // once it has gone, all of it was written, and may have been purged since
          if ((await tx.get(intentKey(intent.intent))) !== undefined) await write(tx, portion)
        }),
      )
    }
    for (let from = 0; from < numbers.length; from += db.maxWrites) {
      await removeChunks(intent, numbers.slice(from, from + db.maxWrites))
    }
    await db.run(async (tx) => tx.remove(intentKey(intent.intent)))
  }

  const removeChunks = (intent: Intent, numbers: readonly number[]): Promise<void> =>
    db.run(async (tx) => {
      for (const n of numbers) tx.remove(chunkKey(intent.intent, n))
    })

  return {
    complete,
    async begin(items, at, commit) {
      const most = Math.max(1, Math.min(MAX_CHUNK, Math.floor(db.maxBytes / 2 / BYTES_AN_ITEM)))
      const chunks = chunksOf(items, most)
      const intent: Intent = { intent: randomUUID(), chunks: chunks.length, at }
      const put = (tx: Transaction, from: number, to: number) => {
        for (let n = from; n < Math.min(to, chunks.length); n++) tx.put(chunkKey(intent.intent, n), chunks[n])
      }
      // what finds no place beside the event is there before it, where nobody looks
      const portion = Math.max(1, Math.min(db.maxWrites - 4, Math.floor(db.maxBytes / 2 / most / BYTES_AN_ITEM)))
      const together = chunks.length <= portion
      for (let from = 0; !together && from < chunks.length; from += portion) {
        await db.run(async (tx) => put(tx, from, from + portion))
      }
      const wanted = await db.run(async (tx) => {
        if (!(await commit(tx))) return false
        if (together) put(tx, 0, chunks.length)
        tx.put(intentKey(intent.intent), intent)
        return true
      })
      if (wanted)
        await complete(intent).catch(() => undefined) // it is stored: a worker will complete it
      else if (!together) await removeChunks({ ...intent }, chunks.map((_, n) => n).slice(0, db.maxWrites))
    },
  }
}

/** Writes what is not there yet. */
export async function write(tx: Transaction, { deliveries, collect: entries }: Items): Promise<void> {
  // almost always all of them are new: only where that was wrong they are read
  const known = tx.attempt === 0 ? [] : await Promise.all(deliveries.map(({ id }) => tx.get(deliveryKey(id))))
  for (const [n, row] of deliveries.entries()) {
    if (known[n] !== undefined) continue
    const key = deliveryKey(row.id)
    if (tx.attempt === 0) tx.absent(key)
    save(tx, { record: { ...row, status: 'pending', attempts: 0, rounds: 0 }, pos: row.dueAt })
    wake(tx, row.connectionId)
  }
  for (const entry of entries) await collect(tx, entry)
}

/** Parts of which each takes at most so many keys. */
export function portionsOf({ deliveries, collect: entries }: Items, maxKeys: number): readonly Items[] {
  return [
    ...slices(deliveries, Math.floor(maxKeys / KEYS_A_DELIVERY)).map((some) => ({ deliveries: some, collect: [] })),
    ...slices(entries, Math.floor(maxKeys / KEYS_A_MEMBER)).map((some) => ({ deliveries: [], collect: some })),
  ]
}

function chunksOf({ deliveries, collect: entries }: Items, most: number): readonly Items[] {
  return [
    ...slices(deliveries, most).map((some) => ({ deliveries: some, collect: [] })),
    ...slices(entries, most).map((some) => ({ deliveries: [], collect: some })),
  ]
}

function slices<T>(items: readonly T[], most: number): readonly (readonly T[])[] {
  const parts: (readonly T[])[] = []
  for (let from = 0; from < items.length; from += most) parts.push(items.slice(from, from + most))
  return parts
}
