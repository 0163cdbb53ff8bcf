import { expect, it } from 'vitest'
import { runKillLoop } from './kill-loop.ts'
import { summary } from './summary.ts'

it('loses nothing that was accepted, and repeats only what was in flight, when processes are killed', async () => {
  const seed = Math.floor(Math.random() * 2 ** 31)
  const verdict = await runKillLoop({ kills: 12, seed, maxLifeMs: 350 })
  const report = `seed ${seed}\n${summary(verdict)}`
  expect(verdict.problems, report).toEqual([])
  // else nothing was put to the test
  expect(verdict.kills, report).toBeGreaterThanOrEqual(12)
  expect(verdict.accepted, report).toBeGreaterThan(20)
  expect(verdict.inFlightAtKills, report).toBeGreaterThan(0)
}, 120_000)
