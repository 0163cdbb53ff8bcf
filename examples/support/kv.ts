/** What the store in kv-store.ts needs of a database: three calls that etcd, FoundationDB, DynamoDB and Deno KV have. */
export interface KeyValue {
  get(key: string): Promise<Entry | undefined>
  /** At most `limit` entries whose key starts with `prefix` and is greater than `after`, by key. */
  list(prefix: string, after: string, limit: number): Promise<readonly Entry[]>
  /**
   * Writes all of `writes` if every key of `checks` still has that version (`undefined`: is not there), else nothing.
   * Answers which. A written value of `undefined` deletes.
   */
  commit(
    checks: ReadonlyMap<string, number | undefined>,
    writes: ReadonlyMap<string, string | undefined>,
  ): Promise<boolean>
}

export interface Entry {
  readonly key: string
  readonly value: string
  /** Another one after each write, and never used again for this key. */
  readonly version: number
}

/** A {@link KeyValue} in memory. */
export function kvMap(): KeyValue {
  const entries = new Map<string, Entry>()
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

  return {
    get: async (key) => entries.get(key),
    async list(prefix, after, limit) {
      const found: Entry[] = []
      for (let n = indexOf(after > prefix ? `${after}\u0000` : prefix); found.length < limit; n++) {
        const entry = entries.get(keys[n] ?? '')
        if (!entry?.key.startsWith(prefix)) break
        found.push(entry)
      }
      return found
    },
    async commit(checks, writes) {
      for (const [key, expected] of checks) if (entries.get(key)?.version !== expected) return false
      version++
      for (const [key, value] of writes) {
        const isNew = !entries.has(key)
        if (value !== undefined) {
          if (isNew) keys.splice(indexOf(key), 0, key)
          entries.set(key, { key, value, version })
        } else if (!isNew) {
          keys.splice(indexOf(key), 1)
          entries.delete(key)
        }
      }
      return true
    },
  }
}
