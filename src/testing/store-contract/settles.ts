import assert from 'node:assert/strict'
import type { Settlement } from '../../contracts/index.ts'
import { subscribed } from './connections.ts'
import {
  aConnection,
  type Case,
  claim,
  claimIds,
  connection,
  delivery,
  fill,
  healthDelta,
  ORG,
  only,
  settlement,
  statusOf,
  T0,
} from './world.ts'

const ref = { orgId: ORG, id: 'con_a' }
const reason = { code: 'gone', text: 'The destination is gone', since: T0 + 3 }

export const settleCases: readonly Case[] = [
  {
    name: 'settle: delivered keeps the receipt and the attempt, and ends the delivery',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      await fill(store, 'con_a', 1)
      const held = only((await claim(store, { now: T0 })).deliveries, 'delivery')
      const receipt = { ts: '1720000000.000100', channel: 'C1' }
      const done = settlement(held, { status: 'delivered', receipt }, { at: T0 + 40 })
      const result = await store.deliveries.settle([done])
      assert.deepEqual(result.stale, [])
      const { token: _token, leasedUntil: _until, ...rest } = held
      const expected = { ...rest, status: 'delivered', attempts: 1, httpStatus: 200, receipt, finishedAt: T0 + 40 }
      assert.deepEqual(await delivery(store, held.id), expected)
      assert.deepEqual(await store.deliveries.attempts(held), done.attempts)
    },
  },
  {
    name: 'settle: pending is one more round, due when it says; the next outcome takes the place of the last',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      await fill(store, 'con_a', 1)
      const first = only((await claim(store, { now: T0 })).deliveries, 'delivery')
      // two exchanges, of which one is recorded
      await store.deliveries.settle([settlement(first, { status: 'pending', dueAt: T0 + 500 }, { exchanges: 2 })])
      const waiting = await delivery(store, first.id)
      assert.deepEqual(
        [waiting.status, waiting.dueAt, waiting.attempts, waiting.rounds, waiting.code, waiting.httpStatus],
        ['pending', T0 + 500, 2, 1, 'http_5xx', 503],
      )
      assert.equal(waiting.finishedAt, undefined)
      assert.deepEqual(await claimIds(store, { now: T0 + 499 }), [])
      const second = only((await claim(store, { now: T0 + 500 })).deliveries, 'delivery')
      assert.deepEqual([second.attempts, second.rounds], [2, 1])
      await store.deliveries.settle([settlement(second, { status: 'delivered' }, { at: T0 + 600 })])
      const done = await delivery(store, first.id)
      assert.deepEqual([done.status, done.attempts, done.code, done.httpStatus], ['delivered', 3, undefined, 200])
      assert.deepEqual(
        (await store.deliveries.attempts(first)).map((attempt) => attempt.number),
        [1, 3],
      )
    },
  },
  {
    name: 'settle: pending without an exchange is put off only: no round, no attempt, and health stays',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      await fill(store, 'con_a', 1)
      const held = only((await claim(store, { now: T0 })).deliveries, 'delivery')
      const { orgId, connectionId, token } = held
      const putOff = { orgId, connectionId, token, deliveryId: held.id, exchanges: 0, attempts: [], at: T0 }
      const result = await store.deliveries.settle([{ ...putOff, next: { status: 'pending', dueAt: T0 + 500 } }])
      assert.deepEqual(only(result.connections, 'connection').after, only(result.connections, 'connection').before)
      const waiting = await delivery(store, held.id)
      assert.deepEqual([waiting.status, waiting.dueAt, waiting.attempts, waiting.rounds], ['pending', T0 + 500, 0, 0])
      assert.deepEqual(await claimIds(store, { now: T0 + 499 }), [])
      assert.deepEqual(await claimIds(store, { now: T0 + 500 }), [held.id])
    },
  },
  {
    name: 'settle: cancelled ends a delivery that is not wanted any more',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      await fill(store, 'con_a', 1)
      const held = only((await claim(store, { now: T0 })).deliveries, 'delivery')
      const { orgId, connectionId, token } = held
      const ended = { orgId, connectionId, token, deliveryId: held.id, exchanges: 0, attempts: [], at: T0 + 5 }
      await store.deliveries.settle([{ ...ended, next: { status: 'cancelled' } }])
      const done = await delivery(store, held.id)
      assert.deepEqual([done.status, done.finishedAt, done.failure], ['cancelled', T0 + 5, undefined])
      assert.deepEqual(await claimIds(store, { now: T0 + 60_000 }), [])
    },
  },
  {
    name: 'settle: failed keeps why, and attempts come back exactly, oldest first',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      await fill(store, 'con_a', 1)
      const held = only((await claim(store, { now: T0 })).deliveries, 'delivery')
      const base = { deliveryId: held.id, orgId: ORG, connectionId: 'con_a', durationMs: 12 }
      const attempts: Settlement['attempts'] = [
        {
          ...base,
          number: 1,
          startedAt: T0 + 1,
          outcome: 'retry',
          code: 'rate_limited',
          status: 429,
          retryAfterMs: 900,
        },
        {
          ...base,
          number: 2,
          startedAt: T0 + 950,
          outcome: 'rejected',
          code: 'provider_error',
          status: 200,
          providerCode: 'invalid_blocks',
          detail: 'Not a valid message 🦉',
          snippet: '{"ok":false}\n',
        },
      ]
      const next = { status: 'failed', failure: 'rejected' } as const
      const fields = { exchanges: 2, attempts, code: 'provider_error', httpStatus: 200, at: T0 + 990 } as const
      await store.deliveries.settle([settlement(held, next, fields)])
      const record = await delivery(store, held.id)
      assert.deepEqual(
        [record.status, record.failure, record.code, record.httpStatus, record.finishedAt, record.attempts],
        ['failed', 'rejected', 'provider_error', 200, T0 + 990, 2],
      )
      assert.deepEqual(await store.deliveries.attempts(held), attempts)
      assert.deepEqual(await claimIds(store, { now: T0 + 1e9 }), [])
    },
  },
  {
    name: 'settle: health is applied in order and reported as it was before and after; the version stays',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      await store.connections.insert(aConnection('con_b'))
      await fill(store, 'con_a', 4)
      await fill(store, 'con_b', 1)
      const rows = (await claim(store, { now: T0 })).deliveries
      const [a, b, c, d] = rows.filter((row) => row.connectionId === 'con_a')
      const other = only(
        rows.filter((row) => row.connectionId === 'con_b'),
        'delivery',
      )
      assert.ok(a && b && c && d)
      const retry = { status: 'pending', dueAt: T0 + 1e6 } as const
      const twice = { ...healthDelta(b.id, retry, T0 + 2), failures: 2 }
      const first = await store.deliveries.settle([
        settlement(a, retry, { at: T0 + 1 }),
        settlement(other, { status: 'delivered' }, { at: T0 + 1 }),
        settlement(b, retry, { at: T0 + 2, health: twice }),
      ])
      const ofA = only(
        first.connections.filter((row) => row.id === 'con_a'),
        'connection',
      )
      const failing = { consecutiveFailures: 3, firstFailureAt: T0 + 1, lastAttemptAt: T0 + 2, latest: twice.latest }
      assert.deepEqual(ofA, {
        orgId: ORG,
        id: 'con_a',
        version: 1,
        status: 'active',
        before: { consecutiveFailures: 0 },
        after: failing,
        suspended: false,
      })
      assert.equal(
        only(
          first.connections.filter((row) => row.id === 'con_b'),
          'connection',
        ).after.lastSuccessAt,
        T0 + 1,
      )
      const stored = await connection(store, 'con_a')
      assert.deepEqual([stored.health, stored.version], [failing, 1])

      // neutral notes the latest only; without a delta nothing changes
      const neutral = { ...healthDelta(c.id, retry, T0 + 3), kind: 'neutral' as const, failures: 0 }
      await store.deliveries.settle([settlement(c, retry, { health: neutral })])
      const noted = { ...failing, lastAttemptAt: T0 + 3, latest: neutral.latest }
      assert.deepEqual((await connection(store, 'con_a')).health, noted)
      const { health: _health, ...silent } = settlement(d, { status: 'delivered' }, { at: T0 + 4 })
      const quiet = only((await store.deliveries.settle([silent])).connections, 'connection')
      assert.deepEqual([quiet.before, quiet.after], [noted, noted])
    },
  },
  {
    name: 'settle: a success clears the failures; failingSince restarts the window of failing',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      await fill(store, 'con_a', 3)
      const [a, b, c] = (await claim(store, { now: T0 })).deliveries
      assert.ok(a && b && c)
      const none = await store.connections.update(ref, { failingSince: T0 + 7 }, 1)
      assert.equal(none.health.firstFailureAt, undefined, 'only where there are consecutive failures')
      await store.deliveries.settle([settlement(a, { status: 'pending', dueAt: T0 + 1e6 }, { at: T0 + 1 })])
      const restarted = await store.connections.update(ref, { failingSince: T0 + 50 }, 2)
      assert.deepEqual([restarted.health.firstFailureAt, restarted.health.consecutiveFailures], [T0 + 50, 1])
      assert.ok(!('failingSince' in restarted))
      await store.deliveries.settle([settlement(b, { status: 'pending', dueAt: T0 + 1e6 }, { at: T0 + 60 })])
      const failing = (await connection(store, 'con_a')).health
      assert.deepEqual([failing.firstFailureAt, failing.consecutiveFailures], [T0 + 50, 2])
      await store.deliveries.settle([settlement(c, { status: 'delivered' }, { at: T0 + 70 })])
      const { health } = await connection(store, 'con_a')
      assert.deepEqual(
        [health.firstFailureAt, health.consecutiveFailures, health.lastSuccessAt],
        [undefined, 0, T0 + 70],
      )
    },
  },
  {
    name: 'settle: of several cooldowns the latest is kept',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      await fill(store, 'con_a', 3)
      const [a, b, c] = (await claim(store, { now: T0 })).deliveries
      assert.ok(a && b && c)
      await store.deliveries.settle([
        settlement(a, undefined, { blockedUntil: T0 + 900 }),
        settlement(b, undefined, { blockedUntil: T0 + 300 }),
      ])
      assert.equal((await connection(store, 'con_a')).blockedUntil, T0 + 900)
      await store.deliveries.settle([settlement(c, undefined, { blockedUntil: T0 + 800 })])
      const stored = await connection(store, 'con_a')
      assert.deepEqual([stored.blockedUntil, stored.version], [T0 + 900, 1])
    },
  },
  {
    name: 'settle: suspend takes an active connection out of the set, once, with its reason; the version stays',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      const ids = await fill(store, 'con_a', 3)
      const [a, b] = (await claim(store, { now: T0, limit: 2 })).deliveries
      assert.ok(a && b)
      const before = await subscribed(store.connections.subscribed(ORG))
      const gone = { status: 'failed', failure: 'gone' } as const
      const first = only(
        (await store.deliveries.settle([settlement(a, gone, { suspend: reason })])).connections,
        'connection',
      )
      assert.deepEqual([first.suspended, first.status, first.version], [true, 'suspended', 1])
      const second = await store.deliveries.settle([settlement(b, gone, { suspend: { ...reason, code: 'other' } })])
      assert.deepEqual([second.connections[0]?.suspended, second.connections[0]?.status], [false, 'suspended'])
      const stored = await connection(store, 'con_a')
      assert.deepEqual([stored.status, stored.reason, stored.version], ['suspended', reason, 1])
      const after = await subscribed(store.connections.subscribed(ORG, { since: before.version }))
      assert.deepEqual(after.connections, [])
      assert.deepEqual(await claimIds(store, { now: T0 }), [])
      assert.equal(await statusOf(store, ids[2] ?? ''), 'pending')
      await store.connections.update(ref, { status: 'active', reason: null }, 1)
      assert.deepEqual(await claimIds(store, { now: T0 }), [ids[2]])
    },
  },
  {
    name: 'settle: suspend leaves a connection that a person paused',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      await fill(store, 'con_a', 1)
      const held = only((await claim(store, { now: T0 })).deliveries, 'delivery')
      const paused = { code: 'paused', text: 'Paused', since: T0 }
      await store.connections.update(ref, { status: 'paused', reason: paused }, 1)
      const set = await subscribed(store.connections.subscribed(ORG))
      const gone = { status: 'failed', failure: 'gone' } as const
      const result = only(
        (await store.deliveries.settle([settlement(held, gone, { suspend: reason })])).connections,
        'row',
      )
      assert.deepEqual([result.suspended, result.status, result.version], [false, 'paused', 2])
      assert.deepEqual((await connection(store, 'con_a')).reason, paused)
      assert.equal(await store.connections.subscribed(ORG, { since: set.version }), 'unchanged')
    },
  },
  {
    name: 'settle: health and cooldowns leave the version of the subscriptions',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      await fill(store, 'con_a', 1)
      const { version } = await subscribed(store.connections.subscribed(ORG))
      const held = only((await claim(store, { now: T0 })).deliveries, 'delivery')
      const retry = { status: 'pending', dueAt: T0 + 5 } as const
      await store.deliveries.settle([settlement(held, retry, { blockedUntil: T0 + 5 })])
      assert.equal(await store.connections.subscribed(ORG, { since: version }), 'unchanged')
    },
  },
  {
    name: 'settle: stale ones do not hinder the others',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      await store.connections.insert(aConnection('con_b'))
      await fill(store, 'con_a', 2)
      await fill(store, 'con_b', 1)
      const rows = (await claim(store, { now: T0 })).deliveries
      const [a, b] = rows.filter((row) => row.connectionId === 'con_a')
      const ofB = only(
        rows.filter((row) => row.connectionId === 'con_b'),
        'delivery',
      )
      assert.ok(a && b)
      const result = await store.deliveries.settle([
        settlement({ ...ofB, token: 'tok_stale' }),
        settlement(a),
        settlement({ ...a, id: 'dlv_unknown' }),
        settlement(b),
      ])
      assert.deepEqual([...result.stale].sort(), ['dlv_unknown', ofB.id].sort())
      assert.deepEqual(
        result.connections.map((row) => row.id),
        ['con_a'],
      )
      assert.deepEqual(await Promise.all([a, b, ofB].map((row) => statusOf(store, row.id))), [
        'delivered',
        'delivered',
        'sending',
      ])
      assert.deepEqual((await connection(store, 'con_b')).health, { consecutiveFailures: 0 })
    },
  },
  {
    name: 'settle: nothing to settle is no error',
    async run({ store }) {
      assert.deepEqual(await store.deliveries.settle([]), { stale: [], connections: [] })
    },
  },
  {
    name: 'settle: what was leased when its connection was deleted may still be settled; a retry then is cancelled',
    async run({ store }) {
      await store.connections.insert(aConnection('con_a'))
      const ids = await fill(store, 'con_a', 4, { delivery: (n) => (n === 3 ? { dueAt: T0 + 9000 } : {}) })
      const [a, b, c] = (await claim(store, { now: T0, leaseMs: 1000 })).deliveries
      assert.ok(a && b && c)
      assert.equal(await store.connections.delete(ref, { now: T0 + 5 }), true)
      const waiting = await delivery(store, ids[3] ?? '')
      assert.deepEqual([waiting.status, waiting.finishedAt], ['cancelled', T0 + 5])
      const result = await store.deliveries.settle([
        settlement(a),
        settlement(b, { status: 'pending', dueAt: T0 + 10 }),
      ])
      assert.deepEqual([result.stale, result.connections], [[], []])
      assert.equal(await statusOf(store, a.id), 'delivered')
      assert.equal((await store.deliveries.attempts(b)).length, 1)
      assert.deepEqual(await claimIds(store, { now: T0 + 5000 }), [])
      assert.equal(await statusOf(store, b.id), 'cancelled')
      assert.equal(await statusOf(store, c.id), 'cancelled', 'its lease ran out')
      const listed = await store.deliveries.list({ orgId: ORG, connectionId: 'con_a', limit: 10 })
      assert.equal(listed.items.length, 4, 'deliveries stay readable')
      assert.equal((await store.deliveries.attempts(a)).length, 1)
      assert.equal((await claim(store, { now: T0 + 1e6 })).nextAt, null)
    },
  },
]
