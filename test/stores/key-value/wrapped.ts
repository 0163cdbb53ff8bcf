import type { KeyValue } from '../../../src/stores/key-value.ts'
import { mapKv } from './map.ts'

/** Fails where a commit names more keys than it may, or keys and values that a database would refuse. */
export function counted(kv: KeyValue, most: number): KeyValue {
  return {
    ...kv,
    commit: async (checks, writes) => {
      const keys = new Set([...checks.keys(), ...writes.keys()])
      if (keys.size > most) throw new Error(`a commit of ${keys.size} keys`)
      for (const key of keys) if (!/^[!-~]{1,1024}$/.test(key)) throw new Error(`the key ${key}`)
      return kv.commit(checks, writes)
    },
  }
}

/** Some commits answer `false` for no reason; one of them was done all the same, and then rejects. */
export function conflicting(kv: KeyValue, share: number, seed = 5): KeyValue {
  const random = reproducible(seed)
  return {
    ...kv,
    async commit(checks, writes) {
      if (random() < share) return false
      const done = await kv.commit(checks, writes)
      if (done && random() < share / 5) throw new Error('the answer was lost')
      return done
    },
  }
}

/** Lists that may be behind show what was there `lagMs` ago, as a replica does. */
export function lagging(kv: KeyValue, now: () => number, lagMs: number): KeyValue {
  const replica = mapKv()
  const late: { readonly at: number; readonly writes: ReadonlyMap<string, string | undefined> }[] = []
  return {
    ...kv,
    async list(prefix, after, limit, strong) {
      if (strong) return kv.list(prefix, after, limit, strong)
      for (let first = late[0]; first !== undefined && first.at + lagMs <= now(); first = late[0]) {
        late.shift()
        await replica.commit(new Map(), first.writes)
      }
      return replica.list(prefix, after, limit, true)
    },
    async commit(checks, writes) {
      const done = await kv.commit(checks, writes)
      if (done) late.push({ at: now(), writes: new Map(writes) })
      return done
    },
  }
}

/** Works for `calls` commits, then never again: the process has died. */
export function dying(kv: KeyValue, calls: number): KeyValue {
  let left = calls
  const alive = (): void => {
    if (left <= 0) throw new Error('no connection')
  }
  return {
    async get(key) {
      alive()
      return kv.get(key)
    },
    async list(prefix, after, limit, strong) {
      alive()
      return kv.list(prefix, after, limit, strong)
    },
    async commit(checks, writes) {
      alive()
      left--
      return kv.commit(checks, writes)
    },
  }
}

/** The same numbers in each run (mulberry32). */
export function reproducible(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}
