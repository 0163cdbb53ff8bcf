import { describe, expect, it } from 'vitest'
import type { Store } from '../../../src/contracts/index.ts'
import { createDispatcher } from '../../../src/dispatcher.ts'
import { isSignalboxError } from '../../../src/errors.ts'
import { postgresStore } from '../../../src/stores/postgres.ts'
import { createRecorder } from '../../../src/testing/index.ts'
import { postgresMissing } from '../../support/postgres.ts'
import { aBatch, aConnection, claim, delivered, freshWorld, ORG, T0, type World } from './fixtures.ts'
import { runHostTransactions } from './host-transactions.ts'

const missing = await postgresMissing()
const event = { orgId: ORG, type: 'case_assigned', title: 'T', body: 'B', href: 'https://app.example.com/1' } as const

async function dispatcherOn({ pool, schema }: World, store: Store) {
  const dispatcher = createDispatcher({ store, transports: [createRecorder().transport()], encryption: false })
  return { dispatcher, pool, schema }
}

describe.skipIf(missing !== undefined)('transactions of the host', () => {
  it('beside claims: nothing is lost, nothing comes twice, and no one waits for them', {
    timeout: 600_000,
  }, async () => {
    const given = Number(process.env.SIGNALBOX_TEST_HOST_TRANSACTIONS ?? 0)
    const load =
      given > 0 ? { transactions: given, hosts: 30, openMs: 400 } : { transactions: 1000, hosts: 12, openMs: 50 }
    const { problems, text } = await runHostTransactions({ ...load, seed: 31 })
    if (given > 0) console.info(text)
    expect(problems).toEqual([])
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

/** Until a statement on this schema waits for another transaction. */
async function waitsForLock({ pool, schema }: World): Promise<void> {
  const sql = `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%' || $1 || '%'`
  while ((await pool.query(sql, [`"${schema}".enqueue(`])).rows.length === 0);
}
