import type { Store } from '../contracts/store.ts'
import { checkOptions, invalidInput, SignalboxError } from '../errors.ts'
import { type Access, createAccess } from './postgres/access.ts'
import { createConnections } from './postgres/connections.ts'
import { createDeliveries } from './postgres/deliveries.ts'
import { createDigests } from './postgres/digests.ts'
import { createEventCache } from './postgres/event-cache.ts'
import { createEvents } from './postgres/events.ts'
import { createFloor } from './postgres/floor.ts'
import { createKeys } from './postgres/keys.ts'
import { createBodies } from './postgres/lane.ts'
import { createAnnouncements } from './postgres/listen.ts'
import { checkPool, isTransactor, type PostgresPool } from './postgres/pool.ts'
import { createRouse } from './postgres/rouse.ts'
import { checkSchema, checkSchemaName, migrateWith } from './postgres/schema.ts'
import { createWakes } from './postgres/wakes.ts'

export {
  type DrizzleTransaction,
  fromDrizzle,
  fromKnex,
  fromKysely,
  fromPrisma,
  type KnexTransaction,
  type KyselyTransaction,
  type PrismaTransaction,
} from './postgres/adapters.ts'
export {
  fromPglite,
  type PgliteDatabase,
  type PgliteTransaction,
  type PostgresClient,
  type PostgresClientPool,
  type PostgresPool,
  type PostgresResult,
  type PostgresTransactor,
  type PostgresTx,
} from './postgres/pool.ts'
export { migrations, type PostgresMigration } from './postgres/schema.ts'

export interface PostgresStoreOptions {
  /** The host's own `Pool` of `pg`, or what `fromPglite` makes. The store never ends it. */
  readonly pool: PostgresPool
  /** Where the tables live. @default 'signalbox' */
  readonly schema?: string
  /**
   * What `setup` does with a schema that is not there or old. `check`: refuse it as `schema_outdated`; `migrate` was to
   * be called, or the SQL of `migrations` to be run, when the host was deployed. `auto`: bring it up to date.
   * @default 'check'
   */
  readonly migrate?: 'check' | 'auto'
  /**
   * Whether processes tell each other of new work, which otherwise waits for the next poll. A worker keeps one
   * connection of the pool for it; `false` behind a pooler that shares connections between transactions. Not done where
   * the pool has one connection only.
   * @default true
   */
  readonly listen?: boolean
  /** How long a statement waits for a lock of another transaction, in ms: 1 to 600,000. @default 10_000 */
  readonly lockTimeoutMs?: number
  /**
   * How long the store waits for a connection of the pool, and for the answer to each of its statements, in ms: more than
   * `lockTimeoutMs`, up to 3,600,000. After that the call fails as `store_failed` and the connection is closed, so that
   * a server or a network that has gone without a word stops no worker for good. Well below `worker.leaseMs`, results
   * are written in time by another connection. Inside `tx` the host's own limits hold. A connection that is being made
   * holds its place in the pool until the pool gives it up: set `connectionTimeoutMillis` there.
   * @default lockTimeoutMs + 10_000
   */
  readonly statementTimeoutMs?: number
}

/**
 * Keeps everything in a schema of the host's PostgreSQL (13 or newer), for any number of processes. `dispatch` joins a
 * transaction of the host: `dispatch(event, { tx })`, where `tx` is the `pg` client that has it open, or what
 * {@link fromDrizzle}, {@link fromKysely}, {@link fromKnex} or {@link fromPrisma} makes. After an error inside `tx` the
 * host rolls back; under repeatable read and serializable it may be the database's own 40001 (in `cause.code`), after
 * which the host tries its transaction again, as for its own statements.
 *
 * @throws `invalid_input` for an option. `setup` rejects with `schema_outdated`, and with `store_failed` where the
 * database can't be reached.
 * @example
 * const pool = new Pool({ connectionString: process.env.DATABASE_URL })
 * await migrate({ pool }) // once, when the host is deployed
 * const dispatcher = createDispatcher({ store: postgresStore({ pool }), … })
 */
export function postgresStore(options: PostgresStoreOptions): Store {
  checkOptions(options, ['pool', 'schema', 'migrate', 'listen', 'lockTimeoutMs', 'statementTimeoutMs'])
  const { pool, schema = 'signalbox', migrate: mode = 'check', listen = true, lockTimeoutMs = 10_000 } = options
  const { statementTimeoutMs = lockTimeoutMs + 10_000 } = options
  checkPool(pool)
  checkSchemaName(schema)
  if (mode !== 'check' && mode !== 'auto') throw invalidInput('migrate', "must be 'check' or 'auto'")
  if (typeof listen !== 'boolean') throw invalidInput('listen', 'must be true or false')
  if (!Number.isInteger(lockTimeoutMs) || lockTimeoutMs < 1 || lockTimeoutMs > 600_000) {
    throw invalidInput('lockTimeoutMs', 'must be a whole number from 1 to 600,000')
  }
  if (!Number.isInteger(statementTimeoutMs) || statementTimeoutMs <= lockTimeoutMs || statementTimeoutMs > 3_600_000) {
    throw invalidInput('statementTimeoutMs', 'must be a whole number above `lockTimeoutMs`, up to 3,600,000')
  }

  const access = openWhile(createAccess(pool, { schema, lockTimeoutMs, statementTimeoutMs }), () => !closed)
  const announcements =
    listen && canListen(pool) ? createAnnouncements(access, pool, `signalbox_${schema}`, statementTimeoutMs) : undefined
  const bodies = createBodies()
  const floor = createFloor()
  const events = createEventCache()
  let ready: Promise<void> | undefined
  let isReady = false
  let closed = false

  async function setup(): Promise<void> {
    try {
      if (mode === 'auto') await migrate({ pool, schema })
      await checkSchema(access.query, schema)
      isReady = true
    } catch (error) {
      ready = undefined
      throw error
    }
  }

  return {
    name: 'postgres',
    capabilities: { tx: true, durable: true, checksSubscriptions: true },
    connections: createConnections({ access, bodies, floor }),
    events: createEvents(access),
    deliveries: createDeliveries({
      access,
      bodies,
      events,
      floor,
      wakes: createWakes(schema),
      rouse: createRouse(),
      leased: new Map(),
      width: { perLane: 8 },
      lockTimeoutMs,
      onEnqueued: () => announcements?.announce(),
    }),
    digests: createDigests(access, floor),
    keys: createKeys(access),
    async setup({ tx } = {}) {
      if (isReady) return
      // the pool may have no connection left but the one that the host's transaction is on
      if (tx !== undefined) return checkSchema(access.via(tx), schema)
      ready ??= setup()
      await ready
    },
    async close() {
      closed = true
      await announcements?.close()
    },
    ...(announcements ? { onWake: announcements.listen, announce: announcements.announce } : {}),
  }
}

/**
 * Makes the tables, or brings them up to date. Call it when the host is deployed, before its processes start; of several
 * calls at once one does the work. Steps only add: processes of the version before still run.
 *
 * @param options `pool`: as of {@link postgresStore}; its role must be allowed to make tables. `schema`: made where it
 * is not there. @default 'signalbox'
 * @throws `invalid_input`, `store_failed`; `schema_outdated` where a newer signalbox has made it.
 * @example
 * await migrate({ pool })
 */
export async function migrate(options: { readonly pool: PostgresPool; readonly schema?: string }): Promise<void> {
  checkOptions(options, ['pool', 'schema'])
  const { pool, schema = 'signalbox' } = options
  checkPool(pool)
  checkSchemaName(schema)
  await createAccess(pool, { schema, ...MIGRATION_LIMITS }).transaction((query) => migrateWith(query, schema))
}

/** Another process may be at it, and tables may be large. */
const MIGRATION_LIMITS = { lockTimeoutMs: 600_000, statementTimeoutMs: 3_600_000 } as const

/** With a pool of one, a connection to listen on would be the only one. */
function canListen(pool: PostgresPool): boolean {
  return !isTransactor(pool) && pool.options?.max !== 1
}

/** A store that was closed has nothing more to say, though the pool is still open. */
function openWhile(access: Access, isOpen: () => boolean): Access {
  const check = (): void => {
    if (!isOpen()) throw new SignalboxError('store_failed', 'postgresStore: the store was closed')
  }
  return {
    async query(text, values) {
      check()
      return access.query(text, values)
    },
    via(tx) {
      check()
      return access.via(tx)
    },
    async transaction(work, durability) {
      check()
      return access.transaction(work, durability)
    },
  }
}
