import assert from 'node:assert/strict'
import type { Store } from '../../contracts/index.ts'
import { subscribed } from './connections.ts'
import {
  aConnection,
  aDelivery,
  aMember,
  anEvent,
  type Case,
  claim,
  claimIds,
  delivery,
  deliveryId,
  enqueue,
  fill,
  ORG,
  only,
  settlement,
  statusOf,
  T0,
} from './world.ts'

type Purge = Parameters<Store['deliveries']['purge']>[0]

/** Purges until there is no more, and answers in how many calls. */
async function purgeAll(store: Store, request: Partial<Purge>): Promise<number> {
  for (let calls = 1; calls < 200; calls++) {
    const { removed, more } = await store.deliveries.purge({
      before: T0,
      eventsBefore: T0,
      now: T0,
      limit: 100,
      ...request,
    })
    if (!more) return calls
    assert.ok(removed > 0, 'a purge that promises more removes something')
  }
  throw new Error('purge promises more for ever')
}

async function eventIds(store: Store, orgId = ORG): Promise<readonly string[]> {
  return (await store.events.list({ orgId, limit: 1000 })).items.map((row) => row.id)
}

export const upkeepCases: readonly Case[] = [
  {
    name: 'purge: removes what ended before the instant, with its attempts; what waits, runs or ended later stays',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      const ids = await fill(store, 'con_a', 6, { delivery: (n) => (n === 5 ? { dueAt: T0 + 1e9 } : {}) })
      const rows = (await claim(store, { now: T0, leaseMs: 1e9 })).deliveries
      const [a, b, c, d] = rows
      assert.ok(a && b && c && d)
      await store.deliveries.settle([
        settlement(a, { status: 'delivered' }, { at: T0 + 10 }),
        settlement(b, { status: 'failed', failure: 'exhausted' }, { at: T0 + 19 }),
        settlement(c, { status: 'delivered' }, { at: T0 + 20 }),
      ])
      await purgeAll(store, { before: T0 + 20, eventsBefore: 0, now: T0 + 30 })
      for (const row of [a, b]) {
        assert.equal(await store.deliveries.get(row), undefined)
        assert.deepEqual(await store.deliveries.attempts(row), [])
      }
      assert.deepEqual([await statusOf(store, c.id), await statusOf(store, d.id)], ['delivered', 'sending'])
      assert.equal((await store.deliveries.attempts(c)).length, 1)
      assert.equal(await statusOf(store, String(ids[5])), 'pending')
      assert.equal((await store.deliveries.list({ orgId: ORG, limit: 100 })).items.length, 4)
      assert.equal((await eventIds(store)).length, 6, 'events have an end of their own')
      assert.deepEqual((await store.deliveries.settle([settlement(d)])).stale, [])
    },
  },
  {
    name: 'purge: an event stays while a delivery or an open digest needs it',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      await enqueue(store, {
        events: ['free', 'waiting', 'ended', 'open', 'sealed'].map((id) => anEvent(id)),
        deliveries: [aDelivery('con_a', 'waiting', { dueAt: T0 + 1e9 }), aDelivery('con_a', 'ended')],
        collect: [aMember('open'), aMember('sealed', { key: 'k' })],
      })
      await enqueue(store, { events: [anEvent('new', { acceptedAt: T0 + 5 })] })
      const sealed = await store.digests.seal({ orgId: ORG, connectionId: 'con_a', key: 'k', now: T0 })
      const ended = only((await claim(store, { now: T0, ids: [deliveryId('con_a', 'ended')] })).deliveries, 'delivery')
      await store.deliveries.settle([settlement(ended, { status: 'delivered' }, { at: T0 + 1 })])
      await purgeAll(store, { before: 0, eventsBefore: T0 + 5 })
      assert.deepEqual([...(await eventIds(store))].sort(), ['ended', 'new', 'open', 'sealed', 'waiting'])
      // twice: events that deliveries of the first call needed may take a second one
      for (let n = 0; n < 2; n++) await purgeAll(store, { before: T0 + 2, eventsBefore: T0 + 5 })
      assert.deepEqual([...(await eventIds(store))].sort(), ['new', 'open', 'sealed', 'waiting'])
      const claimed = await claim(store, { now: T0 + 60_000 })
      assert.ok(claimed.deliveries.some((row) => row.id === sealed))
      assert.deepEqual(claimed.events.map((row) => row.id).sort(), ['open', 'sealed'])
      await store.deliveries.settle(claimed.deliveries.map((row) => settlement(row, undefined, { at: T0 + 60_000 })))
      for (let n = 0; n < 2; n++) await purgeAll(store, { before: T0 + 60_001, eventsBefore: T0 + 6 })
      assert.deepEqual(await eventIds(store), ['waiting'])
      const again = await enqueue(store, { events: [anEvent('free')] })
      assert.deepEqual(again.duplicates, [], 'what was purged is no longer known')
    },
  },
  {
    name: 'purge: at most limit rows of a kind a call, until there is no more',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      await fill(store, 'con_a', 25)
      const { deliveries } = await claim(store, { now: T0 })
      await store.deliveries.settle(deliveries.map((row) => settlement(row)))
      const request = { before: T0 + 1, eventsBefore: T0 + 1, now: T0 + 9, limit: 10 }
      const first = await store.deliveries.purge(request)
      assert.equal(first.more, true)
      assert.equal((await store.deliveries.list({ orgId: ORG, limit: 100 })).items.length, 15)
      assert.ok((await eventIds(store)).length >= 15)
      await purgeAll(store, request)
      assert.deepEqual((await store.deliveries.list({ orgId: ORG, limit: 100 })).items, [])
      await purgeAll(store, request)
      assert.deepEqual(await eventIds(store), [])
      assert.deepEqual(await store.deliveries.purge(request), { removed: 0, more: false })
    },
  },
  {
    name: 'purge: with an organisation only what is its own; everything takes all of it and leaves the others whole',
    async run({ store }) {
      for (const orgId of [ORG, 'org_b']) {
        const id = `con_${orgId}`
        await store.connections.insert(aConnection(id, { orgId, uniqueKey: 'k' }))
        await fill(store, id, 12, { delivery: (n) => ({ orgId, dueAt: n < 4 ? T0 : T0 + 1e6 }) })
        await enqueue(store, { collect: [aMember(`${id}_e00000`, { orgId, connectionId: id })] })
      }
      const { deliveries } = await claim(store, { now: T0 })
      await store.deliveries.settle(deliveries.slice(0, 6).map((row) => settlement(row)))
      const { version } = await subscribed(store.connections.subscribed('org_b'))
      const others = await store.connections.subscribed(ORG)
      const ended = await store.deliveries.list({ orgId: 'org_b', status: ['delivered'], limit: 100 })
      const done = deliveries.slice(0, 6).filter((row) => row.orgId === ORG).length
      await purgeAll(store, { orgId: ORG, before: T0 + 1e9, eventsBefore: 0, limit: 2 })
      assert.equal((await store.deliveries.list({ orgId: ORG, limit: 100 })).items.length, 12 - done)
      assert.deepEqual(await store.deliveries.list({ orgId: 'org_b', status: ['delivered'], limit: 100 }), ended)

      await purgeAll(store, { orgId: 'org_b', everything: true, before: 0, eventsBefore: 0, limit: 5 })
      assert.deepEqual((await store.connections.list({ orgId: 'org_b', limit: 10 })).items, [])
      assert.deepEqual((await store.deliveries.list({ orgId: 'org_b', limit: 10 })).items, [])
      assert.deepEqual((await store.digests.list({ orgId: 'org_b', limit: 10 })).items, [])
      assert.deepEqual(await eventIds(store, 'org_b'), [])
      const emptied = await subscribed(store.connections.subscribed('org_b', { since: version }))
      assert.deepEqual(emptied.connections, [])
      assert.ok(typeof others === 'object')
      assert.equal(await store.connections.subscribed(ORG, { since: others.version }), 'unchanged')
      assert.equal((await eventIds(store)).length, 12)
      const later = await claim(store, { now: T0 + 2e6 })
      assert.ok(later.deliveries.length > 0 && later.deliveries.every((row) => row.orgId === ORG))
      // the organisation may come back
      await store.connections.insert(aConnection('con_org_b', { orgId: 'org_b', uniqueKey: 'k' }))
    },
  },
  {
    name: 'tenants: a record of another organisation does not exist, for any call',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      const ids = await fill(store, 'con_a', 3, { prefix: 'e' })
      await enqueue(store, { collect: [aMember('e00000', { key: 'k', closesAt: T0 + 1e6, mustCloseAt: T0 + 1e6 })] })
      const [held, failing] = (await claim(store, { now: T0, limit: 2 })).deliveries
      assert.ok(held && failing)
      await store.deliveries.settle([settlement(failing, { status: 'failed', failure: 'exhausted' })])
      const orgId = 'org_b'
      const { connections, deliveries, digests, events } = store
      assert.equal(await connections.get({ orgId, id: 'con_a' }), undefined)
      assert.deepEqual((await connections.list({ orgId, limit: 10 })).items, [])
      assert.equal(await connections.delete({ orgId, id: 'con_a' }, { now: T0 }), false)
      assert.equal(await events.get({ orgId, id: 'e00000' }), undefined)
      assert.deepEqual((await events.list({ orgId, limit: 10 })).items, [])
      assert.equal(await deliveries.get({ orgId, id: String(ids[0]) }), undefined)
      assert.deepEqual(await deliveries.attempts({ orgId, id: failing.id }), [])
      assert.deepEqual((await deliveries.list({ orgId, limit: 10 })).items, [])
      assert.deepEqual((await deliveries.list({ orgId, connectionId: 'con_a', limit: 10 })).items, [])
      for (const filter of [{ ids }, { connectionId: 'con_a', failedSince: 0 }]) {
        const to = { status: 'pending', dueAt: T0 } as const
        assert.deepEqual(await deliveries.reschedule({ orgId, filter, to, now: T0, limit: 10 }), [])
      }
      const cancel = { orgId, filter: { ids }, to: { status: 'cancelled' }, now: T0, limit: 10 } as const
      assert.deepEqual(await deliveries.reschedule(cancel), [])
      assert.deepEqual((await deliveries.settle([{ ...settlement(held), orgId }])).stale, [held.id])
      assert.deepEqual((await digests.list({ orgId, limit: 10 })).items, [])
      assert.equal(await digests.peek({ orgId, connectionId: 'con_a', key: 'k' }), undefined)
      assert.equal(await digests.seal({ orgId, connectionId: 'con_a', key: 'k', now: T0 }), undefined)
      const purge = { before: T0 + 1e9, eventsBefore: T0 + 1e9, now: T0, limit: 100 }
      assert.deepEqual(await deliveries.purge({ ...purge, orgId }), { removed: 0, more: false })
      await deliveries.purge({ ...purge, orgId, everything: true })
      assert.equal((await deliveries.list({ orgId: ORG, limit: 10 })).items.length, 3)
      assert.equal((await digests.peek({ orgId: ORG, connectionId: 'con_a', key: 'k' }))?.total, 1)
      assert.deepEqual((await deliveries.settle([settlement(held)])).stale, [])
    },
  },
  {
    name: "tenants: a delivery of one organisation never goes to another one's connection",
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      const stray = aDelivery('con_a', 'e1', { orgId: 'org_b', id: 'dlv_stray' })
      await enqueue(store, { events: [anEvent('e1', { orgId: 'org_b' })], deliveries: [stray] })
      assert.deepEqual(await claimIds(store, { now: T0 }), [])
      assert.equal(await statusOf(store, 'dlv_stray', 'org_b'), 'cancelled')
    },
  },
  {
    name: 'setup: may be called again, and changes nothing',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      const [id] = await fill(store, 'con_a', 1)
      await store.setup()
      assert.equal(await statusOf(store, String(id)), 'pending')
    },
  },
  {
    name: 'durability: everything is there after the store was closed and opened again',
    needs: 'reopen',
    async run({ store, reopen }) {
      await store.connections.insert(aConnection('con_a', { pace: { perSecond: 0.001, burst: 4 }, uniqueKey: 'k' }))
      const ids = await fill(store, 'con_a', 5, { prefix: 'e' })
      await enqueue(store, { events: [anEvent('d1')], collect: [aMember('d1')] })
      const [a, b, c] = (await claim(store, { now: T0, limit: 3, leaseMs: 1000 })).deliveries
      assert.ok(a && b && c)
      const retry = { status: 'pending', dueAt: T0 + 500 } as const
      await store.deliveries.settle([settlement(a), settlement(b, retry, { blockedUntil: T0 + 100 })])
      const version = await store.keys.put('k', 'value', { now: T0, expiresAt: T0 + 1e9 })
      const before = await store.connections.get({ orgId: ORG, id: 'con_a' })
      const set = await subscribed(store.connections.subscribed(ORG))

      const again = await reopen()
      assert.deepEqual(await again.connections.get({ orgId: ORG, id: 'con_a' }), before)
      const known = await subscribed(again.connections.subscribed(ORG))
      assert.deepEqual(known.connections, set.connections)
      assert.deepEqual(await again.keys.get('k', { now: T0 }), { key: 'k', value: 'value', version })
      assert.equal((await delivery(again, a.id)).status, 'delivered')
      assert.equal((await again.deliveries.attempts(a)).length, 1)
      assert.deepEqual(await again.events.get({ orgId: ORG, id: 'e00000' }), anEvent('e00000'))
      const twice = await enqueue(again, { events: [anEvent('e00000')] })
      assert.equal(twice.duplicates.length, 1)
      assert.equal((await again.digests.peek({ orgId: ORG, connectionId: 'con_a', key: '' }))?.total, 1)
      assert.deepEqual(await claimIds(again, { now: T0 + 99 }), [], 'the cooldown holds')
      assert.equal((await claim(again, { now: T0 + 100, leaseMs: 1e9 })).deliveries.length, 1, 'so do the pace tokens')
      assert.deepEqual((await again.deliveries.settle([settlement(c)])).stale, [], 'a lease outlives the process')
      assert.equal((await again.deliveries.list({ orgId: ORG, limit: 10 })).items.length, ids.length)
    },
  },
  {
    name: 'durability: the version of subscriptions is not used again after the store was opened again',
    needs: 'reopen',
    async run({ store, reopen }) {
      const seen = new Set<string>()
      let each = store
      for (let n = 0; n < 3; n++) {
        for (let m = 0; m < 2; m++) {
          await each.connections.insert(aConnection(`con_${n}_${m}`))
          const { version } = await subscribed(each.connections.subscribed(ORG))
          assert.ok(!seen.has(version))
          seen.add(version)
        }
        each = await reopen()
      }
    },
  },
]
