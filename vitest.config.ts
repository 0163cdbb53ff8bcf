import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const src = (path: string) => fileURLToPath(new URL(`./src/${path}`, import.meta.url))

export default defineConfig({
  resolve: {
    alias: [
      { find: /^signalbox$/, replacement: src('index.ts') },
      { find: /^signalbox\/(catalog|signing|payloads|http|oauth|receiving|testing)$/, replacement: src('$1/index.ts') },
      { find: /^signalbox\/(transports|stores|engines|presets|testing)\/(.+)$/, replacement: src('$1/$2.ts') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    typecheck: { enabled: true, include: ['test/**/*.test-d.ts'], tsconfig: './tsconfig.json' },
    testTimeout: 20_000,
    maxWorkers: 2,
  },
})
