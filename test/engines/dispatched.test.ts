import { PgBoss } from 'pg-boss'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { Engine } from '../../src/contracts/engine.ts'
import { bullmqEngine } from '../../src/engines/bullmq.ts'
import { pgBossEngine } from '../../src/engines/pg-boss.ts'
import { createDispatcher } from '../../src/index.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { createRecorder, type Recorder } from '../../src/testing/index.ts'
import { dropSchema, postgresMissing, postgresUrl, schemaName } from '../support/postgres.ts'
import { flushPrefix, freshPrefix, redisMissing, redisUrl } from '../support/redis.ts'

const missing = { BullMQ: await redisMissing(), 'pg-boss': await postgresMissing() }
const schema = schemaName()
let boss: PgBoss | undefined
let queues = 0

beforeAll(async () => {
  if (missing['pg-boss'] !== undefined) return
  boss = new PgBoss({ connectionString: postgresUrl, schema, supervise: false, schedule: false })
  boss.on('error', () => {})
  await boss.start()
})
afterAll(async () => {
  if (boss === undefined) return
  await boss.stop({ graceful: false })
  await dropSchema(schema)
})

/** Engines over one queue, which only wake: nobody sweeps. */
function enginesOf(kind: keyof typeof missing): () => Engine {
  const sweepMs = 3_600_000
  if (kind === 'BullMQ') {
    const prefix = freshPrefix()
    onTestFinished(() => flushPrefix(prefix))
    return () => bullmqEngine({ connection: { url: redisUrl }, prefix, sweepMs })
  }
  const queue = `dispatched${queues++}`
  return () => {
    if (boss === undefined) throw new Error('no PgBoss')
    return pgBossEngine({ boss, queue, sweepMs })
  }
}

/** A host that only dispatches, and a worker, over one store and one queue. */
async function hostAndWorker(kind: keyof typeof missing) {
  const engine = enginesOf(kind)
  const store = memoryStore()
  const recorder = createRecorder()
  const retry = { delaysMs: [400, 400], jitter: 0 }
  const open = () =>
    createDispatcher({ store, engine: engine(), transports: [{ ...recorder.transport(), retry }], encryption: false })
  const host = open()
  const worker = open()
  onTestFinished(async () => {
    await host.close()
    await worker.close()
  })
  await worker.start()
  return {
    host,
    worker,
    recorder,
    open,
    connect: async (settings: object = {}) =>
      (await host.connections.create({ orgId: 'org_1', transport: 'recorder', config: {}, ...settings })).connection,
    dispatch: (id: string) => host.dispatch({ ...event, id }),
    sent: (count: number) => until(recorder, () => recorder.sent.length >= count),
  }
}

const event = {
  orgId: 'org_1',
  type: 'case_assigned',
  title: 'Case',
  body: '',
  href: 'https://app.example.com/cases/1',
}

/** What the recorder has is there when the send is; it tells nobody, so it is looked at. */
async function until(recorder: Recorder, reached: () => boolean): Promise<void> {
  const deadline = Date.now() + 15_000
  while (!reached()) {
    if (Date.now() > deadline) throw new Error(`not in time: ${recorder.attempts.length} attempts`)
    await new Promise(setImmediate)
  }
}

describe.each(['BullMQ', 'pg-boss'] as const)('a dispatcher woken by %s', (kind) => {
  describe.skipIf(missing[kind] !== undefined)('without sweeps', () => {
    it('sends what another process dispatched', async () => {
      const { connect, dispatch, sent, recorder } = await hostAndWorker(kind)
      await connect()
      await dispatch('one')
      await sent(1)
      await Promise.all(['two', 'three'].map(dispatch))
      await sent(3)
      expect(recorder.attempts.length).toBe(3)
    })

    it('tries again when a retry is due', async () => {
      const { connect, dispatch, sent, recorder } = await hostAndWorker(kind)
      await connect()
      recorder.fail({ kind: 'retry', code: 'http_5xx', status: 503 }, { times: 2 })
      await dispatch('one')
      await sent(1)
      expect(recorder.attempts.map(({ attempt, outcome }) => [attempt, outcome.kind])).toEqual([
        [1, 'retry'],
        [2, 'retry'],
        [3, 'delivered'],
      ])
    })

    it('sends a digest when it closes', async () => {
      const { connect, dispatch, sent, recorder } = await hostAndWorker(kind)
      await connect({ digest: { window: { everyMs: 1000 }, single: 'digest' } })
      for (const id of ['one', 'two', 'three']) await dispatch(id)
      await until(recorder, () => new Set(recorder.sent.flatMap(({ eventIds }) => eventIds)).size === 3)
      await sent(1)
    })

    it('works through a backlog that a limit holds back, one by one and in order', async () => {
      const { connect, host, sent, recorder } = await hostAndWorker(kind)
      await connect({ ordering: 'fifo' })
      const ids = Array.from({ length: 40 }, (_, n) => `case${n}`)
      for (const id of ids) await host.dispatch({ ...event, id })
      await sent(40)
      expect(recorder.sent.flatMap(({ eventIds }) => eventIds)).toEqual(ids)
    })

    it('keeps the pace of a connection, woken for each of its turns', async () => {
      const { connect, host, sent, recorder } = await hostAndWorker(kind)
      await connect({ pace: { perSecond: 4, burst: 1 } })
      await host.dispatchMany(['one', 'two', 'three'].map((id) => ({ ...event, id })))
      await sent(3)
      expect(recorder.attempts.length).toBe(3)
    })

    it('sends what waited when a connection is resumed', async () => {
      const { connect, host, dispatch, sent, recorder } = await hostAndWorker(kind)
      const { id } = await connect()
      recorder.fail({ kind: 'retry', code: 'http_5xx', status: 503 })
      await dispatch('one')
      await until(recorder, () => recorder.attempts.length === 1)
      await host.connections.pause({ orgId: 'org_1', id })
      // its job comes while the connection is paused, and is of no use
      const due = Date.now() + 1200
      await until(recorder, () => Date.now() > due)
      expect(recorder.attempts.length).toBe(1)
      await host.connections.resume({ orgId: 'org_1', id })
      await sent(1)
    })

    it('leaves what it had not begun to the next worker, when it closes', async () => {
      const { connect, host, worker, open, sent } = await hostAndWorker(kind)
      await connect({ pace: { perSecond: 2, burst: 1 } })
      await host.dispatchMany(['one', 'two', 'three'].map((id) => ({ ...event, id })))
      await sent(1)
      await worker.close()
      const next = open()
      onTestFinished(() => next.close())
      await next.start()
      await sent(3)
    })
  })
})
