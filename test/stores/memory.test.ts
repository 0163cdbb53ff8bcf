import { describe, expect, it } from 'vitest'
import type { ConnectionRecord, NewDelivery, Store } from '../../src/contracts/index.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { storeContract } from '../../src/testing/index.ts'
import { testEach } from '../support/cases.ts'

const NOW = 1_780_000_000_000

describe('memoryStore', () => {
  testEach(storeContract({ create: async () => memoryStore() }))

  it('has no transactions and outlives nothing, and says so', () => {
    expect(memoryStore().capabilities).toEqual({ tx: false, durable: false })
  })

  it('shares one claim equally among the connections with due work', async () => {
    const store = memoryStore()
    for (const id of ['con_a', 'con_b', 'con_c']) await store.connections.insert(connection(id))
    await enqueue(store, 'con_a', 500)
    await enqueue(store, 'con_b', 500)
    await enqueue(store, 'con_c', 2)
    const { deliveries } = await claim(store, 30)
    const counts = Map.groupBy(deliveries, (row) => row.connectionId)
    expect([...counts].map(([id, rows]) => [id, rows.length])).toEqual([
      ['con_a', 14],
      ['con_b', 14],
      ['con_c', 2],
    ])
  })

  it('orders a fifo connection as it was enqueued, also where it became fifo while deliveries waited', async () => {
    const store = memoryStore()
    await store.connections.insert(connection('con_a'))
    await enqueue(store, 'con_a', 3, (n) => NOW - n)
    const order: string[] = []
    await store.connections.update({ orgId: 'org_a', id: 'con_a' }, { ordering: 'fifo' }, 1)
    for (let n = 0; n < 3; n++) {
      const [row] = (await claim(store, 10)).deliveries
      if (row === undefined) break
      order.push(row.id)
      const { orgId, connectionId, token } = row
      const done = { exchanges: 1, attempts: [], next: { status: 'delivered' }, at: NOW } as const
      await store.deliveries.settle([{ orgId, connectionId, token, deliveryId: row.id, ...done }])
    }
    expect(order).toEqual(['dlv_con_a_0', 'dlv_con_a_1', 'dlv_con_a_2'])
  })

  it('refuses to remove everything of every organisation', async () => {
    const request = { everything: true, before: NOW, eventsBefore: NOW, now: NOW, limit: 10 }
    await expect(memoryStore().deliveries.purge(request)).rejects.toMatchObject({
      code: 'invalid_input',
      field: 'everything',
    })
  })

  it('two stores share nothing', async () => {
    const [one, other] = [memoryStore(), memoryStore()]
    await one.connections.insert(connection('con_a'))
    expect(await other.connections.get({ orgId: 'org_a', id: 'con_a' })).toBeUndefined()
  })
})

function connection(id: string): ConnectionRecord {
  return {
    id,
    orgId: 'org_a',
    transport: 'webhook',
    label: id,
    config: {},
    categories: [],
    eventTypes: [],
    status: 'active',
    health: { consecutiveFailures: 0 },
    createdAt: NOW,
    updatedAt: NOW,
    version: 1,
  }
}

async function enqueue(store: Store, connectionId: string, count: number, dueAt = (_: number) => NOW): Promise<void> {
  const deliveries = Array.from(
    { length: count },
    (_, n): NewDelivery => ({
      id: `dlv_${connectionId}_${n}`,
      orgId: 'org_a',
      connectionId,
      kind: 'event',
      messageId: `msg_${n}`,
      dueAt: dueAt(n),
      createdAt: NOW,
    }),
  )
  await store.deliveries.enqueue({ events: [], deliveries, collect: [] })
}

function claim(store: Store, limit: number) {
  const request = { now: NOW, perConnection: 1000, leaseMs: 1000, transports: ['webhook'] }
  return store.deliveries.claim({ ...request, limit, token: `tok_${limit}` })
}
