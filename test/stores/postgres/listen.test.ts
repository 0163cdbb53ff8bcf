import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { Store } from '../../../src/contracts/index.ts'
import { createDispatcher } from '../../../src/dispatcher.ts'
import { pollingEngine } from '../../../src/engines/polling.ts'
import { createRecorder } from '../../../src/testing/index.ts'
import { postgresMissing } from '../../support/postgres.ts'
import { aBatch, freshWorld, ORG, T0, type World } from './fixtures.ts'

const missing = await postgresMissing()

/** Counts what a store hears of others once it listens, and lets a test wait for the next time. */
async function listener(store: Store) {
  let waiting: (() => void)[] = []
  let heard = 0
  const stop = store.onWake?.(() => {
    heard++
    for (const resolve of waiting) resolve()
    waiting = []
  })
  if (stop === undefined) throw new Error('the store does not listen')
  onTestFinished(stop)
  const next = (): Promise<void> => new Promise((resolve) => waiting.push(resolve))
  // once at first: for what came before
  await next()
  heard = 0
  return { stop, next, heard: () => heard }
}

/** The server's processes that listen for this schema's store. */
async function listening({ pool, schema }: World): Promise<readonly number[]> {
  const sql = 'SELECT pid FROM pg_stat_activity WHERE query = $1'
  return (await pool.query(sql, [`LISTEN "signalbox_${schema}"`])).rows.map((row) => Number(row.pid))
}

describe.skipIf(missing !== undefined)('wake-ups between processes', () => {
  it('a store hears that another one enqueued, and not of itself', async () => {
    const world = await freshWorld()
    const [ours, others] = [await world.open(), await world.open()]
    const heard = await listener(ours)
    await ours.deliveries.enqueue(aBatch('con_a', 'own', 1))
    const next = heard.next()
    await others.deliveries.enqueue(aBatch('con_a', 'other', 1))
    await next
    // its own was announced before, on the same channel
    expect(heard.heard()).toBe(1)
  })

  it('others hear of what the host committed when it says so', async () => {
    const world = await freshWorld()
    const [ours, others] = [await world.open(), await world.open()]
    const heard = await listener(ours)
    const dispatcher = createDispatcher({
      store: others,
      transports: [createRecorder().transport('log')],
      encryption: false,
    })
    const next = heard.next()
    dispatcher.wake()
    await next
    expect(heard.heard()).toBe(1)
    await dispatcher.close()
  })

  it('what is due later, and what is inside a transaction of the host, is not announced', async () => {
    const world = await freshWorld()
    const [ours, others] = [await world.open(), await world.open()]
    const heard = await listener(ours)
    const client = await world.pool.connect()
    await client.query('BEGIN')
    await others.deliveries.enqueue({ ...aBatch('con_a', 'tx', 1), tx: client })
    await client.query('COMMIT')
    client.release()
    await others.deliveries.enqueue(aBatch('con_a', 'later', 1, T0 + 60_000))
    const next = heard.next()
    await others.deliveries.enqueue(aBatch('con_a', 'now', 1))
    await next
    expect(heard.heard()).toBe(1)
  })

  it('a lost connection is made again, and what was missed meanwhile is looked for', async () => {
    const world = await freshWorld()
    const [ours, others] = [await world.open(), await world.open()]
    const heard = await listener(ours)
    for (let times = 1; times <= 2; times++) {
      const [lost] = await listening(world)
      const back = heard.next()
      await world.pool.query('SELECT pg_terminate_backend($1)', [lost])
      await back
      expect(await listening(world)).not.toContain(lost)
    }
    const next = heard.next()
    await others.deliveries.enqueue(aBatch('con_a', 'e', 1))
    await next
  })

  it('a listener that throws harms nobody', async () => {
    const world = await freshWorld()
    const [ours, others] = [await world.open(), await world.open()]
    onTestFinished(
      ours.onWake?.(() => {
        throw new Error('mine')
      }) ?? (() => {}),
    )
    const heard = await listener(ours)
    const next = heard.next()
    await others.deliveries.enqueue(aBatch('con_a', 'e', 1))
    await next
  })

  it('with the last listener, and with the store, the connection goes back to the pool, silent', async () => {
    const world = await freshWorld()
    const store = await world.open()
    const first = await listener(store)
    const second = store.onWake?.(() => {})
    expect(await listening(world)).toHaveLength(1)
    first.stop()
    expect(world.pool.totalCount - world.pool.idleCount).toBe(1)
    second?.()
    await vi.waitFor(() => expect(world.pool.totalCount - world.pool.idleCount).toBe(0))
    await listener(store)
    await store.close()
    expect(world.pool.totalCount - world.pool.idleCount).toBe(0)
    const { rows } = await world.pool.query('SELECT pg_listening_channels()')
    expect(rows).toEqual([])
  })

  it('listen: false, and a pool of one, leave polling', async () => {
    const world = await freshWorld({ max: 1 })
    expect((await world.open()).onWake).toBeUndefined()
    expect((await (await freshWorld()).open({ listen: false })).onWake).toBeUndefined()
  })

  it("a started dispatcher sends what another process's dispatcher accepted, without waiting for a poll", async () => {
    const world = await freshWorld()
    const recorder = createRecorder()
    const parts = { transports: [recorder.transport()], encryption: false } as const
    const worker = createDispatcher({
      ...parts,
      store: await world.open(),
      // the next poll is an hour away
      engine: pollingEngine({ pollMs: 3_600_000 }),
    })
    const other = createDispatcher({ ...parts, store: await world.open() })
    onTestFinished(async () => {
      await worker.close()
      await other.close()
    })
    await other.connections.create({ orgId: ORG, transport: 'recorder', config: {} })
    await worker.start()
    await vi.waitFor(async () => expect(await listening(world)).toHaveLength(1))
    await worker.drain()
    await other.dispatch({
      orgId: ORG,
      type: 'case_assigned',
      title: 'T',
      body: 'B',
      href: 'https://app.example.com/1',
    })
    await vi.waitFor(() => expect(recorder.sent).toHaveLength(1))
    await worker.close()
    await vi.waitFor(async () => expect(await listening(world)).toHaveLength(0))
  })
})
