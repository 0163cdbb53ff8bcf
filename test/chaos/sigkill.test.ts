import { describe, expect, it } from 'vitest'
import { postgresMissing } from '../support/postgres.ts'
import { runKillLoop } from './kill-loop.ts'
import { summary } from './summary.ts'

const missing = { sqlite: undefined, postgres: await postgresMissing() }

// side by side: much of the time the processes are only waited for
describe.concurrent.each(['sqlite', 'postgres'] as const)('on %s', (store) => {
  it.skipIf(missing[store] !== undefined)(
    'loses nothing that was accepted, and repeats only what was in flight, when processes are killed',
    async () => {
      const seed = Math.floor(Math.random() * 2 ** 31)
      const verdict = await runKillLoop({ store, kills: 10, seed, maxLifeMs: 350 })
      const report = `seed ${seed}\n${summary(verdict)}`
      expect(verdict.problems, report).toEqual([])
      // else nothing was put to the test
      expect(verdict.kills, report).toBeGreaterThanOrEqual(10)
      expect(verdict.accepted, report).toBeGreaterThan(20)
      expect(verdict.inFlightAtKills, report).toBeGreaterThan(0)
    },
    120_000,
  )
})
