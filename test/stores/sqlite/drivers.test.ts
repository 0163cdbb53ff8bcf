import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { expect, it } from 'vitest'
import type { SqliteDatabase, SqliteStatement, SqlValue } from '../../../src/stores/sqlite.ts'
import { aBatch, aConnection, claim, delivered, ORG, openStore, T0, temporaryFile } from './fixtures.ts'

/** The shape of better-sqlite3 where it differs: `raw`, `inTransaction`, bigint counts, its own error codes, refusals. */
function likeBetterSqlite(path: string): SqliteDatabase {
  const db = new DatabaseSync(path, { timeout: 5000 })
  const coded = <T>(work: () => T): T => {
    try {
      return work()
    } catch (error) {
      const busy = error instanceof Error && 'errcode' in error && error.errcode === 5
      throw Object.assign(new Error(String(error)), { code: busy ? 'SQLITE_BUSY' : 'SQLITE_ERROR' })
    }
  }
  const wrap = (statement: StatementSync): SqliteStatement => {
    const reads = statement.columns().length > 0
    const check = (wanted: boolean) => {
      if (reads !== wanted) throw new TypeError(`this statement ${reads ? 'returns' : 'does not return'} data`)
    }
    return {
      run(...values: SqlValue[]) {
        check(false)
        const { changes, lastInsertRowid } = coded(() => statement.run(...values))
        return { changes, lastInsertRowid: BigInt(lastInsertRowid) }
      },
      get(...values: SqlValue[]) {
        check(true)
        return coded(() => statement.get(...values))
      },
      all(...values: SqlValue[]) {
        check(true)
        return coded(() => statement.all(...values))
      },
      raw(enabled: boolean) {
        check(true)
        statement.setReturnArrays(enabled)
      },
    }
  }
  return {
    exec: (sql) => coded(() => db.exec(sql)),
    prepare: (sql) => wrap(db.prepare(sql)),
    close: () => db.close(),
    get inTransaction() {
      return db.isTransaction
    },
  }
}

/** The least that the interface asks for: rows are objects. */
function plain(path: string): SqliteDatabase {
  const db = new DatabaseSync(path)
  return {
    exec: (sql) => db.exec(sql),
    prepare(sql) {
      const statement = db.prepare(sql)
      return {
        run: (...values) => statement.run(...values),
        get: (...values) => statement.get(...values),
        all: (...values) => statement.all(...values),
      }
    },
    close: () => db.close(),
  }
}

for (const [name, open] of Object.entries({ 'a driver like better-sqlite3': likeBetterSqlite, 'a plain one': plain })) {
  it(`${name} carries a delivery from its enqueueing to its record`, async () => {
    const path = temporaryFile()
    const store = await openStore(path, { open })
    await store.connections.insert(aConnection('con_a'))
    await store.deliveries.enqueue(aBatch('con_a', 'e', 3))
    const { deliveries, events } = await claim(store, T0)
    expect(deliveries.map((row) => [row.id, row.messageId, row.eventId])).toEqual([
      ['dlv_e0', 'msg_e0', 'e0'],
      ['dlv_e1', 'msg_e1', 'e1'],
      ['dlv_e2', 'msg_e2', 'e2'],
    ])
    expect(events).toHaveLength(3)
    expect((await store.deliveries.settle(deliveries.map((row) => delivered(row)))).stale).toEqual([])
    const page = await store.deliveries.list({ orgId: ORG, limit: 10, status: ['delivered'] })
    expect(page.items).toHaveLength(3)
    expect(await store.deliveries.attempts({ orgId: ORG, id: 'dlv_e1' })).toHaveLength(1)

    const host = open(path)
    host.exec('BEGIN IMMEDIATE')
    store.deliveries.enqueueOn?.(host, aBatch('con_a', 'f', 1))
    const waiting = store.keys.put('k', 'v', { now: T0 })
    host.exec('COMMIT')
    await waiting
    expect((await claim(store, T0)).deliveries.map((row) => row.id)).toEqual(['dlv_f0'])
    host.close()
  })
}
