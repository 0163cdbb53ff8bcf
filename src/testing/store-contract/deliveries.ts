import assert from 'node:assert/strict'
import {
  aConnection,
  aDelivery,
  allPages,
  anEvent,
  type Case,
  claim,
  claimIds,
  connection,
  delivery,
  enqueue,
  fill,
  ORG,
  only,
  settlement,
  statusOf,
  T0,
} from './world.ts'

const ref = { orgId: ORG, id: 'con_a' }
const exhausted = { status: 'failed', failure: 'exhausted' } as const

export const deliveryCases: readonly Case[] = [
  {
    name: 'deliveries: list goes newest first, page by page, with a cursor that stays valid while rows are added',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      // several of one instant
      const ids = await fill(store, 'con_a', 11, { delivery: (n) => ({ createdAt: T0 + Math.floor(n / 3) }) })
      const rows = await allPages(
        (query) => store.deliveries.list({ ...query, orgId: ORG }),
        2,
        async (pages) => {
          if (pages === 2) await fill(store, 'con_a', 2, { prefix: 'new', delivery: () => ({ createdAt: T0 + 100 }) })
        },
      )
      assert.deepEqual(rows.map((row) => row.id).sort(), ids, 'none missed, none twice, none that came later')
      const instants = rows.map((row) => row.createdAt)
      assert.deepEqual(
        instants,
        instants.toSorted((a, b) => b - a),
      )
      const whole = await store.deliveries.list({ orgId: ORG, limit: 1000 })
      assert.deepEqual([whole.items.length, whole.next], [13, undefined])
      assert.deepEqual(
        whole.items.slice(2).map((row) => row.id),
        rows.map((row) => row.id),
        'one order, however it is paged',
      )
      assert.deepEqual(whole.items[5], await delivery(store, whole.items[5]?.id ?? ''))
    },
  },
  {
    name: 'deliveries: list narrows by connection, event, status and time',
    async run({ store }) {
      for (const id of ['con_a', 'con_b']) await store.connections.insert(aConnection(id))
      await fill(store, 'con_a', 6, { prefix: 'e', delivery: (n) => ({ createdAt: T0 + n }) })
      await enqueue(store, { deliveries: [aDelivery('con_b', 'e00002', { createdAt: T0 + 50 })] })
      const list = async (query: Partial<Parameters<typeof store.deliveries.list>[0]>) =>
        (await store.deliveries.list({ orgId: ORG, limit: 100, ...query })).items.map((row) => row.id)
      const a = (n: number) => `dlv_con_a_e0000${n}`
      const b = 'dlv_con_b_e00002'
      assert.deepEqual(await list({ connectionId: 'con_b' }), [b])
      assert.deepEqual(await list({ eventId: 'e00002' }), [b, a(2)])
      assert.deepEqual(await list({ eventId: 'e00002', connectionId: 'con_a' }), [a(2)])
      assert.deepEqual(await list({ since: T0 + 2, until: T0 + 5 }), [a(4), a(3), a(2)])
      const [first, second] = (await claim(store, { now: T0, limit: 2, ids: [a(0), a(1)] })).deliveries
      assert.ok(first && second)
      await store.deliveries.settle([settlement(first)])
      assert.deepEqual(await list({ status: ['delivered'] }), [first.id])
      assert.deepEqual(await list({ status: ['sending', 'delivered'] }), [a(1), a(0)])
      assert.deepEqual(await list({ status: ['pending'], connectionId: 'con_a', since: T0 + 4 }), [a(5), a(4)])
      assert.deepEqual(await list({ connectionId: 'con_none' }), [])
      const pages = await allPages(
        (query) => store.deliveries.list({ ...query, orgId: ORG, connectionId: 'con_a', status: ['pending'] }),
        1,
      )
      assert.deepEqual(
        pages.map((row) => row.id),
        [a(5), a(4), a(3), a(2)],
      )
    },
  },
  {
    name: 'deliveries: reschedule to pending reopens failed and cancelled ones and moves pending ones, from round 0',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      const ids = await fill(store, 'con_a', 5)
      const [failing, waiting, cancelled, leased, done] = ids.map(String)
      assert.ok(failing && waiting && cancelled && leased && done)
      const rows = (await claim(store, { now: T0, ids: [failing, waiting, done] })).deliveries
      await store.deliveries.settle(
        rows.map((row) =>
          settlement(
            row,
            row.id === failing
              ? exhausted
              : row.id === done
                ? { status: 'delivered' }
                : { status: 'pending', dueAt: T0 + 1e6 },
          ),
        ),
      )
      const to = { status: 'pending', dueAt: T0 + 100 } as const
      const common = { orgId: ORG, now: T0 + 50, limit: 100 }
      const stopped = { ...common, filter: { ids: [cancelled] }, to: { status: 'cancelled' } } as const
      assert.deepEqual(await store.deliveries.reschedule(stopped), [cancelled])
      assert.deepEqual(await claimIds(store, { now: T0 + 50 }), [leased])

      const everything = { ids: [...ids, 'dlv_unknown'] }
      const changed = await store.deliveries.reschedule({ ...common, filter: everything, to })
      assert.deepEqual([...changed].sort(), [failing, waiting, cancelled].sort())
      for (const id of changed) {
        const record = await delivery(store, id)
        assert.deepEqual([record.status, record.dueAt, record.rounds], ['pending', T0 + 100, 0])
        assert.deepEqual([record.finishedAt, record.failure], [undefined, undefined])
        assert.equal(record.attempts, id === cancelled ? 0 : 1, 'exchanges still count')
      }
      assert.deepEqual([await statusOf(store, leased), await statusOf(store, done)], ['sending', 'delivered'])
      assert.deepEqual(await claimIds(store, { now: T0 + 99 }), [])
      assert.deepEqual(await claimIds(store, { now: T0 + 100 }), [...changed].sort())
    },
  },
  {
    name: 'deliveries: reschedule brings one forward, and it is not claimed again at its old time',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      const [id] = await fill(store, 'con_a', 1, { delivery: () => ({ dueAt: T0 + 1000 }) })
      const move = (dueAt: number) =>
        store.deliveries.reschedule({
          orgId: ORG,
          filter: { ids: [String(id)] },
          to: { status: 'pending', dueAt },
          now: T0,
          limit: 1,
        })
      for (const dueAt of [T0 + 5, T0 + 1000, T0 + 7]) assert.deepEqual(await move(dueAt), [id])
      assert.deepEqual(await claimIds(store, { now: T0 + 6 }), [])
      const held = only((await claim(store, { now: T0 + 7, leaseMs: 1e6 })).deliveries, 'delivery')
      assert.deepEqual(await claimIds(store, { now: T0 + 1001 }), [])
      await store.deliveries.settle([settlement(held)])
      assert.deepEqual(await claimIds(store, { now: T0 + 1002 }), [])
    },
  },
  {
    name: 'deliveries: reschedule to cancelled ends pending ones only',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      const ids = await fill(store, 'con_a', 3)
      const held = only((await claim(store, { now: T0, limit: 1 })).deliveries, 'delivery')
      const cancel = { orgId: ORG, filter: { ids }, to: { status: 'cancelled' }, now: T0 + 9, limit: 100 } as const
      const rest = ids.filter((id) => id !== held.id)
      assert.deepEqual([...(await store.deliveries.reschedule(cancel))].sort(), rest)
      const record = await delivery(store, rest[0] ?? '')
      assert.deepEqual([record.status, record.finishedAt], ['cancelled', T0 + 9])
      assert.deepEqual(await store.deliveries.reschedule(cancel), [])
      assert.deepEqual(await claimIds(store, { now: T0 + 10 }), [])
      assert.deepEqual((await store.deliveries.settle([settlement(held)])).stale, [])
    },
  },
  {
    name: 'deliveries: cancelling the head of a fifo connection lets the next one go',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a', { ordering: 'fifo' }))
      const ids = await fill(store, 'con_a', 2)
      const held = only((await claim(store, { now: T0 })).deliveries, 'delivery')
      await store.deliveries.settle([settlement(held, { status: 'pending', dueAt: T0 + 1e6 })])
      assert.equal((await claim(store, { now: T0 })).nextAt, T0 + 1e6)
      const cancel = { orgId: ORG, filter: { ids: [held.id] }, to: { status: 'cancelled' }, now: T0, limit: 1 } as const
      assert.deepEqual(await store.deliveries.reschedule(cancel), [held.id])
      assert.equal(await store.deliveries.nextDueAt(['webhook']), T0)
      assert.deepEqual(await claimIds(store, { now: T0 }), [ids[1]])
    },
  },
  {
    name: 'deliveries: reschedule by failedSince takes the failed ones of one connection, in portions of limit',
    async run({ store }) {
      for (const id of ['con_a', 'con_b']) {
        await store.connections.insert(aConnection(id))
        await fill(store, id, 7, { delivery: (n) => ({ createdAt: T0 + n }) })
      }
      const { deliveries } = await claim(store, { now: T0 })
      const last = deliveries.find((row) => row.connectionId === 'con_a' && row.createdAt === T0 + 6)
      await store.deliveries.settle(
        deliveries.map((row) => settlement(row, row === last ? { status: 'delivered' } : exhausted)),
      )
      const request = {
        orgId: ORG,
        filter: { connectionId: 'con_a', failedSince: T0 + 2 },
        to: { status: 'pending', dueAt: T0 + 100 },
        now: T0 + 100,
        limit: 3,
      } as const
      const first = await store.deliveries.reschedule(request)
      const second = await store.deliveries.reschedule(request)
      assert.deepEqual([first.length, second.length], [3, 1])
      assert.deepEqual(await store.deliveries.reschedule(request), [])
      const expected = [2, 3, 4, 5].map((n) => `dlv_con_a_con_a_e0000${n}`)
      assert.deepEqual([...first, ...second].sort(), expected)
      assert.deepEqual(await claimIds(store, { now: T0 + 100 }), expected)
    },
  },
  {
    name: 'deliveries: rescheduling takes lost leases back to 0',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      const [id] = await fill(store, 'con_a', 1)
      let now = T0
      for (let lost = 0; lost < 5; lost++, now += 10) await claim(store, { now, leaseMs: 10 })
      await claim(store, { now })
      assert.equal(await statusOf(store, String(id)), 'failed')
      const to = { status: 'pending', dueAt: now } as const
      await store.deliveries.reschedule({ orgId: ORG, filter: { ids: [String(id)] }, to, now, limit: 1 })
      for (let lost = 0; lost < 5; lost++, now += 10)
        assert.deepEqual(await claimIds(store, { now, leaseMs: 10 }), [id])
    },
  },
  {
    name: 'deliveries: record stores one that has ended, and notes it as the latest without touching health or status',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a', { status: 'paused' }))
      const test = {
        id: 'dlv_test',
        orgId: ORG,
        connectionId: 'con_a',
        kind: 'test',
        messageId: 'msg_test',
        status: 'failed',
        dueAt: T0,
        createdAt: T0,
        finishedAt: T0 + 20,
        attempts: 1,
        rounds: 0,
        code: 'http_4xx',
        httpStatus: 404,
        failure: 'rejected',
      } as const
      const attempt = {
        deliveryId: test.id,
        orgId: ORG,
        connectionId: 'con_a',
        number: 1,
        startedAt: T0,
        durationMs: 20,
        outcome: 'rejected',
        code: 'http_4xx',
        status: 404,
      } as const
      const latest = { deliveryId: test.id, status: 'failed', at: T0 + 20, code: 'http_4xx', httpStatus: 404 } as const
      await store.deliveries.record(test, [attempt], latest)
      assert.deepEqual(await store.deliveries.get({ orgId: ORG, id: test.id }), test)
      assert.deepEqual(await store.deliveries.attempts({ orgId: ORG, id: test.id }), [attempt])
      const stored = await connection(store, 'con_a')
      assert.deepEqual(stored, aConnection('con_a', { status: 'paused', health: { consecutiveFailures: 0, latest } }))
      await store.connections.update(ref, { status: 'active' }, 1)
      assert.deepEqual(await claimIds(store, { now: T0 + 1e6 }), [])
      assert.equal((await store.deliveries.list({ orgId: ORG, connectionId: 'con_a', limit: 5 })).items.length, 1)
    },
  },
  {
    name: 'deliveries: attempts of one that was never tried, or is not there, are none',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      const [id] = await fill(store, 'con_a', 1)
      assert.deepEqual(await store.deliveries.attempts({ orgId: ORG, id: String(id) }), [])
      assert.deepEqual(await store.deliveries.attempts({ orgId: ORG, id: 'dlv_none' }), [])
    },
  },
  {
    name: 'events: list goes by acceptance, then id, narrows by time, and its cursor stays valid while rows are added',
    async run({ store }) {
      const at = (n: number) => ({ acceptedAt: T0 + n })
      await enqueue(store, { events: [anEvent('e5', at(3)), anEvent('e2', at(1)), anEvent('e4', at(1))] })
      await enqueue(store, { events: [anEvent('e1', at(2)), anEvent('e3', at(0)), anEvent('x', { orgId: 'org_b' })] })
      const rows = await allPages(
        (query) => store.events.list({ ...query, orgId: ORG }),
        1,
        async (pages) => {
          if (pages === 3) await enqueue(store, { events: [anEvent('e0', at(0)), anEvent('e6', at(4))] })
        },
      )
      assert.deepEqual(
        rows.map((row) => row.id),
        ['e3', 'e2', 'e4', 'e1', 'e5', 'e6'],
      )
      assert.deepEqual(rows[0], anEvent('e3', at(0)))
      const some = await store.events.list({ orgId: ORG, since: T0 + 1, until: T0 + 3, limit: 10 })
      assert.deepEqual([some.items.map((row) => row.id), some.next], [['e2', 'e4', 'e1'], undefined])
    },
  },
]
