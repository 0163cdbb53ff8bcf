import { writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { expect, it } from 'vitest'
import { isSignalboxError } from '../../../src/errors.ts'
import { createSession } from '../../../src/stores/sqlite/driver.ts'
import { MIGRATIONS, migrate } from '../../../src/stores/sqlite/schema.ts'
import { sqliteStore } from '../../../src/stores/sqlite.ts'
import { aBatch, aConnection, claim, openStore, T0, temporaryFile } from './fixtures.ts'

it('several stores may set up the same new file at once', async () => {
  const path = temporaryFile()
  const stores = await Promise.all(Array.from({ length: 5 }, () => openStore(path)))
  await stores[0]?.connections.insert(aConnection('con_a'))
  for (const store of stores) expect((await store.connections.list({ limit: 10 })).items).toHaveLength(1)
})

it("lives in the host's own file beside its tables, and leaves its version alone", async () => {
  const path = temporaryFile()
  const host = new DatabaseSync(path)
  host.exec("CREATE TABLE invoice (id INTEGER PRIMARY KEY, note TEXT); INSERT INTO invoice (note) VALUES ('first')")
  host.exec('PRAGMA user_version = 42')
  await openStore(path)
  expect(host.prepare('PRAGMA user_version').get()).toEqual({ user_version: 42 })
  expect(host.prepare('SELECT note FROM invoice').get()).toEqual({ note: 'first' })
  const names = host.prepare("SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'").all()
  expect(names.filter(({ name }) => name !== 'invoice' && !String(name).startsWith('signalbox_'))).toEqual([])
  host.close()
})

it('a file of an older version gets the steps it lacks, once, and keeps its rows', async () => {
  const path = temporaryFile()
  const store = await openStore(path)
  await store.connections.insert(aConnection('con_a'))
  await store.deliveries.enqueue(aBatch('con_a', 'e', 1))
  const db = new DatabaseSync(path)
  const session = createSession(db)
  const next = [...MIGRATIONS, { sql: 'ALTER TABLE signalbox_delivery ADD COLUMN later TEXT', needs: 1 }]
  for (let times = 0; times < 2; times++) {
    session.run('BEGIN IMMEDIATE')
    migrate(session, next)
    session.run('COMMIT')
  }
  expect(session.get('SELECT version, needs FROM signalbox_schema')).toEqual([MIGRATIONS.length + 1, 1])
  expect(session.get('SELECT id, later FROM signalbox_delivery')).toEqual(['dlv_e0', null])
  db.close()

  // the step only added: this version still runs beside it, and so does a process of this version that starts now
  expect((await claim(store, T0)).deliveries).toHaveLength(1)
  const beside = await openStore(path)
  expect((await beside.events.list({ orgId: 'org_a', limit: 10 })).items).toHaveLength(1)
})

it('a file that a newer version has made unreadable is refused as schema_outdated, and left as it is', async () => {
  const path = temporaryFile()
  await (await openStore(path)).close()
  const db = new DatabaseSync(path)
  db.exec('UPDATE signalbox_schema SET version = 9, needs = 9')
  const store = sqliteStore({ path })
  const error = await store.setup().then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(isSignalboxError(error, 'schema_outdated')).toBe(true)
  expect(String(error)).toContain('schema 9')
  expect(String(error)).toContain('Update signalbox')
  expect(db.prepare('SELECT version, needs FROM signalbox_schema').get()).toEqual({ version: 9, needs: 9 })
  db.close()
})

it('a file that is no database is refused as store_failed', async () => {
  const path = temporaryFile()
  writeFileSync(path, 'this is a text, and no database at all '.repeat(200))
  await expect(sqliteStore({ path }).setup()).rejects.toSatisfy((error) => isSignalboxError(error, 'store_failed'))
})

it('a folder that is not there is refused as store_failed', async () => {
  await expect(sqliteStore({ path: `${temporaryFile()}/nowhere/store.db` }).setup()).rejects.toSatisfy((error) =>
    isSignalboxError(error, 'store_failed'),
  )
})

it('writes with the durability that was asked for: accepted work is synced, leases are not', async () => {
  const levels: string[] = []
  const store = await openStore(temporaryFile(), {
    open: (path) => {
      const db = new DatabaseSync(path)
      return {
        exec(sql) {
          const level = /^PRAGMA synchronous = (\w+)$/.exec(sql)?.[1]
          if (level !== undefined) levels.push(level)
          db.exec(sql)
        },
        prepare: (sql) => db.prepare(sql),
        close: () => db.close(),
      }
    },
  })
  await store.connections.insert(aConnection('con_a'))
  await store.deliveries.enqueue(aBatch('con_a', 'e', 1))
  await claim(store, T0)
  await store.deliveries.enqueue(aBatch('con_a', 'f', 1))
  expect(levels).toEqual(['full', 'normal', 'full'])
})

it('refuses options that break a rule', () => {
  const options = [{ path: '' }, { path: 'x', synchronous: 'off' }, { path: 'x', lockTimeoutMs: -1 }]
  for (const each of options) {
    expect(() => sqliteStore(each as Parameters<typeof sqliteStore>[0])).toThrow(
      expect.objectContaining({ code: 'invalid_input' }),
    )
  }
})
