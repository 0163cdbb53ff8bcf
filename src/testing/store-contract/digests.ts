import assert from 'node:assert/strict'
import type { CollectEntry, Store } from '../../contracts/index.ts'
import {
  aConnection,
  allPages,
  aMember,
  anEvent,
  type Case,
  claim,
  delivery,
  enqueue,
  ORG,
  only,
  reproducible,
  settlement,
  T0,
} from './world.ts'

const digest = { orgId: ORG, connectionId: 'con_a', key: '' }

async function collect(store: Store, ...entries: readonly CollectEntry[]): Promise<void> {
  const ids = [...new Set(entries.map((entry) => entry.eventId))]
  await enqueue(store, { events: ids.map((id) => anEvent(id)), collect: entries })
}

export const digestCases: readonly Case[] = [
  {
    name: 'digests: one stays open until its window ends, then is one delivery, claimed at once',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      await collect(store, aMember('e1', { at: T0 }), aMember('e2', { at: T0 + 10 }))
      const early = await claim(store, { now: T0 + 59_999 })
      assert.deepEqual(early.deliveries, [])
      assert.equal(early.nextAt, T0 + 60_000)
      const closed = await claim(store, { now: T0 + 60_001 })
      const sealed = only(closed.deliveries, 'delivery')
      assert.equal(sealed.kind, 'digest')
      assert.equal(sealed.eventId, undefined)
      assert.match(sealed.id, /^dlv_/)
      assert.match(sealed.messageId, /^msg_[^.]+$/)
      assert.deepEqual(sealed.digest, { key: '', eventIds: ['e1', 'e2'], total: 2, closedAt: T0 + 60_000 })
      assert.deepEqual([sealed.attempts, sealed.rounds, sealed.orgId], [0, 0, ORG])
      assert.deepEqual(closed.events.map((event) => event.id).sort(), ['e1', 'e2'])
      assert.deepEqual((await store.digests.list({ orgId: ORG, limit: 10 })).items, [])
      assert.equal(await store.digests.peek(digest), undefined)
      assert.deepEqual((await claim(store, { now: T0 + 60_002 })).deliveries, [])
      await store.deliveries.settle([settlement(sealed)])
      const record = await delivery(store, sealed.id)
      assert.deepEqual([record.status, record.digest], ['delivered', sealed.digest])
    },
  },
  {
    name: 'digests: an event that was stored before can join one',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      await enqueue(store, { events: [anEvent('e1')] })
      await enqueue(store, { collect: [aMember('e1')] })
      const sealed = only((await claim(store, { now: T0 + 60_000 })).deliveries, 'delivery')
      assert.deepEqual(sealed.digest?.eventIds, ['e1'])
    },
  },
  {
    name: 'digests: without an organisation the list goes over all of them',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      await store.connections.insert(aConnection('con_b', { orgId: 'org_b' }))
      const other = aMember('e2', { orgId: 'org_b', connectionId: 'con_b' })
      await enqueue(store, { events: [anEvent('e2', { orgId: 'org_b' })], collect: [other] })
      await collect(store, aMember('e1'))
      const open = await allPages((page) => store.digests.list(page), 1)
      assert.deepEqual(
        open.map(({ orgId, connectionId }) => [orgId, connectionId]),
        [
          [ORG, 'con_a'],
          ['org_b', 'con_b'],
        ],
      )
    },
  },
  {
    name: 'digests: one closes at its latest closesAt, but no later than its earliest mustCloseAt',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      const sliding = (eventId: string, at: number) =>
        aMember(eventId, { at: T0 + at, closesAt: T0 + at + 100, mustCloseAt: T0 + at + 250 })
      await collect(store, sliding('e1', 0))
      assert.equal((await store.digests.peek(digest))?.closesAt, T0 + 100)
      await collect(store, sliding('e2', 90))
      assert.equal((await store.digests.peek(digest))?.closesAt, T0 + 190)
      assert.deepEqual((await claim(store, { now: T0 + 189 })).deliveries, [])
      await collect(store, sliding('e3', 180))
      assert.equal((await store.digests.peek(digest))?.closesAt, T0 + 250)
      assert.deepEqual((await claim(store, { now: T0 + 249 })).deliveries, [])
      const sealed = only((await claim(store, { now: T0 + 250 })).deliveries, 'delivery')
      assert.deepEqual(sealed.digest, { key: '', eventIds: ['e1', 'e2', 'e3'], total: 3, closedAt: T0 + 250 })
      await collect(store, aMember('f1', { key: 'k', closesAt: T0 + 900, mustCloseAt: T0 + 900 }))
      await collect(store, aMember('f2', { key: 'k', closesAt: T0 + 500, mustCloseAt: T0 + 600 }))
      assert.equal((await store.digests.peek({ ...digest, key: 'k' }))?.closesAt, T0 + 600)
    },
  },
  {
    name: 'digests: members are in order of joining, then of event id, whatever the order of writing',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      await collect(store, aMember('e3', { at: T0 + 5 }), aMember('e9', { at: T0 + 1 }))
      await collect(store, aMember('e2', { at: T0 + 5 }), aMember('e4', { at: T0 + 3 }))
      const peeked = await store.digests.peek(digest)
      const order = ['e9', 'e4', 'e2', 'e3']
      assert.deepEqual(
        peeked?.events.map((event) => event.id),
        order,
      )
      assert.equal(peeked?.openedAt, T0 + 1)
      const sealed = only((await claim(store, { now: T0 + 60_000 })).deliveries, 'delivery')
      assert.deepEqual(sealed.digest?.eventIds, order)
    },
  },
  {
    name: 'digests: past maxItems the rest is counted; the entry that joined last decides which are kept',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      const entries = (key: string, last: Partial<CollectEntry>) =>
        [1, 2, 3, 4, 5].map((n) =>
          aMember(`e${n}`, { key, at: T0 + n, maxItems: 200, keep: 'last', ...(n === 5 ? last : {}) }),
        )
      await collect(
        store,
        ...entries('first', { maxItems: 2, keep: 'first' }),
        ...entries('last', { maxItems: 2, keep: 'last' }),
        ...entries('exact', { maxItems: 5, keep: 'first' }),
      )
      const first = await store.digests.peek({ ...digest, key: 'first' })
      assert.deepEqual([first?.total, first?.events.map((event) => event.id)], [5, ['e1', 'e2']])
      const sealed = await claim(store, { now: T0 + 60_000 })
      const kept = Object.fromEntries(sealed.deliveries.map((row) => [row.digest?.key, row.digest]))
      assert.deepEqual([kept.first?.eventIds, kept.first?.total], [['e1', 'e2'], 5])
      assert.deepEqual([kept.last?.eventIds, kept.last?.total], [['e4', 'e5'], 5])
      assert.deepEqual([kept.exact?.eventIds.length, kept.exact?.total], [5, 5])
    },
  },
  {
    name: 'digests: keys and connections collect apart; list goes by connection, then key, with a stable cursor',
    async run({ store }) {
      for (const id of ['con_b', 'con_a']) await store.connections.insert(aConnection(id))
      await store.connections.insert(aConnection('con_x', { orgId: 'org_b' }))
      await collect(
        store,
        aMember('e1', { connectionId: 'con_b', key: 'k2' }),
        aMember('e1', { connectionId: 'con_a', key: 'k3' }),
        aMember('e2', { connectionId: 'con_a', key: 'k1', at: T0 + 7 }),
        aMember('e1', { connectionId: 'con_a', key: 'k1', at: T0 + 9 }),
      )
      await enqueue(store, {
        events: [anEvent('e1', { orgId: 'org_b' })],
        collect: [aMember('e1', { orgId: 'org_b', connectionId: 'con_x' })],
      })
      const rows = await allPages(
        (query) => store.digests.list({ ...query, orgId: ORG }),
        1,
        async (pages) => {
          if (pages === 2) await collect(store, aMember('e4', { key: 'k0' }), aMember('e4', { key: 'k9' }))
        },
      )
      assert.deepEqual(
        rows.map((row) => [row.connectionId, row.key, row.total]),
        [
          ['con_a', 'k1', 2],
          ['con_a', 'k3', 1],
          ['con_a', 'k9', 1],
          ['con_b', 'k2', 1],
        ],
      )
      const closesAt = T0 + 60_000
      const opened = { orgId: ORG, connectionId: 'con_a', key: 'k1', total: 2, openedAt: T0 + 7, closesAt }
      assert.deepEqual(rows[0], opened)
      const ofB = await store.digests.list({ orgId: ORG, connectionId: 'con_b', limit: 10 })
      assert.deepEqual([ofB.items.length, ofB.next], [1, undefined])
    },
  },
  {
    name: 'digests: an event joins an open digest once',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      await collect(store, aMember('e1'), aMember('e1', { at: T0 + 4 }))
      await enqueue(store, { collect: [aMember('e1', { at: T0 + 5 })] })
      const open = await store.digests.peek(digest)
      assert.deepEqual([open?.total, open?.openedAt, open?.events], [1, T0, [anEvent('e1')]])
      const sealed = only((await claim(store, { now: T0 + 60_000 })).deliveries, 'delivery')
      await store.deliveries.settle([settlement(sealed)])
      const purge = { before: T0 + 1, eventsBefore: T0 + 1, now: T0 + 60_000, limit: 100 }
      for (let n = 0; n < 2; n++) await store.deliveries.purge({ ...purge, before: T0 + 1e6 })
      assert.equal(await store.events.get({ orgId: ORG, id: 'e1' }), undefined, 'nothing needs it any more')
    },
  },
  {
    name: 'digests: members that come late are the next generation, which closes at once if its time has passed',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      await collect(store, aMember('e1'))
      const first = only((await claim(store, { now: T0 + 60_000 })).deliveries, 'delivery')
      await collect(
        store,
        aMember('e2'),
        aMember('e3', { key: 'later', closesAt: T0 + 90_000, mustCloseAt: T0 + 90_000 }),
      )
      const late = await claim(store, { now: T0 + 60_000 })
      const second = only(late.deliveries, 'delivery')
      assert.deepEqual(second.digest?.eventIds, ['e2'])
      assert.notEqual(second.id, first.id)
      assert.notEqual(second.messageId, first.messageId)
      assert.deepEqual((await delivery(store, first.id)).digest?.eventIds, ['e1'])
      const third = only(
        (await claim(store, { now: T0 + 90_000, leaseMs: 60_000 })).deliveries.filter(fresh),
        'delivery',
      )
      assert.deepEqual(third.digest?.eventIds, ['e3'])
      function fresh(row: { readonly id: string }): boolean {
        return row.id !== first.id && row.id !== second.id
      }
    },
  },
  {
    name: 'digests: the ids of a sealed digest derive from its first event: however it is sealed, they are the same',
    async run({ store, another }) {
      const other = await another()
      for (const each of [store, other]) {
        await each.connections.insert(aConnection('con_a'))
        await each.connections.insert(aConnection('con_b'))
        await collect(each, aMember('e1'), aMember('e2', { at: T0 + 1 }), aMember('e1', { connectionId: 'con_b' }))
      }
      await collect(other, aMember('e3', { at: T0 + 2 }))
      const claimed = await claim(store, { now: T0 + 60_000 })
      const byClaim = only(
        claimed.deliveries.filter((row) => row.connectionId === 'con_a'),
        'delivery',
      )
      const elsewhere = only(
        claimed.deliveries.filter((row) => row.connectionId === 'con_b'),
        'delivery',
      )
      assert.notEqual(elsewhere.id, byClaim.id)
      const byHand = await other.digests.seal({ ...digest, now: T0 + 5 })
      assert.equal(byHand, byClaim.id)
      assert.equal((await delivery(other, byClaim.id)).messageId, byClaim.messageId)
    },
  },
  {
    name: 'digests: seal closes one now; its delivery is due now; where none is open it answers undefined',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      assert.equal(await store.digests.seal({ ...digest, now: T0 }), undefined)
      await collect(store, aMember('e1'), aMember('e2', { at: T0 + 1, key: 'other' }))
      const id = await store.digests.seal({ ...digest, now: T0 + 7 })
      assert.ok(id !== undefined)
      const record = await delivery(store, id)
      assert.deepEqual([record.status, record.dueAt, record.kind], ['pending', T0 + 7, 'digest'])
      assert.deepEqual([record.digest?.eventIds, record.digest?.total], [['e1'], 1])
      assert.equal(await store.digests.peek(digest), undefined)
      assert.equal(await store.digests.seal({ ...digest, now: T0 + 7 }), undefined)
      assert.equal(only((await claim(store, { now: T0 + 7 })).deliveries, 'delivery').id, id)
      assert.equal((await store.digests.peek({ ...digest, key: 'other' }))?.total, 1)
      assert.equal(await store.digests.seal({ ...digest, orgId: 'org_b', key: 'other', now: T0 }), undefined)
    },
  },
  {
    name: 'digests: a sealed digest waits for its connection like any delivery',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a', { status: 'paused' }))
      await collect(store, aMember('e1'))
      assert.deepEqual((await claim(store, { now: T0 + 60_000 })).deliveries, [])
      await store.connections.update({ orgId: ORG, id: 'con_a' }, { status: 'active' }, 1)
      const sealed = only((await claim(store, { now: T0 + 60_001 })).deliveries, 'delivery')
      assert.deepEqual(sealed.digest?.eventIds, ['e1'])
    },
  },
  {
    name: 'digests: deleting the connection removes its open digests',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      await collect(store, aMember('e1'))
      await store.connections.delete({ orgId: ORG, id: 'con_a' }, { now: T0 })
      assert.deepEqual((await store.digests.list({ orgId: ORG, limit: 10 })).items, [])
      assert.equal(await store.digests.peek(digest), undefined)
      const later = await claim(store, { now: T0 + 60_000 })
      assert.deepEqual([later.deliveries, later.nextAt], [[], null])
      assert.deepEqual((await store.deliveries.list({ orgId: ORG, limit: 10 })).items, [])
    },
  },
  {
    name: 'digests: a claim brings an event that several digests share once',
    async run({ store }) {
      for (const id of ['con_a', 'con_b']) await store.connections.insert(aConnection(id))
      await collect(
        store,
        aMember('e1'),
        aMember('e2'),
        aMember('e1', { connectionId: 'con_b' }),
        aMember('e1', { key: 'k' }),
      )
      const claimed = await claim(store, { now: T0 + 60_000 })
      assert.equal(claimed.deliveries.length, 3)
      assert.deepEqual(claimed.events.map((event) => event.id).sort(), ['e1', 'e2'])
    },
  },
  {
    name: 'digests: every member is in exactly one, however enqueues, claims and seals interleave',
    async run({ store }) {
      const random = reproducible(7)
      const pick = (n: number) => Math.floor(random() * n)
      for (const id of ['con_0', 'con_1']) await store.connections.insert(aConnection(id))
      const seen = new Map<string, number>()
      let collected = 0
      let counted = 0
      let now = T0
      const work = async () => {
        const { deliveries } = await claim(store, { now, limit: 1 + pick(4) })
        for (const row of deliveries) {
          counted += row.digest?.total ?? 0
          for (const id of row.digest?.eventIds ?? []) {
            const member = `${row.connectionId}/${row.digest?.key}/${id}`
            seen.set(member, (seen.get(member) ?? 0) + 1)
          }
        }
        await store.deliveries.settle(deliveries.map((row) => settlement(row, undefined, { at: now })))
        return deliveries.length
      }
      for (let step = 0; step < 120; step++) {
        now += pick(40)
        const entries = Array.from({ length: pick(4) }, (_, n) =>
          aMember(`e${step}`, {
            connectionId: `con_${pick(2)}`,
            key: `k${n}`,
            at: now,
            // some commit late: their time has passed
            closesAt: now + pick(100) - 50,
            mustCloseAt: now + 120,
          }),
        )
        collected += entries.length
        const calls: Promise<unknown>[] = [collect(store, ...entries), work()]
        if (pick(5) === 0) calls.push(store.digests.seal({ ...digest, connectionId: 'con_0', key: 'k0', now }))
        await Promise.all(calls)
      }
      now += 10_000
      while ((await work()) > 0);
      assert.equal(counted, collected)
      assert.equal(seen.size, collected)
      assert.ok([...seen.values()].every((times) => times === 1))
    },
  },
]
