import { Redis } from 'ioredis'
import { afterAll, describe } from 'vitest'
import type { Store } from '../../src/contracts/index.ts'
import { type KeyValue, type KeyValueStoreOptions, keyValueStore } from '../../src/stores/key-value.ts'
import { storeContract } from '../../src/testing/index.ts'
import { testEach } from '../support/cases.ts'
import { flushPrefix, freshPrefix, redisMissing, redisUrl } from '../support/redis.ts'
import { mapKv } from './key-value/map.ts'
import { redisKv } from './key-value/redis-kv.ts'
import { conflicting, counted } from './key-value/wrapped.ts'

function contract(name: string, open: () => KeyValueStoreOptions, missing?: string): void {
  describe.skipIf(missing)(name, () => {
    const databases = new WeakMap<Store, KeyValueStoreOptions>()
    const make = (options: KeyValueStoreOptions): Store => {
      const store = keyValueStore(options)
      databases.set(store, options)
      return store
    }
    // what the next process would do: nothing may be left in the store itself
    const cases = storeContract({
      create: async () => make(open()),
      reopen: async (store) => make(databases.get(store) ?? open()),
    })
    testEach(cases)
  })
}

const limited = (kv: KeyValue, most: number): KeyValue => counted(kv, most)

contract('keyValueStore', () => ({ kv: limited(mapKv(), 100) }))
contract('keyValueStore, over a database without limits', () => ({ kv: mapKv(), maxWrites: 100_000, maxBytes: 1e8 }))
contract('keyValueStore, over one whose commits have at most 25 keys', () => ({
  kv: limited(mapKv(), 25),
  maxWrites: 25,
  maxBytes: 10_000,
}))
contract('keyValueStore, over one that often answers a conflict, or not at all', () => ({
  kv: conflicting(mapKv(), 0.2),
}))

const missing = await redisMissing()
const prefixes: string[] = []
const client = new Redis(redisUrl, { lazyConnect: true })
afterAll(async () => {
  client.disconnect()
  for (const prefix of prefixes) await flushPrefix(prefix)
})
contract(
  'keyValueStore, over Redis',
  () => {
    const prefix = freshPrefix()
    prefixes.push(prefix)
    return { kv: redisKv(client, prefix), maxWrites: 1000 }
  },
  missing,
)
