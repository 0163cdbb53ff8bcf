import type { Store } from '../contracts/store.ts'
import { invalidInput, SignalboxError } from '../errors.ts'
import { type Access, createAccess } from './sqlite/access.ts'
import { createConnections } from './sqlite/connections.ts'
import { createDeliveries } from './sqlite/deliveries.ts'
import { createDigests } from './sqlite/digests.ts'
import { createSession, openNodeSqlite, type SqliteDatabase } from './sqlite/driver.ts'
import { createEventCache } from './sqlite/event-cache.ts'
import { createEvents } from './sqlite/events.ts'
import { storeFailed } from './sqlite/failure.ts'
import { createKeys } from './sqlite/keys.ts'
import { createBodies, createLanes } from './sqlite/lane.ts'
import { createNames } from './sqlite/names.ts'
import { migrate } from './sqlite/schema.ts'

export type { SqliteDatabase, SqliteStatement, SqlValue } from './sqlite/driver.ts'

export interface SqliteStoreOptions {
  /** The file; it is made where there is none. It may be the host's own: every table is named `signalbox_…`. */
  readonly path: string
  /**
   * Opens a handle of the store's own.
   * @default node:sqlite
   * @example open: (path) => new Database(path) // better-sqlite3
   */
  readonly open?: (path: string) => SqliteDatabase
  /**
   * What a power failure may undo. `full`: nothing that a call has answered. `normal`: the last moments, at no fsync a
   * commit. A crash of the process alone loses nothing with either.
   * @default 'full'
   */
  readonly synchronous?: 'full' | 'normal'
  /** How long a call waits, without blocking the event loop, for a lock that another handle holds. @default 10_000 */
  readonly lockTimeoutMs?: number
}

/**
 * Keeps everything in one SQLite file, in WAL mode: for one machine, with any number of processes. It sets itself up.
 *
 * A host that writes to the same file enqueues inside its own transaction with `dispatcher.prepare(event)`, on its own
 * handle, begun with `BEGIN IMMEDIATE`.
 *
 * @throws `invalid_input` for an option. `setup` rejects with `schema_outdated` where a newer signalbox made the file,
 * and with `store_failed` where it can't be opened.
 * @example
 * const dispatcher = createDispatcher({ store: sqliteStore({ path: 'signalbox.db' }), … })
 */
export function sqliteStore(options: SqliteStoreOptions): Store {
  const { path, open = openNodeSqlite, synchronous = 'full', lockTimeoutMs = 10_000 } = options
  if (typeof path !== 'string' || path === '') throw invalidInput('path', 'must be the name of a file')
  if (synchronous !== 'full' && synchronous !== 'normal')
    throw invalidInput('synchronous', "must be 'full' or 'normal'")
  if (!(lockTimeoutMs >= 0)) throw invalidInput('lockTimeoutMs', 'must be a number of milliseconds')

  const names = createNames()
  const bodies = createBodies()
  const lanes = createLanes(bodies)
  const events = createEventCache()
  const leased = new Map<string, number>()
  let db: SqliteDatabase | undefined
  let current: Access | undefined
  let ready: Promise<void> | undefined
  let closed = false

  // the repositories are made before the file is opened: each call goes to what `setup` has opened
  const opened = (): Access => {
    if (current) return current
    throw new SignalboxError(
      'store_failed',
      closed ? 'sqliteStore: the store was closed' : 'sqliteStore: the store is not open; call `setup` first',
    )
  }
  const access: Access = {
    write: async (work, durability) => opened().write(work, durability),
    read: async (work) => opened().read(work),
    snapshot: async (work) => opened().snapshot(work),
  }

  function onRollback(): void {
    names.forgetNew()
    lanes.forget()
    events.forget()
    leased.clear()
  }

  async function setup(): Promise<void> {
    try {
      const handle = open(path)
      db = handle
      const session = createSession(handle)
      // the drivers differ in their default; this store waits by itself
      session.exec('PRAGMA busy_timeout = 0')
      const own = createAccess({ session, synchronous, lockTimeoutMs, onWrite: lanes.begin, onRollback })
      const mode = await own.read(() => session.get('PRAGMA journal_mode = WAL')?.[0])
      if (mode !== 'wal' && mode !== 'memory') {
        throw new SignalboxError('store_failed', `sqliteStore: the file can't use a write-ahead log (it has '${mode}')`)
      }
      await own.write((tx) => migrate(tx))
      current = own
    } catch (error) {
      closeFile()
      throw storeFailed(error)
    }
  }

  function closeFile(): void {
    const handle = db
    db = undefined
    current = undefined
    ready = undefined
    handle?.close()
  }

  return {
    name: 'sqlite',
    capabilities: { tx: false, durable: true },
    connections: createConnections({ access, names, bodies, lanes }),
    events: createEvents(access, names),
    deliveries: createDeliveries({ access, names, lanes, events, leased }),
    digests: createDigests({ access, names, bodies, lanes, events }),
    keys: createKeys(access),
    async setup() {
      if (closed) opened()
      ready ??= setup()
      await ready
    },
    async close() {
      closed = true
      closeFile()
    },
  }
}
