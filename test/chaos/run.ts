/**
 * The full crash suite, one part after the other.
 *
 *   npm run chaos -- [--kills 200] [--seed 7] [--store sqlite|postgres] [--only <part>]
 */
import { parseArgs } from 'node:util'
import { postgresMissing } from '../support/postgres.ts'
import { parts } from './parts.ts'

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '200' },
    seed: { type: 'string' },
    store: { type: 'string' },
    only: { type: 'string' },
  },
})
const kills = Number(values.kills)
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
const chosen = parts.filter(({ name, store }) => (values.only ?? name) === name && (values.store ?? store) === store)
if (chosen.length === 0) throw new Error(`no such part; there are ${parts.map(({ name }) => name).join(', ')}`)

const missing = { sqlite: undefined, postgres: await postgresMissing() }

console.log(`seed ${seed}`)
const failed: string[] = []
let skipped = 0
for (const part of chosen) {
  if (missing[part.store] !== undefined) {
    console.log(`\n# ${part.name}\nskipped: ${missing[part.store]}`)
    skipped++
    continue
  }
  const began = performance.now()
  const seconds = (): string => `${((performance.now() - began) / 1000).toFixed(0)} s`
  console.log(`\n# ${part.name}`)
  try {
    const { text, problems } = await part.run({ kills, seed, log: (line) => console.log(`${line} after ${seconds()}`) })
    console.log(`${text}\n${problems.length === 0 ? 'everything held' : 'FAILED'} in ${seconds()}`)
    if (problems.length > 0) failed.push(part.name)
  } catch (error) {
    console.log(`FAILED in ${seconds()}:`, error)
    failed.push(part.name)
  }
}
const held = `${chosen.length - skipped} parts, everything held; ${skipped} skipped`
console.log(`\n${failed.length === 0 ? held : `FAILED: ${failed.join(', ')}`}`)
process.exitCode = failed.length === 0 ? 0 : 1
