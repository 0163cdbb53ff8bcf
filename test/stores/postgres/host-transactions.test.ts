import { setTimeout as delay } from 'node:timers/promises'
import type pg from 'pg'
import { describe, expect, it } from 'vitest'
import type { CollectEntry, Store } from '../../../src/contracts/index.ts'
import { createDispatcher } from '../../../src/dispatcher.ts'
import { isSignalboxError } from '../../../src/errors.ts'
import { type PostgresPool, postgresStore } from '../../../src/stores/postgres.ts'
import { createRecorder } from '../../../src/testing/index.ts'
import { openPool, postgresMissing } from '../../support/postgres.ts'
import { aBatch, aConnection, claim, delivered, freshWorld, ORG, T0, type World } from './fixtures.ts'

const missing = await postgresMissing()
const event = { orgId: ORG, type: 'case_assigned', title: 'T', body: 'B', href: 'https://app.example.com/1' } as const

function member(connectionId: string, key: string, eventId: string, closesAt: number): CollectEntry {
  return {
    orgId: ORG,
    connectionId,
    key,
    eventId,
    at: T0,
    closesAt,
    mustCloseAt: closesAt,
    maxItems: 1000,
    keep: 'first',
  }
}

/** The same numbers in each run (mulberry32). */
function reproducible(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

async function dispatcherOn({ pool, schema }: World, store: Store) {
  const dispatcher = createDispatcher({ store, transports: [createRecorder().transport()], encryption: false })
  return { dispatcher, pool, schema }
}

describe.skipIf(missing !== undefined)('transactions of the host', () => {
  it('beside claims: nothing is lost, nothing comes twice, and no one waits for them', {
    timeout: 240_000,
  }, async () => {
    const world = await freshWorld({ max: 8 })
    const hosts = openPool({ max: 12 })
    const deadlocks: unknown[] = []
    const pool = watched(world.pool, (error) => deadlocks.push(error))
    const workers = await Promise.all([1, 2, 3, 4].map(() => world.open({ pool })))
    const [store = await world.open()] = workers
    for (let n = 0; n < 5; n++) await store.connections.insert(aConnection(`con_${n}`))
    const random = reproducible(31)
    const levels = ['READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE']

    const TRANSACTIONS = 1000
    const committed: string[] = []
    const members: string[] = []
    let begun = 0
    let open = true
    const host = async (): Promise<void> => {
      while (begun < TRANSACTIONS) {
        const n = begun++
        const plan = { level: levels[n % 3], openMs: random() * 50, fails: random() < 0.2, lane: n % 5 }
        const client = await hosts.connect()
        const batch = aBatch(`con_${plan.lane}`, `h${n}_`, 2)
        const collect = batch.events.map(({ id }) => member(`con_${(plan.lane + 1) % 5}`, `k${n % 3}`, id, T0 + n))
        await client.query(`BEGIN ISOLATION LEVEL ${plan.level}`)
        const { duplicates } = await store.deliveries.enqueue({ ...batch, collect, tx: client })
        expect(duplicates).toEqual([])
        await delay(plan.openMs)
        await client.query(plan.fails ? 'ROLLBACK' : 'COMMIT')
        client.release()
        if (plan.fails) continue
        committed.push(...batch.deliveries.map(({ id }) => id))
        members.push(...collect.map(({ connectionId, key, eventId }) => `${connectionId}/${key}/${eventId}`))
      }
    }

    const sent: string[] = []
    const digested: string[] = []
    const work = async (mine: Store): Promise<void> => {
      for (let idle = 0; open || idle < 3; ) {
        const { deliveries } = await claim(mine, open ? T0 + begun : T0 + TRANSACTIONS, 50)
        for (const { id, kind, connectionId, digest } of deliveries) {
          if (kind === 'event') sent.push(id)
          for (const eventId of digest?.eventIds ?? []) digested.push(`${connectionId}/${digest?.key}/${eventId}`)
        }
        expect((await mine.deliveries.settle(deliveries.map((row) => delivered(row)))).stale).toEqual([])
        idle = deliveries.length === 0 ? idle + 1 : 0
        if (deliveries.length === 0) await delay(2)
      }
    }

    const working = workers.map(work)
    await Promise.all(Array.from({ length: 12 }, host))
    open = false
    await Promise.all(working)
    await hosts.end()

    expect(committed.length).toBeGreaterThan(1000)
    expect(sent.sort()).toEqual(committed.sort())
    expect(digested.sort()).toEqual(members.sort())
    expect(deadlocks).toEqual([])
  })

  it('that stay open hold up neither claims, nor settles, nor other dispatches, nor changes of connections', async () => {
    const world = await freshWorld()
    const store = await world.open()
    await store.connections.insert(aConnection('con_a'))
    const client = await world.pool.connect()
    await client.query('BEGIN')
    await store.deliveries.enqueue({ ...aBatch('con_a', 'held', 3), tx: client })
    // each of these would wait for the lock timeout, and fail
    const beside = await world.open({ lockTimeoutMs: 50 })
    await beside.deliveries.enqueue(aBatch('con_a', 'free', 3))
    const { deliveries } = await claim(beside, T0)
    expect(deliveries.map(({ id }) => id).sort()).toEqual(['dlv_free0', 'dlv_free1', 'dlv_free2'])
    await beside.deliveries.settle(deliveries.map((row) => delivered(row)))
    await beside.connections.update({ orgId: ORG, id: 'con_a' }, { categories: ['breach'] }, 1)
    await beside.connections.insert(aConnection('con_b'))
    await beside.connections.delete({ orgId: ORG, id: 'con_a' }, { now: T0 + 1 })
    await client.query('COMMIT')
    client.release()
    expect((await claim(beside, T0 + 2)).deliveries).toEqual([])
    const left = await beside.deliveries.list({ orgId: ORG, limit: 10, status: ['cancelled'] })
    expect(left.items.map(({ id }) => id)).toEqual(['dlv_held2', 'dlv_held1', 'dlv_held0'])
  })

  it('that commit late are found, however many claims looked before', async () => {
    const world = await freshWorld()
    const store = await world.open()
    await store.connections.insert(aConnection('con_a'))
    const clients = await Promise.all([1, 2, 3].map(() => world.pool.connect()))
    for (const [n, client] of clients.entries()) {
      await client.query('BEGIN')
      await store.deliveries.enqueue({ ...aBatch('con_a', `t${n}_`, 1), tx: client })
    }
    for (const n of [1, 0, 2]) {
      await store.deliveries.enqueue(aBatch('con_a', `between${n}_`, 1))
      expect((await claim(store, T0)).deliveries.map(({ id }) => id)).toEqual([`dlv_between${n}_0`])
      expect((await claim(store, T0)).deliveries).toEqual([])
      await clients[n]?.query('COMMIT')
      clients[n]?.release()
      expect((await claim(store, T0)).deliveries.map(({ id }) => id)).toEqual([`dlv_t${n}_0`])
    }
  })

  it('dispatch with tx sends every statement through it: a pool of one does not deadlock, not even at first', async () => {
    const world = await freshWorld({ max: 1 })
    const { dispatcher, pool } = await dispatcherOn(world, await world.open({ listen: false }))
    await dispatcher.connections.create({ orgId: ORG, transport: 'recorder', config: {} })
    await dispatcher.close()
    // not set up yet: that too goes through the transaction
    const first = createDispatcher({
      store: postgresStore({ pool, schema: world.schema }),
      transports: [createRecorder().transport()],
      encryption: false,
    })
    const client = await pool.connect()
    await client.query('BEGIN')
    const result = await first.dispatch(event, { tx: client })
    expect(result.deliveries).toHaveLength(1)
    const more = await first.dispatchMany([event, event], { tx: client })
    expect(more.map((one) => one.deliveries.length)).toEqual([1, 1])
    await client.query('COMMIT')
    client.release()
    expect((await first.deliveries.list({ orgId: ORG })).items).toHaveLength(3)
    await first.close()
  })

  it('that insert the same event id: the second waits, and is a duplicate, or goes through after a rollback', async () => {
    const world = await freshWorld()
    const store = await world.open()
    for (const [end, duplicates] of [
      ['COMMIT', 1],
      ['ROLLBACK', 0],
    ] as const) {
      const client = await world.pool.connect()
      await client.query('BEGIN')
      await store.deliveries.enqueue({ ...aBatch('con_a', end, 1), tx: client })
      let done = false
      const second = store.deliveries.enqueue(aBatch('con_a', end, 1)).finally(() => {
        done = true
      })
      await waitsForLock(world)
      expect(done).toBe(false)
      await client.query(end)
      client.release()
      expect((await second).duplicates).toHaveLength(duplicates)
    }
  })

  it('with an event id that others dispatch too hold up that dispatch alone', async () => {
    const world = await freshWorld()
    const { dispatcher, pool } = await dispatcherOn(world, await world.open())
    await dispatcher.connections.create({ orgId: ORG, transport: 'recorder', config: {} })
    const client = await pool.connect()
    await client.query('BEGIN')
    await dispatcher.dispatch({ ...event, id: 'same' }, { tx: client })
    let waited = true
    const blocked = dispatcher.dispatch({ ...event, id: 'same' }).finally(() => {
      waited = false
    })
    const beside = await Promise.all(['a', 'b', 'c'].map((id) => dispatcher.dispatch({ ...event, id })))
    const later = await Promise.all(['d', 'e'].map((id) => dispatcher.dispatch({ ...event, id })))
    expect([...beside, ...later].map((one) => one.duplicate)).toEqual([false, false, false, false, false])
    expect(waited).toBe(true)
    await client.query('COMMIT')
    client.release()
    expect((await blocked).duplicate).toBe(true)
    await dispatcher.close()
  })

  it("under repeatable read get the database's own 40001 to try again with", async () => {
    const world = await freshWorld()
    const store = await world.open()
    const client = await world.pool.connect()
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1')
    await client.query(`SELECT count(*) FROM "${world.schema}".event`)
    await store.deliveries.enqueue(aBatch('con_a', 'e', 1))
    const error = await store.deliveries
      .enqueue({ ...aBatch('con_a', 'e', 1), tx: client })
      .catch((reason: unknown) => reason)
    expect(isSignalboxError(error, 'store_failed')).toBe(true)
    expect(error).toMatchObject({ cause: { code: '40001' } })
    await client.query('ROLLBACK')
    client.release()
  })

  it('refuses what can carry no statements', async () => {
    const store = await (await freshWorld()).open()
    for (const tx of [null, {}, 'tx', 7]) {
      const refused = expect.objectContaining({ code: 'invalid_input', field: 'tx' })
      await expect(store.deliveries.enqueue({ ...aBatch('con_a', 'e', 1), tx })).rejects.toEqual(refused)
      await expect(store.connections.subscribed(ORG, { tx })).rejects.toEqual(refused)
    }
  })
})

/** The pool, telling of each statement that the server broke off as part of a deadlock. */
function watched(pool: pg.Pool, onDeadlock: (error: unknown) => void): PostgresPool {
  const telling = async <T>(result: Promise<T>): Promise<T> => {
    try {
      return await result
    } catch (error) {
      if (typeof error === 'object' && error !== null && 'code' in error && error.code === '40P01') onDeadlock(error)
      throw error
    }
  }
  return {
    query: (text, values) => telling(pool.query(text, values)),
    async connect() {
      const client = await pool.connect()
      return {
        query: (text, values) => telling(client.query(text, values)),
        release: (error) => client.release(error),
      }
    },
  }
}

/** Until a statement on this schema waits for another transaction. */
async function waitsForLock({ pool, schema }: World): Promise<void> {
  const sql = `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%' || $1 || '%'`
  while ((await pool.query(sql, [`"${schema}".event`])).rows.length === 0);
}
