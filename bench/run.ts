/**
 * All benchmarks, one after the other: `npm run bench`. Each is a program of its own (`node bench/delivery.ts --help`
 * is not needed: its first lines say what it takes). Figures are ratios within one run; see bench/README.md.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const benches: readonly (readonly string[])[] = [
  ['signing.ts'],
  ['http.ts'],
  ['delivery.ts'],
  ['isolation.ts', '--rounds', '3'],
  ['store-sqlite.ts'],
]

for (const [file = '', ...options] of benches) {
  console.log(`\n## ${file} ${options.join(' ')}\n`)
  const { status } = spawnSync(process.execPath, [fileURLToPath(new URL(file, import.meta.url)), ...options], {
    stdio: 'inherit',
  })
  if (status !== 0) process.exitCode = 1
}
