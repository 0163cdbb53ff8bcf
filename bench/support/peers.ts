/** Packages that benchmarks compare with. They live in bench/node_modules, apart from what the library is made with. */
import { readFile } from 'node:fs/promises'

/** The version that is installed for the benchmarks, wherever else another one may be; `undefined`: none is. */
export async function peerVersion(name: string): Promise<string | undefined> {
  try {
    const manifest = await readFile(new URL(`../node_modules/${name}/package.json`, import.meta.url), 'utf8')
    return JSON.parse(manifest).version
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** `Exports`: the part of it that is used. Its own types are not there for those who did not install it. */
export async function importPeer<Exports>(name: string): Promise<Exports> {
  return (await import(name)) as Exports
}

/** What to do about packages that are not installed; `''` where none is missing. */
export function missingPeers(names: readonly string[]): string {
  return names.length === 0 ? '' : `Left out: ${names.join(', ')}. To install them: npm install --prefix bench`
}
