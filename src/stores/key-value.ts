import type { Store } from '../contracts/index.ts'
import { checkOptions, invalidInput } from '../errors.ts'
import { createClaim } from './key-value/claim.ts'
import { createConnections } from './key-value/connections.ts'
import { createDatabase } from './key-value/database.ts'
import { createDeliveries } from './key-value/deliveries.ts'
import { createDigests } from './key-value/digests.ts'
import { createDrain } from './key-value/drain.ts'
import { createEvents } from './key-value/events.ts'
import { createIntents } from './key-value/intents.ts'
import { createKeys } from './key-value/keys.ts'
import { createLanes } from './key-value/lane.ts'
import { createRotation } from './key-value/rotation.ts'
import { checkSchema } from './key-value/schema.ts'
import { createSealing } from './key-value/sealing.ts'
import { createVisits } from './key-value/visit.ts'

/**
 * What {@link keyValueStore} needs of a database: three functions, which DynamoDB, FoundationDB, etcd, Deno KV, Redis
 * (with a script) and any SQL database can give.
 *
 * **Keys** consist of the characters from `!` to `~`, so every usual order is the same: by bytes, by UTF-16 units, by
 * code points. With ids of 36 characters a key has less than 150; ids that the host chooses (organisations, events) may
 * have 256, and each character outside of ASCII counts five. **Values** are JSON texts, at most `maxBytes` or, where it
 * is larger, one record: an event (`limits.maxEventBytes`), a connection (a few KB, and 40 bytes for each of its
 * deliveries under way), or a value of `store.keys`. A prefix of your own, for a database that holds other things too,
 * is for your functions to add and to take off again.
 */
export interface KeyValue {
  /**
   * The entry, as the last commit that was done before this call left it (a strong, linearizable read): leases, caps
   * and fences rest on it.
   */
  get(key: string): Promise<KeyValueEntry | undefined>
  /**
   * At most `limit` entries, fewer only where there are no more, whose key starts with `prefix` and is greater than
   * `after` (`''`: from the first), in the order of their keys.
   *
   * `prefix` has the text before the first `!` of its keys whole: no list spans two of those, so each may be a partition.
   *
   * Where `strong`, it shows every commit that was done before this call. Else it may be behind, as a replica or a
   * secondary index is, by at most `listLagMs`: what it finds is looked at again with `get`.
   */
  list(prefix: string, after: string, limit: number, strong: boolean): Promise<readonly KeyValueEntry[]>
  /**
   * One atomic, durable, serializable write. If every key of `checks` still has that version (`undefined`: the key is
   * not there), it writes all of `writes` (`undefined`: deletes the key, if it is there) and answers `true`; else it
   * writes nothing and answers `false`. Keys may be in both, in one of them, and checks alone count too: they have to
   * hold at the instant of the write. Answer `false` also where the database gave up on a conflict of its own.
   *
   * Rejects where the database failed. A write whose answer was lost may reject though it was done: that is noticed.
   */
  commit(
    checks: ReadonlyMap<string, KeyValueVersion | undefined>,
    writes: ReadonlyMap<string, string | undefined>,
  ): Promise<boolean>
}

/** Another one after each write of the key, and never used again for it, not even after a delete. */
export type KeyValueVersion = string | number | bigint

export interface KeyValueEntry {
  readonly key: string
  readonly value: string
  readonly version: KeyValueVersion
}

export interface KeyValueStoreOptions {
  readonly kv: KeyValue
  /** The store's `name`. @default 'key-value' */
  readonly name?: string
  /**
   * At most so many keys in one commit, checked and written ones together; at least 25. What needs more is written in
   * parts (see {@link keyValueStore}). DynamoDB and Deno KV take 100, etcd 128; the others any number.
   * @default 100
   */
  readonly maxWrites?: number
  /** At most about so many bytes of values in one commit, unless one record alone is larger. @default 500_000 */
  readonly maxBytes?: number
  /**
   * How far `list` may be behind where it is not `strong`, in ms. New work may wait for twice as long, and where a list
   * may show a later commit without an earlier one, `fifo` connections keep the order of what lies further apart only.
   * Leases, limits and results are exact in any case.
   * @default 0
   */
  readonly listLagMs?: number
  /** Whether the database outlives the process: then secrets must be sealed. @default true */
  readonly durable?: boolean
}

/**
 * A {@link Store} over your own database: write {@link KeyValue}'s three functions, and it keeps the whole contract,
 * for any number of processes. Prove yours with `storeContract` from `signalbox/testing`.
 *
 * What a claim costs does not grow with what waits, nor with the number of connections. Processes meet in no common
 * row: two that work for different connections never conflict, and what conflicts is tried again, with a pause that
 * grows, at most 20 times; then the call rejects as `store_failed`.
 *
 * Each call is one atomic commit where `maxWrites` and `maxBytes` allow it. Else: an event with all of its deliveries
 * and digest members is all or nothing (it is stored once its list of them is; should the process die before they are
 * written, any worker completes them after 10 seconds), of several events in one call some may be stored and others
 * not; a settlement is all or nothing, of several some may be written; `reschedule`, `delete` and `purge` go on where
 * they stopped.
 *
 * @throws `invalid_input` for an option. `setup` rejects with `schema_outdated` where a newer signalbox wrote the data.
 * @example
 * ```ts
 * import { createDispatcher } from 'signalbox'
 * import { type KeyValueEntry, keyValueStore } from 'signalbox/stores/key-value'
 * import { webhookTransport } from 'signalbox/transports/webhook'
 *
 * const entries = new Map<string, KeyValueEntry>() // your database
 * let version = 0
 * const store = keyValueStore({
 *   durable: false,
 *   kv: {
 *     get: async (key) => entries.get(key),
 *     list: async (prefix, after, limit) =>
 *       [...entries.keys()]
 *         .filter((key) => key.startsWith(prefix) && key > after)
 *         .sort()
 *         .slice(0, limit)
 *         .flatMap((key) => entries.get(key) ?? []),
 *     async commit(checks, writes) {
 *       for (const [key, expected] of checks) if (entries.get(key)?.version !== expected) return false
 *       version++
 *       for (const [key, value] of writes) {
 *         if (value === undefined) entries.delete(key)
 *         else entries.set(key, { key, value, version })
 *       }
 *       return true
 *     },
 *   },
 * })
 * const dispatcher = createDispatcher({ store, transports: [webhookTransport()] })
 * ```
 */
export function keyValueStore(options: KeyValueStoreOptions): Store {
  checkOptions(options, ['kv', 'name', 'maxWrites', 'maxBytes', 'listLagMs', 'durable'])
  const { kv, name = 'key-value', maxWrites = 100, maxBytes = 500_000, listLagMs = 0, durable = true } = options
  for (const call of ['get', 'list', 'commit'] as const) {
    if (typeof kv?.[call] !== 'function') throw invalidInput(`kv.${call}`, 'must be a function')
  }
  if (!(maxWrites >= 25)) throw invalidInput('maxWrites', 'must be a number, at least 25')
  if (!(maxBytes >= 10_000)) throw invalidInput('maxBytes', 'must be a number of bytes, at least 10,000')
  if (!(listLagMs >= 0)) throw invalidInput('listLagMs', 'must be a number of milliseconds')

  const db = createDatabase(kv, { name, maxWrites, maxBytes, listLagMs })
  const lanes = createLanes()
  const sealing = createSealing(db, lanes)
  const intents = createIntents(db)
  const drain = createDrain(db, { lanes, sealing, intents })
  const visits = createVisits(db, lanes, sealing)
  const rotation = createRotation(db, lanes, drain, visits)
  const claim = createClaim(db, rotation, visits)
  const connections = createConnections(db, lanes, drain)
  return {
    name,
    capabilities: { tx: false, durable },
    connections,
    events: createEvents(db),
    deliveries: createDeliveries(db, { lanes, intents, claim, rotation, connections }),
    digests: createDigests(db, sealing),
    keys: createKeys(db),
    setup: () => checkSchema(db),
    close: async () => {},
  }
}
