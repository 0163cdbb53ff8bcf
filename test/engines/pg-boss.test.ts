import { PgBoss } from 'pg-boss'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { pgBossEngine } from '../../src/engines/pg-boss.ts'
import { engineContract } from '../../src/testing/index.ts'
import { dropSchema, postgresMissing, postgresUrl, schemaName } from '../support/postgres.ts'
import { startRelay } from '../support/relay.ts'

const missing = await postgresMissing()
const schema = schemaName()

async function startBoss(url: string = postgresUrl): Promise<PgBoss> {
  const boss = new PgBoss({ connectionString: url, schema, max: 3, supervise: false, schedule: false, migrate: true })
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
  for (const { name, skip, run } of cases) {
    if (skip === undefined) it(name, run, 60_000)
    else it.skip(`${name} (${skip})`)
  }
})
