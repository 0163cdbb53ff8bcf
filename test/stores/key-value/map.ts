import type { KeyValue, KeyValueEntry } from '../../../src/stores/key-value.ts'

/** A database in memory, that stays fast with a million keys: they are in order, in blocks. */
export function mapKv(): KeyValue & { readonly size: () => number } {
  const entries = new Map<string, KeyValueEntry>()
  const blocks: string[][] = [[]]
  let version = 0

  /** The block in which `key` is, or belongs. */
  function blockOf(key: string): number {
    let [low, high] = [0, blocks.length - 1]
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((blocks[middle]?.[0] ?? '') <= key) low = middle
      else high = middle - 1
    }
    return low
  }

  /** Where in the block the first key at or after `key` is. */
  function indexIn(block: readonly string[], key: string): number {
    let [low, high] = [0, block.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((block[middle] ?? '') < key) low = middle + 1
      else high = middle
    }
    return low
  }

  function insert(key: string): void {
    const n = blockOf(key)
    const block = blocks[n] ?? []
    block.splice(indexIn(block, key), 0, key)
    if (block.length > MAX_BLOCK) blocks.splice(n + 1, 0, block.splice(MAX_BLOCK / 2))
  }

  function remove(key: string): void {
    const n = blockOf(key)
    const block = blocks[n] ?? []
    block.splice(indexIn(block, key), 1)
    if (block.length === 0 && blocks.length > 1) blocks.splice(n, 1)
  }

  return {
    size: () => entries.size,
    get: async (key) => entries.get(key),
    async list(prefix, after, limit) {
      const found: KeyValueEntry[] = []
      const from = after >= prefix ? `${after}\u0000` : prefix
      for (let n = blockOf(from), at = indexIn(blocks[n] ?? [], from); n < blocks.length && found.length < limit; ) {
        const entry = entries.get(blocks[n]?.[at] ?? '')
        if (entry === undefined) {
          n++
          at = 0
          continue
        }
        if (!entry.key.startsWith(prefix)) break
        found.push(entry)
        at++
      }
      return found
    },
    async commit(checks, writes) {
      for (const [key, expected] of checks) if (entries.get(key)?.version !== expected) return false
      version++
      for (const [key, value] of writes) {
        const isNew = !entries.has(key)
        if (value !== undefined) {
          entries.set(key, { key, value, version })
          if (isNew) insert(key)
        } else if (!isNew) {
          entries.delete(key)
          remove(key)
        }
      }
      return true
    },
  }
}

const MAX_BLOCK = 1024
