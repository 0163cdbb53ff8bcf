import { describe, expect, it } from 'vitest'
import { postgresMissing } from '../../support/postgres.ts'
import { postgresServerMissing } from '../postgres-server.ts'
import { redisServerMissing } from '../redis-server.ts'
import { summary } from '../summary.ts'
import { runFaultyWay } from './faulty-way.ts'
import { runRedisFaults } from './redis.ts'
import { runRestarts } from './restarts.ts'
import type { RoundsOptions, RoundsReport } from './rounds.ts'

const noPostgres = await postgresMissing()
const noPostgresServer = postgresServerMissing()
const noRedisServer = redisServerMissing()
const TIMEOUT_MS = 240_000

async function holds(rounds: number, run: (options: RoundsOptions) => Promise<RoundsReport>): Promise<void> {
  const seed = Math.floor(Math.random() * 2 ** 31)
  const { verdict } = await run({ seed, rounds })
  expect(verdict.problems, `seed ${seed}\n${summary(verdict)}`).toEqual([])
}

// side by side: most of the time is spent waiting
describe.concurrent('nothing that was accepted is lost, and everything goes on', () => {
  it.skipIf(noPostgres !== undefined)(
    'while the way to Postgres is cut, silent or slow',
    () => holds(3, runFaultyWay),
    TIMEOUT_MS,
  )

  it.skipIf(noPostgresServer !== undefined)(
    'when Postgres is stopped, or falls over, and is started again',
    () => holds(2, runRestarts),
    TIMEOUT_MS,
  )

  it.skipIf(noRedisServer !== undefined)(
    'when Redis is emptied, killed and started again with nothing, cut off or silent',
    () => holds(2, (options) => runRedisFaults({ ...options, store: 'sqlite', persistent: false })),
    TIMEOUT_MS,
  )
})
