import { DatabaseSync } from 'node:sqlite'
import { expect, it } from 'vitest'
import { aBatch, aConnection, claim, delivered, ORG, openStore, T0, temporaryFile } from './fixtures.ts'

const ref = { orgId: ORG, id: 'con_a' }

it('deleting a connection with thousands of deliveries cancels them all, and lets the event loop turn between', async () => {
  const store = await openStore(temporaryFile())
  await store.connections.insert(aConnection('con_a'))
  await store.deliveries.enqueue(aBatch('con_a', 'e', 3500))
  let turns = 0
  let deleting = true
  const count = (): void => {
    turns++
    if (deleting) setImmediate(count)
  }
  setImmediate(count)
  expect(await store.connections.delete(ref, { now: T0 + 1 })).toBe(true)
  deleting = false
  expect(turns).toBeGreaterThanOrEqual(3)
  const left = await store.deliveries.list({ orgId: ORG, limit: 10, status: ['pending', 'sending'] })
  expect(left.items).toEqual([])
  const cancelled = await store.deliveries.list({ orgId: ORG, limit: 1000, status: ['cancelled'] })
  expect(cancelled.items).toHaveLength(1000)
  expect(cancelled.items.every((row) => row.finishedAt === T0 + 1)).toBe(true)
})

it('claims cancel what a deletion left over when its process died, portion by portion', async () => {
  const path = temporaryFile()
  const store = await openStore(path)
  await store.connections.insert(aConnection('con_a'))
  await store.deliveries.enqueue(aBatch('con_a', 'e', 2500))
  const db = new DatabaseSync(path)
  db.exec('DELETE FROM signalbox_connection; DELETE FROM signalbox_health')
  db.close()
  let claims = 0
  for (; ; claims++) {
    const { deliveries, nextAt } = await claim(store, T0)
    expect(deliveries).toEqual([])
    if (nextAt === null) break
    expect(nextAt).toBeLessThanOrEqual(T0)
  }
  expect(claims).toBeGreaterThan(1)
  expect((await store.deliveries.list({ orgId: ORG, limit: 1, status: ['pending'] })).items).toEqual([])
})

it('a clock that was wrong by a day and is set right does not hold up deliveries for a day', async () => {
  const day = 86_400_000
  const store = await openStore(temporaryFile())
  await store.connections.insert(aConnection('con_a'))
  await store.deliveries.enqueue(aBatch('con_a', 'wrong', 2, T0 + day))
  const early = await claim(store, T0 + day, 1)
  await store.deliveries.settle(early.deliveries.map((row) => delivered(row)))
  await store.deliveries.enqueue(aBatch('con_a', 'right', 1, T0))
  expect((await claim(store, T0)).deliveries.map((row) => row.id)).toEqual(['dlv_right0'])
})

it('each of many attempts is kept, the first one too, and goes with the delivery when it is purged', async () => {
  const path = temporaryFile()
  const store = await openStore(path)
  await store.connections.insert(aConnection('con_a'))
  await store.deliveries.enqueue(aBatch('con_a', 'e', 1))
  for (let n = 1; n <= 12; n++) {
    const { deliveries } = await claim(store, T0 + n)
    const [one] = deliveries.map((row) => delivered(row, T0 + n))
    if (!one) throw new Error('nothing was claimed')
    await store.deliveries.settle([n === 12 ? one : { ...one, next: { status: 'pending', dueAt: T0 + n } }])
  }
  const attempts = await store.deliveries.attempts({ orgId: ORG, id: 'dlv_e0' })
  expect(attempts.map((attempt) => [attempt.number, attempt.startedAt - T0])).toEqual(
    Array.from({ length: 12 }, (_, n) => [n + 1, n + 1]),
  )
  await store.deliveries.purge({ before: T0 + 100, eventsBefore: T0 + 100, now: T0 + 100, limit: 100 })
  const db = new DatabaseSync(path)
  for (const table of ['delivery', 'attempt', 'event']) {
    expect(db.prepare(`SELECT count(*) AS n FROM signalbox_${table}`).get()).toEqual({ n: 0 })
  }
  db.close()
})

it('a purge over many organisations finds what is due in each', async () => {
  const store = await openStore(temporaryFile())
  const batches = Array.from({ length: 1200 }, (_, n) => {
    const [event] = aBatch('con_a', `e${n}_`, 1).events
    if (!event) throw new Error('a batch of one has one event')
    return { ...event, orgId: `org_${n}` }
  })
  await store.deliveries.enqueue({ events: batches, deliveries: [], collect: [] })
  const request = { before: T0, eventsBefore: T0 + 1, now: T0, limit: 900 }
  expect(await store.deliveries.purge(request)).toEqual({ removed: 900, more: true })
  expect(await store.deliveries.purge(request)).toEqual({ removed: 300, more: false })
})

it('an expired key leaves the file when it is purged', async () => {
  const path = temporaryFile()
  const store = await openStore(path)
  await store.keys.put('old', 'v', { now: T0, expiresAt: T0 + 1 })
  await store.keys.put('kept', 'v', { now: T0, expiresAt: T0 + 100 })
  await store.deliveries.purge({ before: T0, eventsBefore: T0, now: T0 + 50, limit: 10 })
  const db = new DatabaseSync(path)
  expect(db.prepare('SELECT key FROM signalbox_key').all()).toEqual([{ key: 'kept' }])
  db.close()
})

it('an event collected again after its digest was sealed begins a digest of its own', async () => {
  const store = await openStore(temporaryFile())
  await store.connections.insert(aConnection('con_a'))
  const { events } = aBatch('con_a', 'e', 2)
  const member = (eventId: string) => ({
    orgId: ORG,
    connectionId: 'con_a',
    key: '',
    eventId,
    at: T0,
    closesAt: T0,
    mustCloseAt: T0,
    maxItems: 10,
    keep: 'first' as const,
  })
  await store.deliveries.enqueue({ events, deliveries: [], collect: [member('e0')] })
  const first = await claim(store, T0)
  await store.deliveries.enqueue({ events: [], deliveries: [], collect: [member('e0'), member('e1')] })
  const second = await claim(store, T0)
  expect(first.deliveries[0]?.digest?.eventIds).toEqual(['e0'])
  expect(second.deliveries[0]?.digest?.eventIds).toEqual(['e0', 'e1'])
  expect(second.deliveries[0]?.id).not.toBe(first.deliveries[0]?.id)
})
