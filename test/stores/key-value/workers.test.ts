import { expect, it } from 'vitest'
import type { LeasedDelivery, Store } from '../../../src/contracts/index.ts'
import { keyValueStore } from '../../../src/stores/key-value.ts'
import { aConnection, aDelivery, anEvent, claim, ORG, settlement, T0 } from './fixtures.ts'
import { mapKv } from './map.ts'
import { conflicting, lagging, reproducible } from './wrapped.ts'

const CAPS: Readonly<Record<string, number>> = { con_0: 2, con_1: 1, con_2: 3, con_3: 3 }

/** Two processes that enqueue, claim, settle, retry, release and die over one database, at random, at the same time. */
async function run(stores: readonly Store[], clock: { now: number }, seed: number): Promise<void> {
  const random = reproducible(seed)
  const pick = (n: number) => Math.floor(random() * n)
  const held = new Map<string, LeasedDelivery>()
  const delivered = new Set<string>()
  const order: string[] = []
  let enqueued = 0

  async function work(store: Store, dies: number): Promise<void> {
    const { deliveries } = await claim(store, { now: clock.now, limit: 1 + pick(6), perConnection: 3, leaseMs: 100 })
    for (const row of deliveries) {
      expect(held.has(row.id) || delivered.has(row.id), `${row.id} was handed out twice`).toBe(false)
      held.set(row.id, row)
    }
    const running = Map.groupBy(held.values(), (row) => row.connectionId)
    for (const [id, rows] of running) expect(rows.length, id).toBeLessThanOrEqual(CAPS[id] ?? 0)
    for (const row of deliveries) {
      const what = random()
      if (what < dies) continue
      const retried = what > 0.75 && what < 0.9
      if (what >= 0.9) {
        held.delete(row.id)
        await store.deliveries.release([{ deliveryId: row.id, connectionId: row.connectionId, token: row.token }])
        continue
      }
      const next = retried ? ({ status: 'pending', dueAt: clock.now + pick(80) } as const) : undefined
      // before others may have it
      held.delete(row.id)
      if (!retried) delivered.add(row.id)
      if (!retried && row.connectionId === 'con_1') order.push(row.id)
      expect((await store.deliveries.settle([settlement(row, clock.now, next)])).stale).toEqual([])
    }
  }
  const step = async (dies: number) => {
    for (const [id, row] of held) if (row.leasedUntil <= clock.now) held.delete(id)
    await Promise.all([...stores, ...stores].map((store) => work(store, dies)))
  }
  for (let n = 0; n < 150; n++) {
    clock.now += pick(50)
    const connectionId = `con_${pick(4)}`
    const ids = Array.from({ length: pick(4) }, (_, m) => `${String(n).padStart(3, '0')}_${m}`)
    const deliveries = ids.map((id) => aDelivery(connectionId, id, { dueAt: clock.now, createdAt: clock.now }))
    enqueued += ids.length
    const batch = { events: ids.map((id) => anEvent(id)), deliveries, collect: [] }
    // rarely, so that none is lost five times in a row
    await Promise.all([stores[n % 2]?.deliveries.enqueue(batch), step(0.03)])
  }
  for (let n = 0; delivered.size < enqueued && n < 800; n++, clock.now += 50) await step(0)
  expect(delivered.size).toBe(enqueued)
  expect(order).toEqual(order.toSorted())
  clock.now += 10_000
  expect((await claim(stores[0] as Store, { now: clock.now })).nextAt).toBeNull()
}

async function prepare(store: Store): Promise<void> {
  await store.setup()
  await store.connections.insert(aConnection('con_0', { maxInFlight: 2 }))
  await store.connections.insert(aConnection('con_1', { ordering: 'fifo' }))
  await store.connections.insert(aConnection('con_2'))
  await store.connections.insert(aConnection('con_3', { pace: { perSecond: 20, burst: 4 } }))
}

it.each([1, 2, 3])(
  'two processes never lease a delivery twice, keep caps and order, and lose nothing (%i)',
  async (seed) => {
    const kv = conflicting(mapKv(), 0.05, seed)
    const stores = [keyValueStore({ kv }), keyValueStore({ kv })]
    await prepare(stores[0] as Store)
    await run(stores, { now: T0 }, seed)
  },
)

it.each([4, 5, 6])('the same over lists that are behind by a stated time (%i)', async (seed) => {
  const clock = { now: T0 }
  const kv = lagging(mapKv(), () => clock.now, 40)
  const stores = [keyValueStore({ kv, listLagMs: 40 }), keyValueStore({ kv, listLagMs: 40 })]
  await prepare(stores[0] as Store)
  await run(stores, clock, seed)
})

it('over lists that are behind, what was enqueued is found within twice that time', async () => {
  const clock = { now: T0 }
  const kv = lagging(mapKv(), () => clock.now, 1000)
  const store = keyValueStore({ kv, listLagMs: 1000 })
  await prepare(store)
  clock.now += 5000
  await store.deliveries.enqueue({ events: [anEvent('e1')], deliveries: [aDelivery('con_2', 'e1')], collect: [] })
  const found: string[] = []
  for (const until = clock.now + 2000; clock.now <= until; clock.now += 100) {
    found.push(...(await claim(store, { now: clock.now })).deliveries.map((row) => row.id))
  }
  expect(found).toEqual(['dlv_con_2_e1'])
})

it('of claims at one moment each finds work, and nothing is leased twice', async () => {
  const kv = mapKv()
  const stores = Array.from({ length: 4 }, () => keyValueStore({ kv }))
  const [first] = stores as [Store]
  for (let n = 0; n < 40; n++) await first.connections.insert(aConnection(`con_${n}`))
  const ids = Array.from({ length: 400 }, (_, n) => `e${n}`)
  const deliveries = ids.map((id, n) => aDelivery(`con_${n % 40}`, id))
  await first.deliveries.enqueue({ events: ids.map((id) => anEvent(id)), deliveries, collect: [] })
  const claims = await Promise.all(stores.map((store) => claim(store, { now: T0, limit: 100, perConnection: 8 })))
  const rows = claims.flatMap((result) => result.deliveries)
  expect(new Set(rows.map((row) => row.id)).size).toBe(rows.length)
  for (const of of Map.groupBy(rows, (row) => row.connectionId).values()) expect(of.length).toBeLessThanOrEqual(8)
  for (const result of claims) expect(result.deliveries.length).toBeLessThanOrEqual(100)
  expect(rows.every((row) => row.orgId === ORG)).toBe(true)
})

it('a clock that was an hour ahead, and is set back, holds nothing up', async () => {
  const store = keyValueStore({ kv: mapKv() })
  for (const id of ['con_0', 'con_1', 'con_2', 'con_3', 'con_4', 'con_5']) {
    await store.connections.insert(aConnection(id))
    const ids = ['a', 'b', 'c'].map((each) => `${id}_${each}`)
    const deliveries = ids.map((each) => aDelivery(id, each))
    await store.deliveries.enqueue({ events: ids.map((each) => anEvent(each)), deliveries, collect: [] })
  }
  const ahead = await claim(store, { now: T0 + 3_600_000, perConnection: 1 })
  await store.deliveries.settle(ahead.deliveries.map((row) => settlement(row, T0 + 3_600_000)))
  const taken: string[] = []
  for (let n = 0, nextAt: number | null = T0; n < 20 && nextAt !== null && nextAt <= T0 + n; n++) {
    const result = await claim(store, { now: T0 + n })
    taken.push(...result.deliveries.map((row) => row.id))
    nextAt = result.nextAt
  }
  expect(ahead.deliveries.length + taken.length).toBe(18)
})
