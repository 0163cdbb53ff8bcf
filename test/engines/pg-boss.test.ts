import { PgBoss } from 'pg-boss'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { pgBossEngine } from '../../src/engines/pg-boss.ts'
import { engineContract } from '../../src/testing/index.ts'
import { testEach } from '../support/cases.ts'
import { dropSchema, postgresMissing, postgresUrl, schemaName } from '../support/postgres.ts'
import { startRelay } from '../support/relay.ts'

const missing = await postgresMissing()
const schema = schemaName()

async function startBoss(url: string = postgresUrl, useListenNotify = false): Promise<PgBoss> {
  const boss = new PgBoss({ connectionString: url, schema, max: 3, supervise: false, schedule: false, useListenNotify })
  boss.on('error', () => {})
  await boss.start()
  return boss
}

describe.skipIf(missing !== undefined)('the pg-boss engine', () => {
  let admin: PgBoss
  let queues = 0
  beforeAll(async () => {
    admin = await startBoss()
  })
  afterAll(async () => {
    await admin.stop({ graceful: false })
    await dropSchema(schema)
  })

  const cases = engineContract({
    shared: true,
    async open({ sweepMs }) {
      const queue = `case${queues++}`
      const url = new URL(postgresUrl)
      const relay = await startRelay(Number(url.port))
      url.hostname = '127.0.0.1'
      url.port = String(relay.port)
      // one for each process of a case
      const bosses = await Promise.all([1, 2, 3].map(() => startBoss(url.href)))
      let engines = 0
      return {
        engine() {
          const boss = bosses[engines++ % bosses.length]
          if (boss === undefined) throw new Error('no boss')
          return pgBossEngine({ boss, queue, sweepMs })
        },
        lose: () => admin.deleteAllJobs(queue),
        async cut() {
          relay.cut()
          return async () => relay.mend()
        },
        async close() {
          await Promise.all(bosses.map((boss) => boss.stop({ graceful: false })))
          await relay.close()
        },
      }
    },
  })
  testEach(cases, { timeoutMs: 60_000 })

  it('puts ids and times into the table, and of equal jobs only one', async () => {
    const queue = 'ids'
    const dueAt = Date.now() + 3_600_000
    for (let process = 0; process < 2; process++) {
      const engine = pgBossEngine({ boss: admin, queue, maxIds: 2 })
      await engine.schedule(['a', 'b', 'c', ''].map((deliveryId) => ({ deliveryId, dueAt })))
      await engine.stop()
    }
    const jobs = await admin.findJobs<{ deliveryIds: string[]; dueAt: number }>(queue)
    expect(jobs.map(({ data }) => data.deliveryIds).sort()).toEqual([[], ['a', 'b'], ['c']])
    for (const { data, startAfter } of jobs) {
      expect(Object.keys(data).sort()).toEqual(['deliveryIds', 'dueAt'])
      expect(data.dueAt).toBeGreaterThanOrEqual(dueAt)
      // by the database's clock
      expect(Math.abs(startAfter.getTime() - dueAt)).toBeLessThan(10_000)
    }
  })

  it('keeps jobs that were worked off for minutes only, and tries none again', async () => {
    const queue = 'kept'
    const engine = pgBossEngine({ boss: admin, queue })
    await engine.schedule([{ deliveryId: 'a', dueAt: 0 }])
    await engine.stop()
    expect(await admin.getQueue(queue)).toMatchObject({ policy: 'short', retryLimit: 0, deleteAfterSeconds: 300 })
  })

  it('wakes other processes at once where pg-boss listens', async () => {
    const queue = 'notified'
    const boss = await startBoss(postgresUrl, true)
    onTestFinished(() => boss.stop({ graceful: false }))
    // nobody would ask for jobs before the test is over
    const engine = pgBossEngine({ boss, queue, pollMs: 60_000 })
    const { promise: attempted, resolve } = Promise.withResolvers<readonly string[]>()
    await engine.start({
      work: async () => ({ nextAt: null }),
      async attempt(ids) {
        resolve(ids)
        return { left: [] }
      },
    })
    const host = pgBossEngine({ boss: admin, queue })
    await host.schedule([{ deliveryId: 'a', dueAt: 0 }])
    expect(await attempted).toEqual(['a'])
    await host.stop()
    await engine.stop()
  })

  it('leaves the PgBoss of the host as it was, with its other workers', async () => {
    const engine = pgBossEngine({ boss: admin, queue: 'shared' })
    await engine.start({ work: async () => ({ nextAt: null }), attempt: async (left) => ({ left }) })
    await admin.createQueue('of_the_host')
    const { promise: worked, resolve } = Promise.withResolvers<void>()
    await admin.work('of_the_host', { pollingIntervalSeconds: 0.5 }, async () => resolve())
    await engine.stop()
    await admin.send('of_the_host', {})
    await worked
  })

  it('works by its sweeps while the host has not started its PgBoss', async () => {
    const boss = new PgBoss({ connectionString: postgresUrl, schema })
    boss.on('error', () => {})
    const errors: string[] = []
    const engine = pgBossEngine({
      boss,
      sweepMs: 100,
      logger: { debug() {}, info() {}, warn() {}, error: (_fields, message) => void errors.push(message) },
    })
    let looks = 0
    const { promise: swept, resolve } = Promise.withResolvers<void>()
    await engine.start({
      async work() {
        if (++looks === 3) resolve()
        return { nextAt: null }
      },
      attempt: async (left) => ({ left }),
    })
    await engine.schedule([{ deliveryId: 'a', dueAt: 0 }])
    await swept
    await engine.stop()
    expect(new Set(errors)).toEqual(
      new Set([
        'the queue gives no jobs: only sweeps find work',
        'jobs could not be added: sweeps find what they would have woken',
      ]),
    )
  })
})

describe('options of the pg-boss engine', () => {
  const boss = new PgBoss({ connectionString: postgresUrl })
  it.each([
    ['boss', { boss: undefined }],
    ['boss', { boss: { insert() {} } }],
    ['queue', { boss, queue: 'a b' }],
    ['concurrency', { boss, concurrency: 1001 }],
    ['pollMs', { boss, pollMs: 499 }],
    ['sweepMs', { boss, sweepMs: Number.NaN }],
    ['maxIds', { boss, maxIds: -1 }],
    ['connection', { boss, connection: {} }],
  ])('refuses %s that it could not work with', (field, options) => {
    expect(() => pgBossEngine(options as never)).toThrow(expect.objectContaining({ code: 'invalid_input', field }))
  })
})
