import { expect, it } from 'vitest'
import { reportOf, seedsFrom, simulate } from './simulate.ts'
import { traceOf } from './trace.ts'
import { runWorld } from './world.ts'

// the other half runs beside it, in simulation-second-half.test.ts
it('every invariant holds in the worlds of the seeds 1 to 2500', { timeout: 900_000 }, async () => {
  const failures = await simulate(seedsFrom(1, 2500))
  expect(reportOf(failures)).toBe('')
})

it('a seed is the same world each time', async () => {
  for (const seed of [3, 93, 506]) {
    expect(traceOf(await runWorld(seed))).toEqual(traceOf(await runWorld(seed)))
  }
})
