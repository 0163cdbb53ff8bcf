import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createDispatcher } from '../../../src/dispatcher.ts'
import { pollingEngine } from '../../../src/engines/polling.ts'
import { postgresStore } from '../../../src/stores/postgres.ts'
import { createRecorder } from '../../../src/testing/index.ts'
import { aBatch, aConnection, freshWorld, ORG } from '../../stores/postgres/fixtures.ts'
import { postgresMissing } from '../../support/postgres.ts'
import { runCallSites } from './call-sites.ts'
import { openWay } from './ground.ts'
import { methodsOf, storeCalls } from './store-calls.ts'

const missing = await postgresMissing()
const SHORT = { lockTimeoutMs: 500, statementTimeoutMs: 1000 } as const

/** A store on a schema of its own, over a way that can fail. */
async function storeOverRelay(options: { readonly listen: boolean }) {
  const { schema, open } = await freshWorld()
  const way = await openWay({ max: 4, connectionTimeoutMillis: 3000 })
  const { relay, pool } = way
  const store = postgresStore({ pool, schema, ...options, ...SHORT })
  onTestFinished(async () => {
    await store.close()
    await way.close()
  })
  await store.setup()
  return { relay, pool, store, other: await open() }
}

describe.skipIf(missing !== undefined)('the Postgres store over a way that fails', () => {
  it('settles every call at each of its round trips, done or not done, and goes on', { timeout: 120_000 }, async () => {
    const seed = Math.floor(Math.random() * 2 ** 31)
    const { problems, ...figures } = await runCallSites({ seed, share: 0.08 })
    expect(problems, `seed ${seed}`).toEqual([])
    // else nothing was put to the test
    expect(figures.rejected, `seed ${seed}`).toBeGreaterThan(20)
  })

  it("leaves nothing of a host's transaction whose connection broke, and says so", async () => {
    const { relay, store, pool, other } = await storeOverRelay({ listen: false })
    for (const direction of ['up', 'down'] as const) {
      const tx = await pool.connect()
      tx.on('error', () => {})
      await tx.query('BEGIN')
      relay.cut({ direction, packet: 1 })
      await expect(store.deliveries.enqueue({ ...aBatch('con_a', 'tx', 1), tx })).rejects.toMatchObject({
        code: 'store_failed',
      })
      tx.release(true)
      relay.mend()
      expect(await other.events.get({ orgId: ORG, id: 'tx0' })).toBeUndefined()
    }
    expect(await store.deliveries.enqueue(aBatch('con_a', 'tx', 1))).toEqual({ duplicates: [] })
  })

  it('fails a call for which the host leaves no connection, and keeps none that comes too late', async () => {
    const { pool, open } = await freshWorld({ max: 1 })
    const store = await open(SHORT)
    const held = await pool.connect()
    await expect(store.keys.get('key', { now: 0 })).rejects.toMatchObject({ code: 'store_failed' })
    expect(pool.waitingCount).toBe(1)
    held.release()
    await vi.waitFor(() => expect([pool.waitingCount, pool.idleCount]).toEqual([0, 1]), 10_000)
  })

  it('is put to the test with every method that it has', async () => {
    const { store } = await storeOverRelay({ listen: true })
    const called = new Set(storeCalls.map(({ name }) => name.split(' ')[0]))
    // and these below
    for (const name of ['close', 'onWake', 'announce']) called.add(name)
    expect(methodsOf(store).filter((name) => !called.has(name))).toEqual([])
  })

  it('notices that the connection which it listens on has gone silent, and listens again', async () => {
    const { relay, store, other } = await storeOverRelay({ listen: true })
    let heard = 0
    onTestFinished(store.onWake?.(() => heard++) ?? (() => {}))
    await vi.waitFor(() => expect(heard).toBe(1), 10_000)
    relay.stall()
    await other.deliveries.enqueue(aBatch('con_a', 'e', 1))
    store.announce?.()
    // asked, given up, and connected anew without an answer
    await new Promise((resolve) => setTimeout(resolve, 2 * SHORT.statementTimeoutMs + 200))
    expect(heard).toBe(1)
    // nothing of the old connection comes any more
    relay.cut()
    relay.mend()
    await vi.waitFor(() => expect(heard).toBeGreaterThan(1), 20_000)
    const before = heard
    await other.deliveries.enqueue(aBatch('con_a', 'f', 1))
    await vi.waitFor(() => expect(heard).toBeGreaterThan(before), 10_000)
  }, 60_000)

  it('closes while its peer is silent', async () => {
    const { relay, store, pool } = await storeOverRelay({ listen: true })
    let heard = 0
    store.onWake?.(() => heard++)
    await vi.waitFor(() => expect(heard).toBe(1), 10_000)
    relay.stall()
    await store.close()
    expect(pool.totalCount - pool.idleCount).toBe(0)
  }, 30_000)

  it('lets a worker go on as soon as the peer is there again, however it went', async () => {
    const { relay, store, other } = await storeOverRelay({ listen: false })
    const recorder = createRecorder()
    await other.connections.insert(aConnection('con_a', { transport: 'recorder', config: {} }))
    const dispatcher = createDispatcher({
      store,
      transports: [recorder.transport()],
      engine: pollingEngine({ pollMs: 50 }),
      encryption: false,
    })
    onTestFinished(() => dispatcher.close())
    await dispatcher.start()
    for (const [n, harm] of [relay.stall, relay.cut, relay.stall].entries()) {
      harm()
      await expect(dispatcher.dispatch(eventOf(`lost${n}`))).rejects.toMatchObject({ code: 'store_failed' })
      relay.mend()
      await other.deliveries.enqueue(dueBatch(`later${n}`))
      await vi.waitFor(() => expect(recorder.sent.map(({ eventIds }) => eventIds[0])).toContain(`later${n}0`), 20_000)
    }
  }, 120_000)
})

function dueBatch(prefix: string) {
  return aBatch('con_a', prefix, 1)
}

function eventOf(id: string) {
  return { id, orgId: ORG, type: 'case_assigned', title: 'T', body: 'B', href: 'https://app.example.com/1' }
}
