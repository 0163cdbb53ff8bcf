/**
 * The full crash suite: 100 SIGKILLs on one SQLite file.
 *
 *   npm run chaos -- [--kills 100] [--seed 7]
 */
import { parseArgs } from 'node:util'
import { runKillLoop } from './kill-loop.ts'
import { summary } from './summary.ts'

const { values } = parseArgs({ options: { kills: { type: 'string', default: '100' }, seed: { type: 'string' } } })
const kills = Number(values.kills)
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))

console.log(`seed ${seed}\n`)
const began = performance.now()
let told = 0
const verdict = await runKillLoop({
  kills,
  seed,
  onKill(killed) {
    if (killed - told < 10) return
    told = killed
    console.log(`${killed} killed after ${((performance.now() - began) / 1000).toFixed(0)} s`)
  },
})
console.log(`\n${summary(verdict)}`)
console.log(
  `\n${verdict.problems.length === 0 ? 'everything held' : 'FAILED'} in ${((performance.now() - began) / 1000).toFixed(0)} s`,
)
process.exitCode = verdict.problems.length === 0 ? 0 : 1
