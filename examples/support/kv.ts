// A database of one's own, as small as it can be: a file that is only ever appended to, for one process.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import type { KeyValue, KeyValueEntry } from 'signalbox/stores/key-value'

/** One line of the file: one commit. `null` deletes. */
type Line = readonly [version: number, writes: readonly (readonly [key: string, value: string | null])[]]

export interface FileKeyValue extends KeyValue {
  close(): Promise<void>
}

/** `sync: false`: a power failure may take the last commits with it; the death of the process takes none. */
export async function fileKv(path: string, { sync = true } = {}): Promise<FileKeyValue> {
  const entries = new Map<string, KeyValueEntry>()
  const keys: string[] = [] // in order
  let version = 0

  /** Where the first key at or after `key` is. */
  function indexOf(key: string): number {
    let [low, high] = [0, keys.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((keys[middle] ?? '') < key) low = middle + 1
      else high = middle
    }
    return low
  }

  function apply([next, writes]: Line): void {
    version = next
    for (const [key, value] of writes) {
      const isNew = !entries.has(key)
      if (value !== null) {
        if (isNew) keys.splice(indexOf(key), 0, key)
        entries.set(key, { key, value, version })
      } else if (!isNew) {
        keys.splice(indexOf(key), 1)
        entries.delete(key)
      }
    }
  }

  if (existsSync(path)) {
    // the last line has no end where the process died while it wrote: nobody was told that it was done
    for (const line of readFileSync(path, 'utf8').split('\n').slice(0, -1)) apply(JSON.parse(line))
    // what is left of the past is one line
    const live: Line = [version, keys.map((key) => [key, entries.get(key)?.value ?? null])]
    writeFileSync(`${path}.new`, `${JSON.stringify(live)}\n`, { flush: true })
    renameSync(`${path}.new`, path)
  }
  const file: FileHandle = await open(path, 'a')

  // commits that arrive while one is written are written together, after it
  let waiting = ''
  let flushed: Promise<void> = Promise.resolve()
  let next: Promise<void> | undefined
  function append(line: Line): Promise<void> {
    waiting += `${JSON.stringify(line)}\n`
    next ??= flushed.then(async () => {
      const lines = waiting
      waiting = ''
      next = undefined
      flushed = file.appendFile(lines).then(() => (sync ? file.datasync() : undefined))
      await flushed
    })
    return next
  }

  return {
    get: async (key) => entries.get(key),
    async list(prefix, after, limit) {
      const found: KeyValueEntry[] = []
      for (let n = indexOf(after >= prefix ? `${after}!` : prefix); found.length < limit; n++) {
        const entry = entries.get(keys[n] ?? '')
        if (!entry?.key.startsWith(prefix)) break
        if (entry.key > after) found.push(entry)
      }
      return found
    },
    async commit(checks, writes) {
      for (const [key, expected] of checks) if (entries.get(key)?.version !== expected) return false
      const line: Line = [version + 1, [...writes].map(([key, value]) => [key, value ?? null])]
      apply(line) // in order: what reads it now is written after it
      await append(line)
      return true
    },
    close: () => file.close(),
  }
}
