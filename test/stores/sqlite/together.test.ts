import { DatabaseSync } from 'node:sqlite'
import { expect, it } from 'vitest'
import type { SqliteDatabase } from '../../../src/stores/sqlite.ts'
import { aBatch, aConnection, claim, delivered, openStore, T0, temporaryFile } from './fixtures.ts'

/** Counts the commits of its handle, and lets the next ones fail. */
function watched() {
  let commits = 0
  let failures = 0
  return {
    commits: () => commits,
    failNext(count: number) {
      failures = count
    },
    open(path: string): SqliteDatabase {
      const db = new DatabaseSync(path)
      return {
        exec: (sql) => db.exec(sql),
        close: () => db.close(),
        prepare(sql) {
          const statement = db.prepare(sql)
          if (sql !== 'COMMIT') return statement as ReturnType<SqliteDatabase['prepare']>
          return {
            run() {
              if (failures-- > 0) throw new Error('disk I/O error')
              commits++
              return statement.run()
            },
            get: () => undefined,
            all: () => [],
          }
        },
      }
    },
  }
}

it('calls of one turn of the event loop share a commit, in their order', async () => {
  const { commits, open } = watched()
  const store = await openStore(temporaryFile(), { open })
  await store.connections.insert(aConnection('con_a'))
  await store.deliveries.enqueue(aBatch('con_a', 'a', 3))
  const first = await claim(store, T0)
  const before = commits()
  const [, settled, second] = await Promise.all([
    store.deliveries.enqueue(aBatch('con_a', 'b', 2)),
    store.deliveries.settle(first.deliveries.map((row) => delivered(row))),
    claim(store, T0),
  ])
  expect(commits() - before).toBe(1)
  expect(settled.stale).toEqual([])
  expect(second.deliveries.map((row) => row.id).sort()).toEqual(['dlv_b0', 'dlv_b1'])
})

it('one that fails is refused alone, and the others are carried out', async () => {
  const store = await openStore(temporaryFile())
  await store.connections.insert(aConnection('con_a'))
  await store.keys.put('taken', 'v', { now: T0 })
  const [a, conflict, b, claimed] = await Promise.allSettled([
    store.deliveries.enqueue(aBatch('con_a', 'a', 2)),
    store.keys.put('taken', 'w', { now: T0, absent: true }),
    store.deliveries.enqueue(aBatch('con_a', 'b', 2)),
    claim(store, T0),
  ])
  expect([a.status, b.status, claimed.status]).toEqual(['fulfilled', 'fulfilled', 'fulfilled'])
  expect(conflict).toMatchObject({ status: 'rejected', reason: { code: 'conflict' } })
  if (claimed.status !== 'fulfilled') throw claimed.reason
  expect(claimed.value.deliveries.map((row) => row.id).sort()).toEqual(['dlv_a0', 'dlv_a1', 'dlv_b0', 'dlv_b1'])
  const settled = await store.deliveries.settle(claimed.value.deliveries.map((row) => delivered(row)))
  expect(settled.stale).toEqual([])
})

it('nothing is remembered of what was undone: rows that take its place are themselves', async () => {
  const { failNext, open } = watched()
  const path = temporaryFile()
  const store = await openStore(path, { open })
  const other = await openStore(path)
  await store.connections.insert(aConnection('con_a'))
  // the two together, then the first alone: the claim has seen an event that never came to be
  failNext(2)
  const [undone, none] = await Promise.allSettled([
    store.deliveries.enqueue(aBatch('con_a', 'undone', 1)),
    claim(store, T0),
  ])
  expect(undone).toMatchObject({ status: 'rejected', reason: { code: 'store_failed' } })
  expect(none).toMatchObject({ value: { deliveries: [] } })
  await other.deliveries.enqueue(aBatch('con_a', 'kept', 1))
  const { deliveries, events } = await claim(store, T0)
  expect(deliveries.map((row) => row.id)).toEqual(['dlv_kept0'])
  expect(events.map((event) => event.id)).toEqual(['kept0'])
  expect((await store.deliveries.settle(deliveries.map((row) => delivered(row)))).stale).toEqual([])
})
