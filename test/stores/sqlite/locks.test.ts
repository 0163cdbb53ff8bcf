import { DatabaseSync } from 'node:sqlite'
import { expect, it } from 'vitest'
import type { Store } from '../../../src/contracts/store.ts'
import { isSignalboxError } from '../../../src/errors.ts'
import { aBatch, aConnection, claim, delivered, openStore, T0, temporaryFile } from './fixtures.ts'

function host(path: string): DatabaseSync {
  const db = new DatabaseSync(path)
  db.exec('BEGIN IMMEDIATE')
  return db
}

it('waits for a host transaction without blocking the event loop', async () => {
  const path = temporaryFile()
  const store = await openStore(path)
  await store.connections.insert(aConnection('con_a'))
  const db = host(path)

  let stored = false
  const enqueued = store.deliveries.enqueue(aBatch('con_a', 'e', 1)).then(() => {
    stored = true
  })
  // the event loop goes round, again and again, while the call waits; it ends only after the host's commit
  let turns = 0
  const until = performance.now() + 300
  while (performance.now() < until) {
    await new Promise(setImmediate)
    turns++
  }
  expect(stored).toBe(false)
  expect(turns).toBeGreaterThan(100)
  db.exec('COMMIT')
  await enqueued
  expect((await claim(store, T0)).deliveries).toHaveLength(1)
  db.close()
})

it('carries out what waited in the order of the calls', async () => {
  const path = temporaryFile()
  const store = await openStore(path)
  const db = host(path)
  const order: number[] = []
  const calls = Array.from({ length: 20 }, async (_, n) => {
    await store.keys.put('k', String(n), { now: T0 })
    order.push(n)
  })
  await new Promise((resolve) => setTimeout(resolve, 20))
  db.exec('ROLLBACK')
  await Promise.all(calls)
  expect(order).toEqual(Array.from({ length: 20 }, (_, n) => n))
  expect((await store.keys.get('k', { now: T0 }))?.value).toBe('19')
  db.close()
})

it('gives up with store_failed where the lock is never freed, and works again afterwards', async () => {
  const path = temporaryFile()
  const store = await openStore(path, { lockTimeoutMs: 30 })
  const db = host(path)
  const calls = await Promise.allSettled([1, 2, 3].map((n) => store.keys.put(`k${n}`, 'v', { now: T0 })))
  for (const call of calls) {
    expect(call.status === 'rejected' && isSignalboxError(call.reason, 'store_failed')).toBe(true)
  }
  db.exec('ROLLBACK')
  db.close()
  await store.keys.put('k', 'v', { now: T0 })
  expect(await store.keys.get('k1', { now: T0 })).toBeUndefined()
})

it('reads while a host transaction is open, and sees only what is committed', async () => {
  const path = temporaryFile()
  const store = await openStore(path, { lockTimeoutMs: 0 })
  await store.deliveries.enqueue(aBatch('con_a', 'e', 1))
  const db = host(path)
  store.deliveries.enqueueOn?.(db, aBatch('con_a', 'f', 1))
  expect(await store.events.get({ orgId: 'org_a', id: 'e0' })).toBeDefined()
  expect(await store.events.get({ orgId: 'org_a', id: 'f0' })).toBeUndefined()
  db.exec('COMMIT')
  expect(await store.events.get({ orgId: 'org_a', id: 'f0' })).toBeDefined()
  db.close()
})

it('two stores on one file share the work: nothing is leased twice, nothing is left', async () => {
  const path = temporaryFile()
  const stores = [await openStore(path), await openStore(path)]
  const [first] = stores
  for (let n = 0; n < 5; n++) {
    await first?.connections.insert(aConnection(`con_${n}`))
    await first?.deliveries.enqueue(aBatch(`con_${n}`, `e${n}_`, 60))
  }
  const seen: string[] = []
  const work = async (store: Store) => {
    for (;;) {
      const { deliveries } = await claim(store, T0, 7)
      if (deliveries.length === 0) return
      seen.push(...deliveries.map((row) => row.id))
      const { stale } = await store.deliveries.settle(deliveries.map((row) => delivered(row)))
      expect(stale).toEqual([])
    }
  }
  await Promise.all(stores.map(work))
  expect(seen).toHaveLength(300)
  expect(new Set(seen).size).toBe(300)
})

it('one store settles what another one leased, and sees its changes of connections at once', async () => {
  const path = temporaryFile()
  const a = await openStore(path)
  const b = await openStore(path)
  await a.connections.insert(aConnection('con_a'))
  await a.deliveries.enqueue(aBatch('con_a', 'e', 3))
  const first = await claim(a, T0, 1)
  expect((await b.deliveries.settle(first.deliveries.map((row) => delivered(row)))).stale).toEqual([])

  const second = await claim(a, T0, 1)
  await b.connections.update({ orgId: 'org_a', id: 'con_a' }, { config: { url: 'https://new.example.com' } }, 1)
  const third = await claim(a, T0, 1)
  expect(second.connections[0]?.config).toEqual({ url: 'https://hooks.example.com/con_a' })
  expect(third.connections[0]?.config).toEqual({ url: 'https://new.example.com' })
  expect(third.connections[0]?.health.lastSuccessAt).toBe(T0)
  await b.connections.delete({ orgId: 'org_a', id: 'con_a' }, { now: T0 })
  expect((await claim(a, T0)).deliveries).toEqual([])
})

it('an event whose key was used again after a purge in another store is the new one', async () => {
  const path = temporaryFile()
  const a = await openStore(path)
  const b = await openStore(path)
  await a.connections.insert(aConnection('con_a'))
  await a.deliveries.enqueue({ ...aBatch('con_a', 'old', 1), deliveries: [] })
  const purged = await b.deliveries.purge({ before: T0, eventsBefore: T0 + 1, now: T0, limit: 10 })
  expect(purged).toEqual({ removed: 1, more: false })
  await b.deliveries.enqueue(aBatch('con_a', 'new', 1))
  expect((await claim(a, T0)).events.map((event) => event.id)).toEqual(['new0'])
})
