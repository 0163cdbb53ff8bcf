import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))
const list = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((file) => file.replaceAll('\\', '/'))
const pkg = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

/** Units that an integrator picks by name: each has one file, one export line, one test. */
const units = ['transports', 'stores', 'engines', 'presets'].flatMap((folder) =>
  readdirSync(join(root, 'src', folder))
    .filter((file) => file.endsWith('.ts'))
    .map((file) => `${folder}/${file.replace('.ts', '')}`),
)

it('every transport, store, engine and preset has an export line of its own, and the other way round', () => {
  const exported = Object.keys(pkg.exports)
    .map((line) => line.slice(2))
    .filter((line) => /^(transports|stores|engines|presets)\//.test(line))
  expect(exported.sort()).toEqual(units.sort())
})

it('every export line leads to a source file of that place', () => {
  for (const [line, target] of Object.entries<string | { import: { default: string } }>(pkg.exports)) {
    if (typeof target === 'string') continue
    const source = target.import.default.replace('./dist/', 'src/').replace(/\.js$/, '.ts')
    expect(existsSync(join(root, source)), `${line} → ${source}`).toBe(true)
  }
})

it('the types of the exports map lie beside the code of both builds', () => {
  for (const target of Object.values<string | Record<'import' | 'require', { types: string; default: string }>>(
    pkg.exports,
  )) {
    if (typeof target === 'string') continue
    expect(target.import.types).toBe(target.import.default.replace(/\.js$/, '.d.ts'))
    expect(target.require.types).toBe(target.require.default.replace(/\.cjs$/, '.d.cts'))
    expect(target.require.default).toBe(target.import.default.replace(/\.js$/, '.cjs'))
  }
})

it('every bin is built from a script of that place, and is no entry', () => {
  for (const [name, target] of Object.entries<string>(pkg.bin)) {
    const source = target.replace('./dist/', 'src/').replace(/\.js$/, '.ts')
    expect(readFileSync(join(root, source), 'utf8').split('\n')[0], name).toBe('#!/usr/bin/env node')
    expect(JSON.stringify(pkg.exports)).not.toContain(target)
  }
})

it('every transport, store, engine and preset has a test beside it', () => {
  const tests = list('test')
  const untested = units.filter((unit) => !tests.some((file) => file === `${unit}.test.ts`))
  expect(untested).toEqual([])
})

it('every test folder mirrors a folder of src, or is one of the suites of its own', () => {
  const folders = readdirSync(join(root, 'src'), { withFileTypes: true }).filter((one) => one.isDirectory())
  const own = ['architecture', 'chaos', 'end-to-end', 'examples', 'fixtures', 'simulation', 'support']
  const allowed = new Set([...folders.map((one) => one.name), ...own])
  const found = readdirSync(join(root, 'test'), { withFileTypes: true }).filter((one) => one.isDirectory())
  expect(found.map((one) => one.name).filter((name) => !allowed.has(name))).toEqual([])
})
