import { defineConfig } from 'tsup'
import pkg from './package.json' with { type: 'json' }

/** Every subpath of the exports map is one entry; the map is the only list. */
const entries = Object.values(pkg.exports)
  .filter((target) => typeof target === 'object')
  .map((target) => target.import.default.replace('./dist/', '').replace('.js', ''))

const library = defineConfig({
  entry: Object.fromEntries(entries.map((name) => [name, `src/${name}.ts`])),
  format: ['esm', 'cjs'],
  target: 'node22',
  dts: true,
  clean: ['!cli/**'],
  sourcemap: false,
  treeshake: true,
  splitting: true,
  removeNodeProtocol: false,
  // ESM-only, and small: inlined so that the CommonJS build can load it (THIRD-PARTY-NOTICES.md)
  noExternal: ['p-retry', 'is-network-error'],
})

/** The bin is no entry: ESM only, without declarations, and it uses the library by its public entries, as hosts do. */
const cli = defineConfig({
  entry: { main: 'src/cli/main.ts' },
  outDir: 'dist/cli',
  format: ['esm'],
  target: 'node22',
  clean: true,
  external: [/^signalbox(?:\/|$)/],
  removeNodeProtocol: false,
})

export default [library, cli].flat()
