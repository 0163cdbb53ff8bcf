import assert from 'node:assert/strict'
import type { Lease, LeasedDelivery } from '../../contracts/index.ts'
import {
  aConnection,
  type Case,
  claim,
  claimIds,
  connection,
  delivery,
  fill,
  ORG,
  only,
  reproducible,
  settlement,
  statusOf,
  T0,
} from './world.ts'

const lease = ({ id, connectionId, token }: LeasedDelivery): Lease => ({ deliveryId: id, connectionId, token })

export const leaseCases: readonly Case[] = [
  {
    name: 'leases: one that ran out makes its delivery due again at once, and fences the first holder out',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      await fill(store, 'con_a', 1)
      const first = only((await claim(store, { now: T0, leaseMs: 1000 })).deliveries, 'delivery')
      const held = await claim(store, { now: T0 + 999 })
      assert.deepEqual([held.deliveries, held.nextAt], [[], T0 + 1000])
      const second = only((await claim(store, { now: T0 + 1000, leaseMs: 1000 })).deliveries, 'delivery')
      assert.equal(second.id, first.id)
      assert.notEqual(second.token, first.token)
      assert.deepEqual([second.attempts, second.rounds], [0, 0], 'a lost lease is no round')
      const late = await store.deliveries.settle([settlement(first)])
      assert.deepEqual([late.stale, late.connections], [[first.id], []])
      assert.equal(await statusOf(store, first.id), 'sending')
      assert.deepEqual((await store.deliveries.settle([settlement(second)])).stale, [])
      assert.equal(await statusOf(store, first.id), 'delivered')
    },
  },
  {
    name: 'leases: of a thousand stale settlements none is accepted',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      await fill(store, 'con_a', 1000)
      const stale: LeasedDelivery[] = []
      while (stale.length < 1000) {
        stale.push(...(await claim(store, { now: T0, limit: 250, leaseMs: 10 })).deliveries)
      }
      const held: LeasedDelivery[] = []
      while (held.length < 1000)
        held.push(...(await claim(store, { now: T0 + 10, limit: 250, leaseMs: 1e6 })).deliveries)
      const before = await connection(store, 'con_a')
      const suspend = { code: 'gone', text: 'gone', since: T0 }
      for (let from = 0; from < 1000; from += 250) {
        const late = stale.slice(from, from + 250)
        const result = await store.deliveries.settle(
          late.map((row) => settlement(row, { status: 'delivered' }, { suspend, blockedUntil: T0 + 1e9 })),
        )
        assert.deepEqual([...result.stale].sort(), late.map((row) => row.id).sort())
        assert.deepEqual(result.connections, [])
      }
      assert.deepEqual(await connection(store, 'con_a'), before)
      for (const row of stale.slice(0, 20)) {
        assert.equal(await statusOf(store, row.id), 'sending')
        assert.deepEqual(await store.deliveries.attempts(row), [])
      }
      const good = await store.deliveries.settle(held.slice(0, 250).map((row) => settlement(row)))
      assert.deepEqual(good.stale, [])
    },
  },
  {
    name: 'leases: a settlement counts once; its second try is stale',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      await fill(store, 'con_a', 2)
      const [a, b] = (await claim(store, { now: T0 })).deliveries
      assert.ok(a && b)
      assert.deepEqual((await store.deliveries.settle([settlement(a)])).stale, [])
      assert.deepEqual(
        (await store.deliveries.settle([settlement(a, { status: 'failed', failure: 'rejected' })])).stale,
        [a.id],
      )
      assert.deepEqual((await store.deliveries.settle([settlement(b), settlement(b)])).stale, [b.id])
      for (const row of [a, b]) {
        const record = await delivery(store, row.id)
        assert.deepEqual([record.status, record.attempts], ['delivered', 1])
        assert.equal((await store.deliveries.attempts(row)).length, 1)
      }
    },
  },
  {
    name: 'leases: after five lost in a row the delivery fails as abandoned, with an attempt that says so',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      const [id] = await fill(store, 'con_a', 1)
      let now = T0
      for (let lost = 0; lost < 5; lost++, now += 1000) {
        assert.deepEqual(await claimIds(store, { now, leaseMs: 1000 }), [id], `claim ${lost + 1}`)
      }
      const last = await claim(store, { now })
      assert.deepEqual([last.deliveries, last.nextAt], [[], null])
      const record = await delivery(store, id ?? '')
      assert.deepEqual([record.status, record.failure, record.code], ['failed', 'abandoned', 'abandoned'])
      assert.ok(record.finishedAt !== undefined && record.finishedAt <= now)
      const attempt = only(await store.deliveries.attempts(record), 'attempt')
      assert.deepEqual(
        [attempt.code, attempt.number, attempt.deliveryId, attempt.connectionId, attempt.orgId],
        ['abandoned', 1, id, 'con_a', ORG],
      )
    },
  },
  {
    name: 'leases: a settlement in between ends the row of lost ones',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      const [id] = await fill(store, 'con_a', 1)
      let now = T0
      for (let round = 0; round < 2; round++) {
        for (let lost = 0; lost < 4; lost++, now += 1000) {
          assert.deepEqual(await claimIds(store, { now, leaseMs: 1000 }), [id])
        }
        const held = only((await claim(store, { now, leaseMs: 1000 })).deliveries, 'delivery')
        await store.deliveries.settle([settlement(held, { status: 'pending', dueAt: now })])
      }
      assert.equal(await statusOf(store, id ?? ''), 'pending')
    },
  },
  {
    name: 'leases: release makes due at once, counts nothing, gives pace tokens back and passes over stale ones',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a', { pace: { perSecond: 0.001, burst: 2 } }))
      const ids = await fill(store, 'con_a', 3)
      for (let round = 0; round < 7; round++) {
        const { deliveries } = await claim(store, { now: T0 + round })
        assert.deepEqual(deliveries.map((row) => row.id).sort(), ids.slice(0, 2), `round ${round}`)
        await store.deliveries.release(deliveries.map(lease))
        // stale by now: must not give tokens back again
        await store.deliveries.release(deliveries.map(lease))
      }
      const record = await delivery(store, ids[0] ?? '')
      assert.deepEqual([record.status, record.attempts, record.rounds, record.dueAt], ['pending', 0, 0, T0])
      assert.deepEqual(await store.deliveries.attempts(record), [])
      assert.deepEqual((await connection(store, 'con_a')).health, { consecutiveFailures: 0 })
    },
  },
  {
    name: 'leases: release frees the cap and a fifo connection',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a', { ordering: 'fifo' }))
      const ids = await fill(store, 'con_a', 2)
      const held = only((await claim(store, { now: T0 })).deliveries, 'delivery')
      await store.deliveries.release([lease(held)])
      assert.deepEqual((await store.deliveries.settle([settlement(held)])).stale, [held.id])
      assert.deepEqual(await claimIds(store, { now: T0, perConnection: 1 }), [ids[0]])
    },
  },
  {
    name: 'leases: renew extends what is still held and answers what was lost',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      await fill(store, 'con_a', 3)
      const { deliveries } = await claim(store, { now: T0, leaseMs: 1000 })
      const [a, b, c] = deliveries
      assert.ok(a && b && c)
      await store.deliveries.settle([settlement(c)])
      assert.deepEqual(await store.deliveries.renew([lease(a), lease(c)], T0 + 5000), [c.id])
      const again = only((await claim(store, { now: T0 + 1000, leaseMs: 1e6 })).deliveries, 'delivery')
      assert.equal(again.id, b.id, 'only the lease that was not renewed ran out')
      assert.deepEqual(await store.deliveries.renew([lease(a), lease(b)], T0 + 6000), [b.id])
      assert.deepEqual(await claimIds(store, { now: T0 + 5999 }), [])
      const wrong = { ...lease(a), token: 'tok_other' }
      assert.deepEqual(await store.deliveries.renew([wrong, { ...wrong, deliveryId: 'dlv_none' }], T0 + 9000), [
        a.id,
        'dlv_none',
      ])
      assert.deepEqual((await store.deliveries.settle([settlement(a)])).stale, [])
      assert.deepEqual(await claimIds(store, { now: T0 + 6000 }), [])
    },
  },
  {
    name: 'leases: one that ran out frees its place under the cap',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a', { maxInFlight: 1 }))
      await fill(store, 'con_a', 2)
      await claim(store, { now: T0, leaseMs: 100 })
      assert.deepEqual(await claimIds(store, { now: T0 + 99 }), [])
      assert.equal((await claim(store, { now: T0 + 100 })).deliveries.length, 1)
    },
  },
  {
    name: 'leases: everything is delivered once, whatever workers do: settle, retry, release, or die',
    async run({ store }) {
      const random = reproducible(23)
      const pick = (n: number) => Math.floor(random() * n)
      const caps = [2, 1, 3]
      await store.connections.insert(aConnection('con_0', { maxInFlight: 2 }))
      await store.connections.insert(aConnection('con_1', { ordering: 'fifo' }))
      await store.connections.insert(aConnection('con_2'))
      const held = new Map<string, LeasedDelivery>()
      const delivered = new Set<string>()
      let enqueued = 0
      let now = T0
      const step = async (n: number, dies: number) => {
        for (const [id, row] of held) if (row.leasedUntil <= now) held.delete(id)
        const { deliveries } = await claim(store, { now, limit: 1 + pick(6), perConnection: 3, leaseMs: 100 })
        for (const row of deliveries) {
          assert.ok(!held.has(row.id) && !delivered.has(row.id), `${row.id} was handed out twice`)
          held.set(row.id, row)
        }
        for (let c = 0; c < caps.length; c++) {
          const running = [...held.values()].filter((row) => row.connectionId === `con_${c}`)
          assert.ok(running.length <= (caps[c] ?? 0), `${running.length} at once of con_${c} in step ${n}`)
        }
        for (const [id, row] of [...held]) {
          const what = random()
          if (what < dies) continue
          held.delete(id)
          if (what > 0.9) {
            await store.deliveries.release([lease(row)])
          } else {
            const next = what > 0.75 ? ({ status: 'pending', dueAt: now + pick(80) } as const) : undefined
            assert.deepEqual((await store.deliveries.settle([settlement(row, next, { at: now })])).stale, [])
            if (next === undefined) delivered.add(id)
          }
        }
      }
      for (let n = 0; n < 120; n++) {
        now += pick(50)
        const status = pick(2) === 0 ? 'paused' : 'active'
        if (pick(8) === 0) {
          const { version } = await connection(store, 'con_2')
          await store.connections.update({ orgId: ORG, id: 'con_2' }, { status }, version)
        }
        const count = pick(3)
        await fill(store, `con_${pick(3)}`, count, {
          prefix: `s${n}_`,
          delivery: () => ({ dueAt: now + pick(60) - 30 }),
        })
        enqueued += count
        // rarely, so that none is lost five times in a row
        await step(n, 0.2)
      }
      const { version } = await connection(store, 'con_2')
      await store.connections.update({ orgId: ORG, id: 'con_2' }, { status: 'active' }, version)
      for (let n = 0; delivered.size < enqueued && n < 600; n++, now += 50) await step(n, 0)
      assert.equal(delivered.size, enqueued)
      assert.equal(await store.deliveries.nextDueAt(['webhook']), null)
    },
  },
]
