import assert from 'node:assert/strict'
import { isSignalboxError } from '../../errors.ts'
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
  ORG,
  only,
  statusOf,
  T0,
} from './world.ts'

export const enqueueCases: readonly Case[] = [
  {
    name: 'enqueue: what was planned with other subscriptions is refused whole, where capabilities.checksSubscriptions',
    async run({ store }) {
      const before = await store.connections.subscribed(ORG)
      await store.connections.insert(aConnection('con_a'))
      const set = await store.connections.subscribed(ORG)
      assert.ok(set !== 'unchanged' && before !== 'unchanged')
      const put = (id: string, version: string) =>
        store.deliveries.enqueue({
          events: [anEvent(id)],
          deliveries: [aDelivery('con_a', id)],
          collect: [],
          subscriptions: [{ orgId: ORG, version }],
        })
      const checks = store.capabilities.checksSubscriptions === true
      const isStored = async (id: string): Promise<boolean> => {
        const event = await store.events.get({ orgId: ORG, id })
        const record = await store.deliveries.get({ orgId: ORG, id: deliveryId('con_a', id) })
        assert.equal(event === undefined, record === undefined, 'an event and its delivery')
        return event !== undefined
      }

      assert.notEqual((await put('e1', set.version)).outdated, true)
      assert.equal(await isStored('e1'), true, 'planned with what holds')
      assert.equal((await put('e2', before.version)).outdated ?? false, checks, 'planned before the first connection')
      assert.equal(await isStored('e2'), !checks)
      const { version } = only((await store.connections.list({ orgId: ORG, limit: 10 })).items, 'connection')
      await store.connections.update({ orgId: ORG, id: 'con_a' }, { categories: ['other'] }, version)
      assert.equal((await put('e3', set.version)).outdated ?? false, checks, 'planned before a change')
      assert.equal(await isStored('e3'), !checks)
      const { duplicates } = await put('e1', set.version)
      assert.deepEqual(duplicates, checks ? [] : [{ orgId: ORG, id: 'e1' }])
    },
  },
  {
    name: 'enqueue: an event and its delivery are stored; the delivery is pending with nothing attempted',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      const result = await enqueue(store, { events: [anEvent('e1')], deliveries: [aDelivery('con_a', 'e1')] })
      assert.deepEqual(result.duplicates, [])
      assert.deepEqual(await store.events.get({ orgId: ORG, id: 'e1' }), anEvent('e1'))
      assert.deepEqual(await delivery(store, deliveryId('con_a', 'e1')), {
        ...aDelivery('con_a', 'e1'),
        status: 'pending',
        attempts: 0,
        rounds: 0,
      })
    },
  },
  {
    name: 'enqueue: an event that nobody subscribed to is stored all the same',
    async run({ store }) {
      await enqueue(store, { events: [anEvent('e1')] })
      assert.deepEqual(await store.events.get({ orgId: ORG, id: 'e1' }), anEvent('e1'))
    },
  },
  {
    name: 'enqueue: events come back exactly: order of keys, unicode, numbers, absent fields, large metadata',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      const metadata = {
        zebra: 1,
        apple: { second: 2, first: 1, '': 'empty key' },
        text: 'Größe 日本語 \u2028 🦉 "quoted" \\ \u0001 \n',
        numbers: [0.1, -1.5e-7, 1e21, Number.MAX_SAFE_INTEGER, 0],
        list: [null, true, false, [], {}, [[1], { z: 1, a: 2 }]],
        large: 'x'.repeat(150_000),
      }
      const rich = anEvent('e "1" ü/🦉', {
        metadata,
        title: 'Ünïcode 🦉 «title»',
        body: 'line\nline\ttab',
        importance: 'urgent',
        timestamp: T0 - 86_400_000,
        acceptedAt: T0 + 1,
      })
      const { category: _category, ...bare } = anEvent('e2')
      await enqueue(store, { events: [rich, bare], deliveries: [aDelivery('con_a', rich.id)] })
      const stored = await store.events.get(rich)
      assert.deepEqual(stored, rich)
      assert.equal(JSON.stringify(stored?.metadata), JSON.stringify(metadata), 'keys in the order given')
      assert.deepEqual(await store.events.get(bare), bare)
      const claimed = only((await claim(store, { now: T0 })).events, 'event of the claim')
      assert.equal(JSON.stringify(claimed.metadata), JSON.stringify(metadata))
    },
  },
  {
    name: 'enqueue: a known event is left as it is, reported, and its deliveries and digest members are left out',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      await store.connections.insert(aConnection('con_b'))
      await enqueue(store, { events: [anEvent('e1')], deliveries: [aDelivery('con_a', 'e1')] })
      const result = await enqueue(store, {
        events: [anEvent('e1', { title: 'other' }), anEvent('e2')],
        deliveries: [aDelivery('con_b', 'e1'), aDelivery('con_b', 'e2')],
        collect: [aMember('e1'), aMember('e2')],
      })
      assert.deepEqual(
        result.duplicates.map(({ orgId, id }) => ({ orgId, id })),
        [{ orgId: ORG, id: 'e1' }],
      )
      assert.equal((await store.events.get({ orgId: ORG, id: 'e1' }))?.title, 'Title of e1')
      assert.equal(await store.deliveries.get({ orgId: ORG, id: deliveryId('con_b', 'e1') }), undefined)
      assert.equal(await statusOf(store, deliveryId('con_b', 'e2')), 'pending')
      const open = await store.digests.peek({ orgId: ORG, connectionId: 'con_a', key: '' })
      assert.deepEqual([open?.total, open?.events.map((event) => event.id)], [1, ['e2']])
    },
  },
  {
    name: 'enqueue: the same event id in another organisation is another event',
    async run({ store }) {
      await enqueue(store, { events: [anEvent('e1')] })
      const result = await enqueue(store, { events: [anEvent('e1', { orgId: 'org_b', title: 'theirs' })] })
      assert.deepEqual(result.duplicates, [])
      assert.equal((await store.events.get({ orgId: ORG, id: 'e1' }))?.title, 'Title of e1')
      assert.equal((await store.events.get({ orgId: 'org_b', id: 'e1' }))?.title, 'theirs')
    },
  },
  {
    name: 'enqueue: of two equal events in one batch the first counts, with its deliveries',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      const twice = [anEvent('e1', { title: 'first' }), anEvent('e1', { title: 'second' })]
      const deliveries = [aDelivery('con_a', 'e1'), aDelivery('con_a', 'e1')]
      const result = await enqueue(store, { events: twice, deliveries })
      assert.deepEqual(result.duplicates, [], 'nothing of it was known before')
      assert.equal((await store.events.get({ orgId: ORG, id: 'e1' }))?.title, 'first')
      assert.deepEqual(await claimIds(store, { now: T0 }), [deliveryId('con_a', 'e1')])
    },
  },
  {
    name: 'enqueue: of many concurrent equal events exactly one is stored',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      const results = await Promise.all(
        Array.from({ length: 8 }, (_, n) =>
          enqueue(store, {
            events: [anEvent('e1', { title: `number ${n}` })],
            deliveries: [aDelivery('con_a', 'e1', { id: `dlv_${n}` })],
          }),
        ),
      )
      const accepted = results.flatMap((result, n) => (result.duplicates.length === 0 ? [n] : []))
      assert.equal(accepted.length, 1)
      assert.equal((await store.events.get({ orgId: ORG, id: 'e1' }))?.title, `number ${accepted[0]}`)
      assert.deepEqual(await claimIds(store, { now: T0 }), [`dlv_${accepted[0]}`])
    },
  },
  {
    name: 'enqueue: a known delivery id is left as it is, whatever its state',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      await enqueue(store, { events: [anEvent('e1')], deliveries: [aDelivery('con_a', 'e1')] })
      await enqueue(store, { deliveries: [aDelivery('con_a', 'e1', { dueAt: T0 + 5 })] })
      assert.equal((await delivery(store, deliveryId('con_a', 'e1'))).dueAt, T0)
      const leased = only((await claim(store, { now: T0 })).deliveries, 'delivery')
      await enqueue(store, { deliveries: [aDelivery('con_a', 'e1')] })
      assert.equal(await statusOf(store, leased.id), 'sending')
      assert.deepEqual(await claimIds(store, { now: T0 }), [])
    },
  },
  {
    name: 'enqueue: deliveries of a stored event are accepted later (replay), and bring the event along when claimed',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      await enqueue(store, { events: [anEvent('e1')] })
      await enqueue(store, { deliveries: [aDelivery('con_a', 'e1')] })
      const claimed = await claim(store, { now: T0 })
      assert.equal(only(claimed.deliveries, 'delivery').eventId, 'e1')
      assert.deepEqual(claimed.events, [anEvent('e1')])
    },
  },
  {
    name: 'enqueue: a claim brings each event and each connection once, with its sealed fields',
    async run({ store }) {
      const a = aConnection('con_a', { sealedSecrets: 'sealed:secrets', config: { url: 'x', z: 1, a: 2 } })
      await store.connections.insert(a)
      await store.connections.insert(aConnection('con_b'))
      const of = (connectionId: string) => [aDelivery(connectionId, 'e1'), aDelivery(connectionId, 'e2')]
      await enqueue(store, { events: [anEvent('e1'), anEvent('e2')], deliveries: [...of('con_a'), ...of('con_b')] })
      const claimed = await claim(store, { now: T0 })
      assert.equal(claimed.deliveries.length, 4)
      assert.deepEqual(claimed.events.map((event) => event.id).sort(), ['e1', 'e2'])
      assert.deepEqual(claimed.connections.map((row) => row.id).sort(), ['con_a', 'con_b'])
      assert.deepEqual(
        claimed.connections.find((row) => row.id === 'con_a'),
        a,
      )
    },
  },
  {
    name: 'enqueue: an event that cannot be stored refuses the whole batch, and nothing of it is there',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      const circular: Record<string, unknown> = {}
      circular.self = circular
      for (const metadata of [{ amount: 10n }, circular]) {
        const refused = enqueue(store, {
          events: [anEvent('e1'), anEvent('e2', { metadata }), anEvent('e3')],
          deliveries: [aDelivery('con_a', 'e1'), aDelivery('con_a', 'e2'), aDelivery('con_a', 'e3')],
          collect: [aMember('e1')],
        })
        await assert.rejects(refused, (error) => isSignalboxError(error))
        for (const id of ['e1', 'e2', 'e3']) {
          assert.equal(await store.events.get({ orgId: ORG, id }), undefined)
          assert.equal(await store.deliveries.get({ orgId: ORG, id: deliveryId('con_a', id) }), undefined)
        }
        assert.deepEqual((await store.digests.list({ orgId: ORG, limit: 10 })).items, [])
        assert.deepEqual(await claimIds(store, { now: T0 + 3_600_000 }), [])
      }
      await enqueue(store, { events: [anEvent('e1')], deliveries: [aDelivery('con_a', 'e1')] })
      assert.deepEqual(await claimIds(store, { now: T0 }), [deliveryId('con_a', 'e1')])
    },
  },
  {
    name: 'enqueue: a poisoned batch fails alone among concurrent ones',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      const results = await Promise.allSettled(
        Array.from({ length: 9 }, (_, n) =>
          enqueue(store, {
            events: [anEvent(`e${n}`, n === 4 ? { metadata: { amount: 10n } } : {})],
            deliveries: [aDelivery('con_a', `e${n}`)],
          }),
        ),
      )
      assert.deepEqual(
        results.map((result) => result.status),
        Array.from({ length: 9 }, (_, n) => (n === 4 ? 'rejected' : 'fulfilled')),
      )
      assert.equal((await claim(store, { now: T0 })).deliveries.length, 8)
      assert.equal(await store.events.get({ orgId: ORG, id: 'e4' }), undefined)
    },
  },
  {
    name: 'enqueue: a delivery for a connection that does not exist is stored, and cancelled at its first visit',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      const deliveries = [aDelivery('con_gone', 'e1'), aDelivery('con_a', 'e1')]
      await enqueue(store, { events: [anEvent('e1')], deliveries })
      assert.ok(['pending', 'cancelled'].includes(await statusOf(store, deliveryId('con_gone', 'e1'))))
      assert.deepEqual(await claimIds(store, { now: T0 }), [deliveryId('con_a', 'e1')])
      const record = await delivery(store, deliveryId('con_gone', 'e1'))
      assert.equal(record.status, 'cancelled')
      assert.ok(record.finishedAt !== undefined)
    },
  },
  {
    name: 'enqueue: an empty batch is no error',
    async run({ store }) {
      assert.deepEqual((await enqueue(store, {})).duplicates, [])
    },
  },
]
