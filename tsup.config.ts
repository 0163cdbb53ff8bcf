import { defineConfig } from 'tsup'
import pkg from './package.json' with { type: 'json' }

/** Every subpath of the exports map is one entry; the map is the only list. */
const entries = Object.values(pkg.exports)
  .filter((target) => typeof target === 'object')
  .map((target) => target.import.default.replace('./dist/', '').replace('.js', ''))

export default defineConfig({
  entry: Object.fromEntries(entries.map((name) => [name, `src/${name}.ts`])),
  format: ['esm', 'cjs'],
  target: 'node22',
  dts: true,
  clean: true,
  sourcemap: false,
  treeshake: true,
  splitting: true,
  removeNodeProtocol: false,
  // ESM-only, and small: inlined so that the CommonJS build can load it (THIRD-PARTY-NOTICES.md)
  noExternal: ['p-retry', 'is-network-error'],
})
