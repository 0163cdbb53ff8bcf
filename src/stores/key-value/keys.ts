import { randomUUID } from 'node:crypto'
import type { KeyEntry, KeyRepository } from '../../contracts/index.ts'
import { SignalboxError } from '../../errors.ts'
import { parse } from '../../records/codec.ts'
import type { Database } from './database.ts'
import { escaped, keyOf, under } from './paths.ts'
import type { Transaction } from './transaction.ts'

interface KeyRow extends KeyEntry {
  readonly expiresAt?: number | undefined
}

const rowKey = (key: string): string => keyOf('key', key)
const expiryKey = (expiresAt: number, key: string): string => keyOf('expiry', expiresAt, key)

export function createKeys(db: Database): KeyRepository {
  return {
    get: async (key, { now }) => entryOf(await db.read<KeyRow>(rowKey(key)), now),
    put: (key, value, { now, expectedVersion, absent, expiresAt }) =>
      db.run(async (tx) => {
        const old = await tx.get<KeyRow>(rowKey(key))
        const entry = entryOf(old, now)
        if (absent && entry !== undefined) throw conflict('there is an entry already')
        if (expectedVersion !== undefined && entry?.version !== expectedVersion) throw changed()
        const version = randomUUID()
        write(tx, key, old, { key, value, version, expiresAt })
        return version
      }),
    delete: (key, { now, expectedVersion }) =>
      db.run(async (tx) => {
        const old = await tx.get<KeyRow>(rowKey(key))
        const entry = entryOf(old, now)
        if (entry === undefined) return false
        if (expectedVersion !== undefined && entry.version !== expectedVersion) throw changed()
        write(tx, key, old)
        return true
      }),
    // a cursor is what follows the prefix
    list: (prefix, { now, ...query }) =>
      db.page(`${under('key')}${escaped(prefix)}`, query, async ({ value }) => entryOf(parse<KeyRow>(value), now)),
  }
}

function write(tx: Transaction, key: string, old: KeyRow | undefined, next?: KeyRow): void {
  if (old?.expiresAt !== undefined) tx.remove(expiryKey(old.expiresAt, key))
  if (next === undefined) tx.remove(rowKey(key))
  else tx.put(rowKey(key), next)
  if (next?.expiresAt !== undefined) tx.put(expiryKey(next.expiresAt, key), key)
}

function entryOf(row: KeyRow | undefined, now: number): KeyEntry | undefined {
  if (row === undefined || (row.expiresAt ?? now + 1) <= now) return undefined
  const { key, value, version } = row
  return { key, value, version }
}

/** Removes what has expired: at most `limit`. */
export async function removeExpired(db: Database, now: number, limit: number): Promise<void> {
  const entries = await db.list(under('expiry'), '', limit, true)
  const due = entries.filter(({ key }) => key < keyOf('expiry', now + 1))
  for (const { value } of due) {
    const key = parse<string>(value)
    await db.run(async (tx) => {
      const row = await tx.get<KeyRow>(rowKey(key))
      if (row !== undefined && entryOf(row, now) === undefined) write(tx, key, row)
    })
  }
}

const changed = () => conflict('the entry has changed meanwhile')

function conflict(rule: string): SignalboxError {
  return new SignalboxError('conflict', rule)
}
