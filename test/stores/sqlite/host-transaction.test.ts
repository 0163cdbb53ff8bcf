import { DatabaseSync } from 'node:sqlite'
import { expect, it } from 'vitest'
import { aBatch, aConnection, claim, ORG, openStore, T0, temporaryFile } from './fixtures.ts'

async function world() {
  const path = temporaryFile()
  const store = await openStore(path)
  await store.connections.insert(aConnection('con_a'))
  const host = new DatabaseSync(path)
  host.exec('CREATE TABLE invoice (id INTEGER PRIMARY KEY)')
  const enqueueOn = store.deliveries.enqueueOn?.bind(store.deliveries)
  if (!enqueueOn) throw new Error('the store has no enqueueOn')
  return { store, host, enqueueOn }
}

it("the event joins the host's transaction: both are there, or neither is", async () => {
  const { store, host, enqueueOn } = await world()
  for (const end of ['ROLLBACK', 'COMMIT'] as const) {
    host.exec('BEGIN IMMEDIATE')
    host.exec('INSERT INTO invoice DEFAULT VALUES')
    expect(enqueueOn(host, aBatch('con_a', 'e', 2))).toEqual({ duplicates: [] })
    host.exec(end)
    const invoices = host.prepare('SELECT count(*) AS n FROM invoice').get()
    const { deliveries } = await claim(store, T0)
    expect([invoices?.n, deliveries.length]).toEqual(end === 'COMMIT' ? [1, 2] : [0, 0])
  }
  host.close()
})

it('what a rollback took away does not come back through anything that was remembered', async () => {
  const { store, host, enqueueOn } = await world()
  host.exec('BEGIN IMMEDIATE')
  enqueueOn(host, aBatch('con_new', 'e', 1))
  host.exec('ROLLBACK')
  await store.connections.insert(aConnection('con_other'))
  await store.deliveries.enqueue(aBatch('con_other', 'f', 1))
  host.exec('BEGIN IMMEDIATE')
  enqueueOn(host, aBatch('con_a', 'g', 1))
  host.exec('COMMIT')
  const { deliveries, events } = await claim(store, T0)
  expect(deliveries.map((row) => [row.id, row.connectionId, row.eventId]).sort()).toEqual([
    ['dlv_f0', 'con_other', 'f0'],
    ['dlv_g0', 'con_a', 'g0'],
  ])
  expect(events.map((event) => event.id).sort()).toEqual(['f0', 'g0'])
  host.close()
})

it("a batch that can't be stored leaves the host's transaction as it was", async () => {
  const { store, host, enqueueOn } = await world()
  const batch = aBatch('con_a', 'e', 3)
  const poisoned = batch.events.map((event, n) => (n === 2 ? { ...event, metadata: { amount: 1n } } : event))
  host.exec('BEGIN IMMEDIATE')
  host.exec('INSERT INTO invoice DEFAULT VALUES')
  expect(() => enqueueOn(host, { ...batch, events: poisoned })).toThrow(
    expect.objectContaining({ code: 'store_failed' }),
  )
  host.exec('COMMIT')
  expect(host.prepare('SELECT count(*) AS n FROM invoice').get()?.n).toBe(1)
  expect((await store.events.list({ orgId: ORG, limit: 10 })).items).toEqual([])
  host.close()
})

it('refuses what is no handle, and a handle without an open transaction', async () => {
  const { host, enqueueOn } = await world()
  for (const db of [undefined, null, {}, 'store.db', host]) {
    expect(() => enqueueOn(db, aBatch('con_a', 'e', 1))).toThrow(
      expect.objectContaining({ code: 'invalid_input', field: 'db' }),
    )
  }
  host.close()
})

it('a tx on the asynchronous calls is refused: there is none to join', async () => {
  const { store, host } = await world()
  const refused = expect.objectContaining({ code: 'invalid_input', field: 'tx' })
  await expect(store.deliveries.enqueue({ ...aBatch('con_a', 'e', 1), tx: host })).rejects.toEqual(refused)
  await expect(store.connections.subscribed(ORG, { tx: host })).rejects.toEqual(refused)
  host.close()
})
