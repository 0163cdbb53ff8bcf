import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'

const IMPORT = /^(?:import|export) (?!type\b)(?:[\w{}*,\s]+? from )?'([^']+)'/gm

/** Everything that is loaded with a source file, types left out. */
async function loadedWith(url: URL, seen: Set<string> = new Set()): Promise<Set<string>> {
  if (seen.has(url.href)) return seen
  seen.add(url.href)
  for (const [, specifier = ''] of (await readFile(url, 'utf8')).matchAll(IMPORT)) {
    if (specifier.startsWith('.')) await loadedWith(new URL(specifier, url), seen)
    else seen.add(specifier)
  }
  return seen
}

it.each<[string, string[]]>([
  ['signing', ['node:crypto', 'node:util/types']],
  ['payloads', []],
])('loads no package with %s', async (folder, builtins) => {
  const loaded = await loadedWith(new URL(`../../src/${folder}/index.ts`, import.meta.url))
  const [files, packages] = [
    [...loaded].filter((one) => one.startsWith('file:')),
    [...loaded].filter((one) => !one.startsWith('file:')),
  ]
  expect(files.length).toBeGreaterThan(5)
  expect(packages.sort()).toEqual(builtins)
})
