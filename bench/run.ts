/**
 * All benchmarks, one after the other: `npm run bench`; some of them: `npm run bench chat http`. Each is a program of
 * its own, whose first lines say what it takes. Figures are ratios within one run; see bench/README.md.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const benches: readonly (readonly string[])[] = [
  ['signing.ts'],
  ['http.ts'],
  ['delivery.ts'],
  ['chat.ts'],
  ['latency.ts'],
  ['spread.ts'],
  ['filter.ts'],
  ['isolation.ts', '--rounds', '3'],
  ['store-sqlite.ts'],
  ['store-postgres.ts'],
  ['scale.ts', '--rounds', '3'],
]

const names = process.argv.slice(2)
for (const name of names) {
  if (!benches.some(([file]) => file === `${name}.ts`)) throw new Error(`no benchmark is named ${name}`)
}

for (const [file = '', ...options] of benches) {
  if (names.length > 0 && !names.includes(file.replace('.ts', ''))) continue
  console.log(`\n## ${file} ${options.join(' ')}\n`)
  const { status } = spawnSync(process.execPath, [fileURLToPath(new URL(file, import.meta.url)), ...options], {
    stdio: 'inherit',
  })
  if (status !== 0) process.exitCode = 1
}
