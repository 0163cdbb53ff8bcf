import type { KeyRepository } from '../contracts/store.ts'
import { SignalboxError } from '../errors.ts'

interface Entry {
  readonly value: string
  readonly version: string
  readonly expiresAt: number
}

/** Keys of this process only: the latest `limit`, in the order of their last writing. */
export function processKeys(limit: number): Pick<KeyRepository, 'get' | 'put' | 'delete'> {
  const entries = new Map<string, Entry>()
  let writes = 0

  const read = (key: string, now: number): Entry | undefined => {
    const entry = entries.get(key)
    return entry !== undefined && entry.expiresAt > now ? entry : undefined
  }
  const expect = (entry: Entry | undefined, version: string | undefined): void => {
    if (version !== undefined && entry?.version !== version) throw conflict('the entry has changed meanwhile')
  }

  return {
    async get(key, { now }) {
      const entry = read(key, now)
      return entry && { key, value: entry.value, version: entry.version }
    },
    async put(key, value, { now, expectedVersion, absent, expiresAt = Number.POSITIVE_INFINITY }) {
      const entry = read(key, now)
      if (absent === true && entry !== undefined) throw conflict('there is an entry already')
      expect(entry, expectedVersion)
      entries.delete(key)
      const version = String(++writes)
      entries.set(key, { value, version, expiresAt })
      if (entries.size > limit) for (const [oldest] of entries) if (entries.delete(oldest)) break
      return version
    },
    async delete(key, { now, expectedVersion }) {
      const entry = read(key, now)
      if (entry === undefined) return false
      expect(entry, expectedVersion)
      return entries.delete(key)
    },
  }
}

function conflict(rule: string): SignalboxError {
  return new SignalboxError('conflict', rule)
}
