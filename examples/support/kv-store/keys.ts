import { randomUUID } from 'node:crypto'
import type { KeyEntry, KeyRepository } from 'signalbox'
import { conflict, type Database, type Transaction } from './transaction.ts'

export interface KeyRow {
  readonly value: string
  readonly version: string
  readonly expiresAt?: number
}

export function keyRepository(db: Database): KeyRepository {
  const keyOf = async (tx: Transaction, key: string, now: number): Promise<KeyEntry | undefined> => {
    const row = await tx.get<KeyRow>(`key/${key}`)
    return row && (row.expiresAt ?? now + 1) > now ? { key, value: row.value, version: row.version } : undefined
  }

  return {
    get: (key, { now }) => db.run((tx) => keyOf(tx, key, now)),
    put: (key, value, { now, expectedVersion, absent, expiresAt }) =>
      db.run(async (tx) => {
        const old = await keyOf(tx, key, now)
        if ((absent && old) || (expectedVersion !== undefined && old?.version !== expectedVersion)) {
          throw conflict('the key has changed')
        }
        const version = randomUUID()
        tx.put(`key/${key}`, { value, version, expiresAt })
        return version
      }),
    delete: (key, { now, expectedVersion }) =>
      db.run(async (tx) => {
        const old = await keyOf(tx, key, now)
        if (old && (expectedVersion ?? old.version) !== old.version) throw conflict('the key has changed')
        if (old) tx.put(`key/${key}`)
        return old !== undefined
      }),
    list: (prefix, { now, ...query }) =>
      db.page(`key/${prefix}`, query, ({ key }) => db.run((tx) => keyOf(tx, key.slice('key/'.length), now))),
  }
}
