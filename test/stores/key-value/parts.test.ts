import { expect, it } from 'vitest'
import type { EnqueueBatch } from '../../../src/contracts/index.ts'
import { keyValueStore } from '../../../src/stores/key-value.ts'
import { aConnection, aDelivery, anEvent, claim, ORG, settlement, T0 } from './fixtures.ts'
import { mapKv } from './map.ts'
import { counted, dying } from './wrapped.ts'

const COUNT = 60

function aBatch(): EnqueueBatch {
  const connections = Array.from({ length: COUNT }, (_, n) => `con_${n}`)
  const member = { orgId: ORG, connectionId: 'con_0', eventId: 'e1', at: T0, closesAt: T0, mustCloseAt: T0 }
  return {
    events: [anEvent('e1')],
    deliveries: connections.map((id) => aDelivery(id, 'e1')),
    collect: [{ ...member, key: '', maxItems: 10, keep: 'first' }],
  }
}

it('an event for more connections than a commit has room for is all or nothing, wherever the process dies', async () => {
  const outcomes = new Set<string>()
  for (let calls = 0; calls < 30; calls++) {
    const kv = mapKv()
    const whole = keyValueStore({ kv })
    await whole.setup()
    for (let n = 0; n < COUNT; n++) await whole.connections.insert(aConnection(`con_${n}`))
    const accepted = await keyValueStore({ kv: dying(counted(kv, 25), calls), maxWrites: 25 })
      .deliveries.enqueue(aBatch())
      .then(() => true)
      .catch(() => false)
    const claims = []
    for (let n = 0; n < 3; n++) claims.push(await claim(whole, { now: T0 + 10_000 + n, leaseMs: 1e9 }))
    const ids = claims.flatMap((result) => result.deliveries.map((row) => row.id))
    expect(new Set(ids).size).toBe(ids.length)
    const stored = (await whole.events.get({ orgId: ORG, id: 'e1' })) !== undefined
    // what was answered as accepted is there; what was not may be, whole
    if (accepted) expect(stored).toBe(true)
    expect(ids.length).toBe(stored ? COUNT + 1 : 0)
    outcomes.add(`${accepted} ${stored}`)
    if (!stored) expect(await whole.deliveries.enqueue(aBatch())).toEqual({ duplicates: [] })
    else expect((await whole.deliveries.enqueue(aBatch())).duplicates).toHaveLength(1)
  }
  expect([...outcomes].sort()).toEqual(['false false', 'true true'])
})

it('a digest is sealed once, wherever the process that seals it dies', async () => {
  for (let calls = 0; calls < 16; calls++) {
    const kv = mapKv()
    const store = keyValueStore({ kv })
    await store.connections.insert(aConnection('con_a'))
    const ids = Array.from({ length: 40 }, (_, n) => `e${n}`)
    const of = { orgId: ORG, connectionId: 'con_a', key: '' }
    const times = { at: T0, closesAt: T0 + 10, mustCloseAt: T0 + 10 }
    const collect = ids.map((eventId) => ({ ...of, ...times, eventId, maxItems: 30, keep: 'last' as const }))
    await store.deliveries.enqueue({ events: ids.map((id) => anEvent(id)), deliveries: [], collect })
    const other = keyValueStore({ kv: dying(counted(kv, 25), calls), maxWrites: 25 })
    const lost = await claim(other, { now: T0 + 10, leaseMs: 1000 }).catch(() => ({ deliveries: [] }))
    const claimed = await claim(store, { now: T0 + 2000 })
    const again = await claim(store, { now: T0 + 2001 })
    const rows = [...claimed.deliveries, ...again.deliveries]
    expect(rows.map((row) => [row.digest?.total, row.digest?.eventIds.length])).toEqual([[40, 30]])
    for (const row of lost.deliveries) expect(row.id).toBe(rows[0]?.id)
    await store.deliveries.settle(rows.map((row) => settlement(row, T0 + 2001)))
    for (let n = 0; n < 3; n++) {
      await store.deliveries.purge({ before: T0 + 3000, eventsBefore: T0 + 3000, now: T0 + 3000, limit: 1000 })
    }
    expect(await claim(store, { now: T0 + 3000 })).toMatchObject({ deliveries: [], nextAt: null })
    // the connection, its lane's places in the indexes, and nothing of the digest
    expect((await kv.list('', '', 1000, true)).map(({ key }) => key.split('!')[0])).toEqual(
      expect.not.arrayContaining(['member', 'ref', 'event', 'delivery', 'digest', 'closing']),
    )
  }
})

it('a digest of very many members: each one is a row of its own', async () => {
  const kv = mapKv()
  let largest = 0
  const watched = {
    ...kv,
    commit: (checks: Parameters<typeof kv.commit>[0], writes: Parameters<typeof kv.commit>[1]) => {
      for (const value of writes.values()) largest = Math.max(largest, value?.length ?? 0)
      return kv.commit(checks, writes)
    },
  }
  const store = keyValueStore({ kv: watched })
  await store.connections.insert(aConnection('con_a'))
  const of = { orgId: ORG, connectionId: 'con_a', key: '', at: T0, closesAt: T0 + 10, mustCloseAt: T0 + 10 }
  const ids = Array.from({ length: 3000 }, (_, n) => `e${n}`)
  const collect = ids.map((eventId) => ({ ...of, eventId, maxItems: 5, keep: 'first' as const }))
  await store.deliveries.enqueue({ events: ids.map((id) => anEvent(id)), deliveries: [], collect })
  const [sealed] = (await claim(store, { now: T0 + 10 })).deliveries
  expect([sealed?.digest?.total, sealed?.digest?.eventIds.length]).toEqual([3000, 5])
  expect(largest).toBeLessThan(2000)
})

it('refuses data that a newer version wrote', async () => {
  const kv = mapKv()
  await keyValueStore({ kv }).setup()
  await kv.commit(new Map(), new Map([['schema', JSON.stringify({ version: 99 })]]))
  await expect(keyValueStore({ kv }).setup()).rejects.toMatchObject({ code: 'schema_outdated' })
})

it.each([
  [{ kv: {} }, 'kv.get'],
  [{ kv: mapKv(), maxWrites: 24 }, 'maxWrites'],
  [{ kv: mapKv(), listLagMs: -1 }, 'listLagMs'],
  [{ kv: mapKv(), lag: 1 }, 'lag'],
])('refuses a wrong option %#', (options, field) => {
  expect(() => keyValueStore(options as Parameters<typeof keyValueStore>[0])).toThrow(
    expect.objectContaining({ code: 'invalid_input', field }),
  )
})
