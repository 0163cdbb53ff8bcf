import { expect, it } from 'vitest'
import type { Store } from '../../../src/contracts/index.ts'
import { type KeyValue, keyValueStore } from '../../../src/stores/key-value.ts'
import { aConnection, aDelivery, anEvent, claim, settlement, T0 } from './fixtures.ts'
import { mapKv } from './map.ts'

/** Counts what is asked of a database. */
function watched(kv: KeyValue) {
  const asked = { calls: 0, commits: 0, entries: 0, conflicts: 0 }
  const counting: KeyValue = {
    async get(key) {
      asked.calls++
      return kv.get(key)
    },
    async list(...request) {
      asked.calls++
      const found = await kv.list(...request)
      asked.entries += found.length
      return found
    },
    async commit(checks, writes) {
      asked.calls++
      asked.commits++
      const done = await kv.commit(checks, writes)
      if (!done) asked.conflicts++
      return done
    },
  }
  return { kv: counting, asked }
}

async function fill(store: Store, connections: number, pending: number): Promise<void> {
  for (let n = 0; n < connections; n++) await store.connections.insert(aConnection(`con_${n}`))
  const ids = Array.from({ length: pending }, (_, n) => `e${n}`)
  const deliveries = ids.map((id, n) => aDelivery(`con_${n % connections}`, id))
  await store.deliveries.enqueue({ events: ids.map((id) => anEvent(id)), deliveries, collect: [] })
}

/** What a claim of 32 and its settle ask of the database, once it has been told of all that waits. */
async function costOf(connections: number, pending: number) {
  const { kv, asked } = watched(mapKv())
  const store = keyValueStore({ kv })
  await fill(store, connections, pending)
  await store.deliveries.nextDueAt(['webhook'])
  const before = { ...asked }
  const { deliveries } = await claim(store, { now: T0, limit: 32, perConnection: 8 })
  await store.deliveries.settle(deliveries.map((row) => settlement(row, T0)))
  return { taken: deliveries.length, calls: asked.calls - before.calls, entries: asked.entries - before.entries }
}

it('what a claim and its settle cost does not grow with what waits, nor with the number of connections', async () => {
  const small = await costOf(40, 400)
  expect(small.taken).toBe(32)
  expect(await costOf(40, 8000)).toEqual(small)
  expect(await costOf(800, 8000)).toEqual(small)
})

it('processes that enqueue, claim and settle for different connections never meet', async () => {
  const { kv, asked } = watched(mapKv())
  const stores = Array.from({ length: 4 }, () => keyValueStore({ kv }))
  const [first] = stores as [Store]
  await fill(first, 8, 80)
  await Promise.all(
    stores.map(async (store, n) => {
      const ids = Array.from({ length: 80 }, (_, m) => `dlv_con_${m % 8}_e${m}`).filter((_, m) => m % 4 === n)
      const { deliveries } = await claim(store, { now: T0, ids })
      expect(deliveries).toHaveLength(20)
      const more = [`x${n}`, `y${n}`]
      await store.deliveries.enqueue({
        events: more.map((id) => anEvent(id)),
        deliveries: more.map((id) => aDelivery(`con_${(n + 1) % 8}`, id)),
        collect: [],
      })
      await store.deliveries.settle(deliveries.map((row) => settlement(row, T0)))
    }),
  )
  expect(asked.conflicts).toBe(0)
})

it('a call is one commit where there is room for it', async () => {
  const { kv, asked } = watched(mapKv())
  const store = keyValueStore({ kv })
  await fill(store, 2, 10)
  const commits = async <T>(call: Promise<T>): Promise<readonly [number, T]> => {
    const before = asked.commits
    const result = await call
    return [asked.commits - before, result]
  }
  const of = (n: number) => Array.from({ length: n }, (_, m) => `more${n}_${m}`)
  const enqueue = (ids: readonly string[]) =>
    store.deliveries.enqueue({
      events: ids.map((id) => anEvent(id)),
      deliveries: ids.map((id) => aDelivery('con_0', id)),
      collect: [],
    })
  expect((await commits(enqueue(of(12))))[0]).toBe(1)
  expect((await commits(enqueue(of(24))))[0]).toBe(2)
  await store.deliveries.nextDueAt(['webhook'])
  const [claiming, { deliveries }] = await commits(claim(store, { now: T0, limit: 10, perConnection: 5 }))
  expect([claiming, deliveries.length]).toEqual([2, 10])
  const leases = deliveries.map(({ id, connectionId, token }) => ({ deliveryId: id, connectionId, token }))
  expect((await commits(store.deliveries.renew(leases, T0 + 60_000)))[0]).toBe(1)
  expect((await commits(store.deliveries.settle(deliveries.map((row) => settlement(row, T0)))))[0]).toBe(1)
})
