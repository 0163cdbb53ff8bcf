import assert from 'node:assert/strict'
import type { LeasedDelivery, Settlement, Store } from '../../contracts/index.ts'
import {
  aConnection,
  aDelivery,
  anEvent,
  type Case,
  claim,
  claimIds,
  connection,
  deliveryId,
  enqueue,
  fill,
  ORG,
  only,
  reproducible,
  settlement,
  statusOf,
  T0,
} from './world.ts'

const ref = { orgId: ORG, id: 'con_a' }

export const claimCases: readonly Case[] = [
  {
    name: 'claim: leases what is due, under the token of the claim, and nothing twice',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      const ids = await fill(store, 'con_a', 3, { delivery: (n) => ({ dueAt: T0 + n }) })
      const first = await claim(store, { now: T0 + 1, token: 'tok_1', leaseMs: 5000 })
      assert.deepEqual(first.deliveries.map((row) => row.id).sort(), ids.slice(0, 2))
      for (const row of first.deliveries) {
        assert.deepEqual([row.status, row.token, row.leasedUntil], ['sending', 'tok_1', T0 + 5001])
      }
      assert.equal(await statusOf(store, ids[0] ?? ''), 'sending')
      assert.deepEqual(await claimIds(store, { now: T0 + 1 }), [])
      assert.deepEqual(await claimIds(store, { now: T0 + 2 }), [ids[2]])
    },
  },
  {
    name: 'claim: concurrent claims never lease the same delivery',
    async run({ store }) {
      for (const id of ['con_a', 'con_b']) {
        await store.connections.insert(aConnection(id))
        await fill(store, id, 60)
      }
      const claims = await Promise.all(Array.from({ length: 6 }, () => claim(store, { now: T0, limit: 20 })))
      const ids = claims.flatMap((result) => result.deliveries.map((row) => row.id))
      assert.equal(new Set(ids).size, ids.length)
      for (const result of claims) assert.ok(result.deliveries.length <= 20)
      while ((await take(store, ids, { now: T0 })) > 0);
      assert.equal(new Set(ids).size, 120)
      assert.equal(ids.length, 120)
    },
  },
  {
    name: 'claim: takes by due time',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      const ids = await fill(store, 'con_a', 6, { delivery: (n) => ({ dueAt: T0 + ((n * 5) % 6) }) })
      const order: string[] = []
      while ((await take(store, order, { now: T0 + 10, limit: 1 })) > 0);
      assert.deepEqual(
        order,
        [0, 5, 4, 3, 2, 1].map((n) => ids[n]),
      )
    },
  },
  {
    name: 'claim: limit bounds it; the rest is claimable at once, and nextAt says so',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      await fill(store, 'con_a', 5)
      const first = await claim(store, { now: T0, limit: 3 })
      assert.equal(first.deliveries.length, 3)
      assert.ok(first.nextAt !== null && first.nextAt <= T0)
      assert.equal((await claim(store, { now: T0, limit: 3 })).deliveries.length, 2)
    },
  },
  {
    name: 'claim: only for active connections; what waits comes back when one is active again',
    async run({ store }) {
      for (const status of ['paused', 'incomplete', 'suspended'] as const) {
        const id = `con_${status}`
        await store.connections.insert(aConnection(id))
        await enqueue(store, { events: [anEvent(status)], deliveries: [aDelivery(id, status)] })
        await store.connections.update({ orgId: ORG, id }, { status }, 1)
      }
      const none = await claim(store, { now: T0 + 5 })
      assert.deepEqual([none.deliveries, none.nextAt], [[], null])
      assert.equal(await store.deliveries.nextDueAt(['webhook']), null)
      for (const status of ['paused', 'incomplete', 'suspended']) {
        const id = `con_${status}`
        const waiting = deliveryId(id, status)
        assert.equal(await statusOf(store, waiting), 'pending')
        assert.deepEqual(await claimIds(store, { now: T0 + 5, ids: [waiting] }), [], 'not by its id either')
        await store.connections.update({ orgId: ORG, id }, { status: 'active' }, 2)
        const due = await store.deliveries.nextDueAt(['webhook'])
        assert.ok(due !== null && due <= T0 + 5)
        const row = only((await claim(store, { now: T0 + 5 })).deliveries, 'delivery')
        assert.equal(row.connectionId, id)
        await store.deliveries.settle([settlement(row)])
      }
    },
  },
  {
    name: 'claim: the connection is as it was written last',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      await fill(store, 'con_a', 2)
      const before = await claim(store, { now: T0, limit: 1 })
      await store.connections.update(ref, { config: { url: 'https://new.example.com' }, sealedSecrets: 'new' }, 1)
      const after = await claim(store, { now: T0, limit: 1 })
      assert.deepEqual(after.connections, [await connection(store, 'con_a')])
      assert.deepEqual(before.connections, [aConnection('con_a')], 'what a call answered stays as it was')
    },
  },
  {
    name: 'claim: only for the transports named',
    async run({ store }) {
      for (const transport of ['webhook', 'slack', 'teams']) {
        await store.connections.insert(aConnection(`con_${transport}`, { transport }))
        await fill(store, `con_${transport}`, 2, { delivery: (n) => ({ dueAt: T0 + n * 1000 }) })
      }
      const slack = await claim(store, { now: T0, transports: ['slack'] })
      assert.equal(only(slack.deliveries, 'delivery').connectionId, 'con_slack')
      assert.equal((await claim(store, { now: T0, transports: [] })).deliveries.length, 0)
      const others = await claim(store, { now: T0, transports: ['teams', 'webhook', 'unknown'] })
      assert.deepEqual(others.deliveries.map((row) => row.connectionId).sort(), ['con_teams', 'con_webhook'])
      await store.connections.update({ orgId: ORG, id: 'con_teams' }, { transport: 'slack' }, 1)
      const moved = await claim(store, { now: T0 + 1000, transports: ['slack'] })
      assert.deepEqual(moved.deliveries.map((row) => row.connectionId).sort(), ['con_slack', 'con_teams'])
      assert.deepEqual(await claimIds(store, { now: T0 + 1000, transports: ['teams'] }), [])
    },
  },
  {
    name: 'claim: at most perConnection leased at once of one connection, over several claims',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      await store.connections.insert(aConnection('con_b'))
      await fill(store, 'con_a', 10)
      await fill(store, 'con_b', 1)
      const first = await claim(store, { now: T0, perConnection: 3 })
      assert.equal(first.deliveries.length, 4)
      const full = await claim(store, { now: T0, perConnection: 3 })
      assert.equal(full.deliveries.length, 0)
      assert.ok(
        full.nextAt !== null && full.nextAt > T0 && full.nextAt <= T0 + 30_000,
        'no later than a lease runs out',
      )
      const leased = first.deliveries.filter((row) => row.connectionId === 'con_a')
      await store.deliveries.settle(leased.slice(0, 2).map((row) => settlement(row)))
      assert.equal((await claim(store, { now: T0, perConnection: 3 })).deliveries.length, 2)
      assert.equal(
        (await claim(store, { now: T0, perConnection: 5 })).deliveries.length,
        2,
        'a higher cap counts at once',
      )
      assert.equal((await claim(store, { now: T0, perConnection: 4 })).deliveries.length, 0)
    },
  },
  {
    name: "claim: the connection's own maxInFlight holds beside perConnection",
    async run({ store }) {
      await store.connections.insert(aConnection('con_a', { maxInFlight: 2 }))
      await fill(store, 'con_a', 5)
      const first = await claim(store, { now: T0, perConnection: 10 })
      assert.equal(first.deliveries.length, 2)
      assert.deepEqual(await claimIds(store, { now: T0, perConnection: 10 }), [])
      await store.deliveries.settle(first.deliveries.map((row) => settlement(row)))
      assert.equal((await claim(store, { now: T0, perConnection: 1 })).deliveries.length, 1)
      await store.connections.update(ref, { maxInFlight: null }, 1)
      assert.equal((await claim(store, { now: T0, perConnection: 10 })).deliveries.length, 2)
    },
  },
  {
    name: 'claim: a connection that keeps failing has one delivery at a time, until one succeeds',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      await fill(store, 'con_a', 20)
      const settleAll = async (rows: readonly LeasedDelivery[], next: Settlement['next']) =>
        store.deliveries.settle(rows.map((row) => settlement(row, next)))
      const later = { status: 'pending', dueAt: T0 + 60_000 } as const
      await settleAll((await claim(store, { now: T0, limit: 4 })).deliveries, later)
      const share = await claim(store, { now: T0, perConnection: 3 })
      assert.equal(share.deliveries.length, 3, 'four failures in a row are not enough')
      await settleAll(share.deliveries.slice(0, 1), later)
      assert.deepEqual(await claimIds(store, { now: T0 }), [], 'two are still under way')
      await settleAll(share.deliveries.slice(1), later)
      const probe = only((await claim(store, { now: T0 })).deliveries, 'delivery')
      assert.deepEqual(await claimIds(store, { now: T0 }), [])
      await settleAll([probe], later)
      const again = only((await claim(store, { now: T0 })).deliveries, 'delivery')
      const { items } = await store.deliveries.list({ orgId: ORG, limit: 100, status: ['pending'] })
      const ids = items.map((row) => row.id)
      assert.deepEqual(await claimIds(store, { now: T0, ids }), [], 'not by their ids either')
      await settleAll([again], { status: 'delivered' })
      assert.equal((await claim(store, { now: T0, perConnection: 3 })).deliveries.length, 3)
    },
  },
  {
    name: 'claim: a fifo connection has one delivery at a time, in order; one that waits for its retry holds up the rest',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a', { ordering: 'fifo' }))
      const ids = await fill(store, 'con_a', 3, { delivery: (n) => ({ dueAt: T0 + n }) })
      const now = T0 + 10
      const first = only((await claim(store, { now })).deliveries, 'delivery')
      assert.equal(first.id, ids[0])
      assert.deepEqual(await claimIds(store, { now }), [])
      await store.deliveries.settle([settlement(first, { status: 'pending', dueAt: now + 500 })])
      const waiting = await claim(store, { now })
      assert.deepEqual([waiting.deliveries, waiting.nextAt], [[], now + 500])
      assert.deepEqual(await claimIds(store, { now: now + 499, ids: [ids[1] ?? ''] }), [])
      const again = only((await claim(store, { now: now + 500 })).deliveries, 'delivery')
      assert.equal(again.id, ids[0])
      await store.deliveries.settle([settlement(again, { status: 'failed', failure: 'exhausted' })])
      const order: string[] = []
      while ((await takeAndSettle(store, order, { now: now + 500 })) > 0);
      assert.deepEqual(order, ids.slice(1))
    },
  },
  {
    name: 'claim: ordering can be changed while deliveries wait',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      const ids = await fill(store, 'con_a', 4)
      await store.connections.update(ref, { ordering: 'fifo' }, 1)
      const first = only((await claim(store, { now: T0 })).deliveries, 'delivery')
      assert.equal(first.id, ids[0])
      await store.connections.update(ref, { ordering: null }, 2)
      assert.deepEqual(await claimIds(store, { now: T0 }), ids.slice(1))
    },
  },
  {
    name: 'claim: pace gives its burst, then one token after the other',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a', { pace: { perSecond: 2, burst: 3 } }))
      await fill(store, 'con_a', 8)
      const first = await claim(store, { now: T0 })
      assert.equal(first.deliveries.length, 3)
      assert.equal(first.nextAt, T0 + 500)
      assert.deepEqual(await claimIds(store, { now: T0 + 499 }), [])
      assert.equal((await claim(store, { now: T0 + 500 })).deliveries.length, 1)
      assert.equal((await claim(store, { now: T0 + 1000 })).deliveries.length, 1)
      assert.equal(
        (await claim(store, { now: T0 + 900 })).deliveries.length,
        0,
        'a clock that steps back mints nothing',
      )
      assert.equal(
        (await claim(store, { now: T0 + 600_000, leaseMs: 1e9 })).deliveries.length,
        3,
        'never more than a burst',
      )
    },
  },
  {
    name: 'claim: a pace that is set while deliveries wait holds from then on, one that is removed no more',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      await fill(store, 'con_a', 8)
      assert.equal((await claim(store, { now: T0, limit: 2 })).deliveries.length, 2)
      await store.connections.update(ref, { pace: { perSecond: 1, burst: 2 }, updatedAt: T0 }, 1)
      assert.ok((await claim(store, { now: T0 })).deliveries.length <= 2)
      assert.equal((await claim(store, { now: T0 })).deliveries.length, 0)
      await store.connections.update(ref, { pace: null, updatedAt: T0 }, 2)
      assert.ok((await claim(store, { now: T0 })).deliveries.length >= 4)
      assert.equal((await claim(store, { now: T0 })).deliveries.length, 0)
    },
  },
  {
    name: 'claim: nothing before blockedUntil; lifting it counts at once',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      await fill(store, 'con_a', 4)
      const first = only((await claim(store, { now: T0, limit: 1 })).deliveries, 'delivery')
      const retry = { status: 'pending', dueAt: T0 + 10 } as const
      await store.deliveries.settle([settlement(first, retry, { blockedUntil: T0 + 1000 })])
      const blocked = await claim(store, { now: T0 + 20 })
      assert.deepEqual([blocked.deliveries, blocked.nextAt], [[], T0 + 1000])
      assert.deepEqual(await claimIds(store, { now: T0 + 20, ids: [first.id] }), [])
      assert.equal((await claim(store, { now: T0 + 1000, limit: 1 })).deliveries.length, 1)
      await store.connections.update(ref, { blockedUntil: null }, 1)
      assert.equal((await connection(store, 'con_a')).blockedUntil, undefined)
      assert.equal((await claim(store, { now: T0 + 30 })).deliveries.length, 3)
    },
  },
  {
    name: 'claim: with ids only these, under the same caps, pace and blocks; unknown, ended and future ones are passed over',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      await store.connections.insert(aConnection('con_paced', { pace: { perSecond: 1, burst: 1 } }))
      const a = await fill(store, 'con_a', 6, { delivery: (n) => (n === 5 ? { dueAt: T0 + 1 } : {}) })
      const paced = await fill(store, 'con_paced', 3)
      const some = [a[4], a[2], a[5], 'dlv_unknown', paced[2], paced[1]].map(String)
      const first = await claim(store, { now: T0, ids: some, perConnection: 2 })
      const ofA = first.deliveries.filter((row) => row.connectionId === 'con_a').map((row) => row.id)
      assert.deepEqual(ofA.sort(), [a[2], a[4]])
      assert.equal(first.deliveries.length, 3, 'one token of pace')
      assert.deepEqual(await claimIds(store, { now: T0, ids: some }), [])
      assert.deepEqual(await claimIds(store, { now: T0, ids: [String(a[0])], perConnection: 2 }), [], 'the cap holds')
      assert.deepEqual(await claimIds(store, { now: T0, ids: [String(a[0])], transports: ['slack'] }), [])
      assert.deepEqual(await claimIds(store, { now: T0, ids: [] }), [])
      await store.deliveries.settle(first.deliveries.map((row) => settlement(row)))
      assert.deepEqual(await claimIds(store, { now: T0, ids: some }), [])
      assert.deepEqual(await claimIds(store, { now: T0, ids: a, limit: 2 }), a.slice(0, 2))
      assert.deepEqual(await claimIds(store, { now: T0 }), [a[3]])
    },
  },
  {
    name: 'claim: connections with due work take turns: none twice before each once',
    async run({ store }) {
      const names = ['con_a', 'con_b', 'con_c', 'con_d']
      for (const id of names) await store.connections.insert(aConnection(id))
      await fill(store, 'con_c', 40)
      for (const id of ['con_a', 'con_b', 'con_d']) await fill(store, id, 4)
      const turns: string[] = []
      for (let n = 0; n < 16; n++) {
        turns.push(only((await claim(store, { now: T0, limit: 1 })).deliveries, 'delivery').connectionId)
      }
      for (let n = 0; n < 16; n += 4) assert.deepEqual(turns.slice(n, n + 4).sort(), names, `turns: ${turns.join(' ')}`)
    },
  },
  {
    name: 'claim: turns are kept while work arrives, also with many claims at one instant',
    async run({ store }) {
      const random = reproducible(11)
      const names = Array.from({ length: 5 }, (_, n) => `con_${n}`)
      const lanes = new Map(names.map((id) => [id, { waiting: 0, readySince: -1, turn: -1 }]))
      for (const id of names) await store.connections.insert(aConnection(id))
      for (let step = 0; step < 120; step++) {
        const id = names[Math.floor(random() ** 2 * names.length)] ?? 'con_0'
        const count = random() < 0.45 ? 1 + Math.floor(random() * 4) : 0
        await fill(store, id, count, { prefix: `s${step}_` })
        const grown = lanes.get(id)
        if (grown !== undefined && count > 0) {
          if (grown.waiting === 0) grown.readySince = step
          grown.waiting += count
        }
        const [row] = (await claim(store, { now: T0, limit: 1, leaseMs: 1e9 })).deliveries
        const due = [...lanes.values()].some((lane) => lane.waiting > 0)
        assert.equal(row !== undefined, due)
        const visited = lanes.get(row?.connectionId ?? '')
        if (visited === undefined) continue
        for (const [name, other] of lanes) {
          const passedOver = other.waiting > 0 && other.readySince <= visited.turn && other.turn < visited.turn
          assert.ok(!passedOver, `${row?.connectionId} had two turns while ${name} waited for one`)
        }
        visited.waiting -= 1
        visited.turn = step
      }
    },
  },
  {
    name: 'claim: a backlog of thousands on one connection does not delay the others',
    async run({ store }) {
      await store.connections.insert(aConnection('con_big'))
      await fill(store, 'con_big', 3000)
      const small = Array.from({ length: 20 }, (_, n) => `con_${n}`)
      for (const id of small) {
        await store.connections.insert(aConnection(id))
        await fill(store, id, 1, { delivery: () => ({ dueAt: T0 + 1 }) })
      }
      const first = await claim(store, { now: T0 + 1, limit: 50 })
      const second = await claim(store, { now: T0 + 1, limit: 50 })
      const reached = new Set([...first.deliveries, ...second.deliveries].map((row) => row.connectionId))
      assert.deepEqual([...reached].sort(), ['con_big', ...small].sort())
      const late = await store.connections.insert(aConnection('con_late')).then(() => fill(store, 'con_late', 1))
      const next = [await claim(store, { now: T0 + 2, limit: 50 }), await claim(store, { now: T0 + 2, limit: 50 })]
      assert.ok(next.some((result) => result.deliveries.some((row) => row.id === late[0])))
    },
  },
  {
    name: 'claim: nextAt is null where nothing waits, else the instant to come back',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      assert.equal((await claim(store, { now: T0 })).nextAt, null)
      assert.equal(await store.deliveries.nextDueAt(['webhook']), null)
      await fill(store, 'con_a', 2, { delivery: (n) => ({ dueAt: T0 + 100 + n * 100 }) })
      assert.equal((await claim(store, { now: T0 })).nextAt, T0 + 100)
      assert.equal(await store.deliveries.nextDueAt(['webhook']), T0 + 100)
      assert.equal(await store.deliveries.nextDueAt(['slack']), null)
      const first = await claim(store, { now: T0 + 100 })
      assert.equal(first.nextAt, T0 + 200)
      const second = await claim(store, { now: T0 + 200, leaseMs: 60_000 })
      assert.equal(second.nextAt, T0 + 30_100, 'the earliest lease that may run out')
      assert.equal(await store.deliveries.nextDueAt(['webhook']), T0 + 30_100)
      await store.deliveries.settle([...first.deliveries, ...second.deliveries].map((row) => settlement(row)))
      assert.equal((await claim(store, { now: T0 + 300 })).nextAt, null)
      assert.equal(await store.deliveries.nextDueAt(['webhook']), null)
    },
  },
  {
    name: 'claim: work that arrives while a later instant was awaited is due at its own',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      await fill(store, 'con_a', 1, { prefix: 'far', delivery: () => ({ dueAt: T0 + 1e6 }) })
      assert.equal((await claim(store, { now: T0 })).nextAt, T0 + 1e6)
      const [near] = await fill(store, 'con_a', 1, { prefix: 'near', delivery: () => ({ dueAt: T0 + 10 }) })
      assert.equal(await store.deliveries.nextDueAt(['webhook']), T0 + 10)
      assert.equal((await claim(store, { now: T0 })).nextAt, T0 + 10)
      assert.deepEqual(await claimIds(store, { now: T0 + 10 }), [near])
    },
  },
  {
    name: 'claim: claiming until nextAt is null works off everything, whatever limits the connections have',
    async run({ store }) {
      const random = reproducible(3)
      await store.connections.insert(aConnection('con_0'))
      await store.connections.insert(aConnection('con_1', { pace: { perSecond: 3, burst: 2 } }))
      await store.connections.insert(aConnection('con_2', { ordering: 'fifo' }))
      await store.connections.insert(aConnection('con_3', { maxInFlight: 1 }))
      await store.connections.insert(aConnection('con_4', { ordering: 'fifo', pace: { perSecond: 0.7, burst: 1 } }))
      const pending = new Set<string>()
      for (let n = 0; n < 5; n++) {
        const at = () => ({ dueAt: T0 + Math.floor(random() * 5000) })
        for (const id of await fill(store, `con_${n}`, 12, { delivery: at })) pending.add(id)
      }
      let now = T0
      let wakes = 0
      for (; wakes < 1000; wakes++) {
        const { deliveries, nextAt } = await claim(store, { now, limit: 7, perConnection: 2 })
        const failing = () => random() < 0.2
        await store.deliveries.settle(
          deliveries.map((row) => {
            assert.ok(row.dueAt <= now)
            if (row.rounds < 2 && failing()) {
              const retry = { status: 'pending', dueAt: now + 700 } as const
              return settlement(row, retry, { at: now, ...(failing() ? { blockedUntil: now + 1500 } : {}) })
            }
            pending.delete(row.id)
            return settlement(row, undefined, { at: now })
          }),
        )
        if (nextAt === null && deliveries.length === 0) break
        if (nextAt !== null && deliveries.length === 0) assert.ok(nextAt <= now + 30_000)
        // settling may have made room: look again at once after work, else at the instant that was named
        now = deliveries.length > 0 ? now : Math.max(now, nextAt ?? now)
      }
      assert.deepEqual([...pending], [])
      assert.ok(wakes < 400, `${wakes} wake-ups for 60 deliveries`)
    },
  },
]

type Request = Partial<Parameters<typeof claim>[1]> & { readonly now: number }

async function take(store: Store, into: string[], request: Request): Promise<number> {
  const { deliveries } = await claim(store, request)
  into.push(...deliveries.map((row: LeasedDelivery) => row.id))
  return deliveries.length
}

async function takeAndSettle(store: Store, into: string[], request: Request): Promise<number> {
  const { deliveries } = await claim(store, request)
  into.push(...deliveries.map((row: LeasedDelivery) => row.id))
  await store.deliveries.settle(deliveries.map((row) => settlement(row)))
  return deliveries.length
}
