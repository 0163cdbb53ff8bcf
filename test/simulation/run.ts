/**
 * Runs simulated worlds, or one again and shows what happens in it.
 *
 *   node test/simulation/run.ts --seed 17 [--trace]
 *   node test/simulation/run.ts --seeds 1-5000
 */
import { parseArgs } from 'node:util'
import { check } from './check.ts'
import { reportOf, seedsFrom, simulate } from './simulate.ts'
import { traceOf } from './trace.ts'
import { runWorld } from './world.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string', default: '1-5000' },
    trace: { type: 'boolean', default: false },
  },
})

if (values.seed === undefined) {
  const [first = 1, last = first] = values.seeds.split('-').map(Number)
  const began = performance.now()
  let worlds = 0
  const failures = await simulate(seedsFrom(first, last), {
    onWorld() {
      worlds++
      if (worlds % 500 === 0) console.log(`${worlds} worlds after ${((performance.now() - began) / 1000).toFixed(0)} s`)
    },
  })
  console.log(reportOf(failures))
  console.log(`${failures.length} of ${worlds} seeds failed, in ${((performance.now() - began) / 1000).toFixed(0)} s`)
  process.exitCode = failures.length === 0 ? 0 : 1
} else {
  const history = await runWorld(Number(values.seed))
  const problems = check(history)
  if (values.trace) console.log(traceOf(history).join('\n'))
  console.log(problems.length === 0 ? 'every invariant held' : problems.join('\n'))
  process.exitCode = problems.length === 0 ? 0 : 1
}
