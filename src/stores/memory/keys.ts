import type { KeyEntry, KeyRepository } from '../../contracts/index.ts'
import { SignalboxError } from '../../errors.ts'
import { newVersion, type State } from './state.ts'

export function keyRepository(state: State): KeyRepository {
  const { keys } = state
  const read = (key: string, now: number): KeyEntry | undefined => {
    const entry = keys.get(key)
    return entry && entry.expiresAt > now ? { key, value: entry.value, version: entry.version } : undefined
  }
  return {
    get: async (key, { now }) => read(key, now),
    put: async (key, value, { now, expectedVersion, absent, expiresAt = Number.POSITIVE_INFINITY }) => {
      const current = read(key, now)
      if (absent === true && current !== undefined) throw conflict(`key ${key} is taken`)
      if (expectedVersion !== undefined && current?.version !== expectedVersion) {
        throw conflict(`key ${key} has changed since it was read`)
      }
      const version = newVersion(state)
      keys.set(key, { value, version, expiresAt })
      return version
    },
    delete: async (key, { now, expectedVersion }) => {
      const current = read(key, now)
      if (current === undefined) return false
      if (expectedVersion !== undefined && current.version !== expectedVersion) {
        throw conflict(`key ${key} has changed since it was read`)
      }
      return keys.delete(key)
    },
    list: async (prefix, { now, after, limit }) => {
      const found = [...keys.keys()]
        .filter((key) => key.startsWith(prefix) && (after === undefined || key > after))
        .sort()
      const items: KeyEntry[] = []
      for (const key of found) {
        const entry = read(key, now)
        if (entry === undefined) continue
        const last = items.at(-1)
        if (items.length === limit && last !== undefined) return { items, next: last.key }
        items.push(entry)
      }
      return { items }
    },
  }
}

function conflict(message: string): SignalboxError {
  return new SignalboxError('conflict', message)
}
