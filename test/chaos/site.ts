import pg from 'pg'
import type { Logger } from '../../src/contracts/clock.ts'
import type { Engine } from '../../src/contracts/engine.ts'
import type { Store } from '../../src/contracts/store.ts'
import { createDispatcher } from '../../src/dispatcher.ts'
import type { Dispatcher } from '../../src/dispatcher-api.ts'
import type { WorkerOptions } from '../../src/dispatcher-options.ts'
import { aesGcm } from '../../src/encryption/aes-gcm.ts'
import { bullmqEngine } from '../../src/engines/bullmq.ts'
import { type PostgresStoreOptions, postgresStore } from '../../src/stores/postgres.ts'
import { sqliteStore } from '../../src/stores/sqlite.ts'
import { webhookTransport } from '../../src/transports/webhook.ts'
import { CONCURRENCY, LEASE_MS, PER_CONNECTION, SCHEMES } from './settings.ts'

export type StoreLimits = Pick<PostgresStoreOptions, 'lockTimeoutMs' | 'statementTimeoutMs'>

export type StoreSite =
  | { readonly kind: 'sqlite'; readonly path: string }
  | {
      readonly kind: 'postgres'
      readonly url: string
      readonly schema: string
      /** Beside {@link POOL}; plain JSON. */
      readonly pool?: pg.PoolConfig
      readonly limits?: StoreLimits
    }

export type EngineSite =
  | { readonly kind: 'polling' }
  | { readonly kind: 'bullmq'; readonly url: string; readonly prefix: string; readonly sweepMs: number }

/** Where a process finds its store and what wakes it, and how it works: data, so that a child is told as JSON. */
export interface Site {
  readonly store: StoreSite
  /** @default polling */
  readonly engine?: EngineSite
  /** Beside those of `settings.ts`. */
  readonly worker?: WorkerOptions
}

/** What a host would set: a connection that can't be had is an error soon, one that went silent is noticed. */
const POOL: pg.PoolConfig = { max: 10, connectionTimeoutMillis: 5000, keepAlive: true }

export interface OpenStore {
  readonly store: Store
  /** The store's pool too. */
  close(): Promise<void>
}

export function openStore(site: StoreSite): OpenStore {
  if (site.kind === 'sqlite') {
    const store = sqliteStore({ path: site.path })
    return { store, close: () => store.close() }
  }
  const pool = new pg.Pool({ ...POOL, ...site.pool, connectionString: site.url })
  // connections that break while they are idle: the server is stopped on purpose
  pool.on('error', () => {})
  const store = postgresStore({ pool, schema: site.schema, ...site.limits })
  return {
    store,
    async close() {
      await store.close()
      await pool.end()
    },
  }
}

/** The dispatcher that every process of a world has. Whoever opened the store closes it. */
export function openDispatcher(site: Site, store: Store, logger?: Logger): Dispatcher {
  const engine = openEngine(site.engine)
  return createDispatcher({
    store,
    transports: [
      webhookTransport({
        signatures: SCHEMES,
        // short, and never used up: the receiver refuses a few of a hundred requests
        retry: { delaysMs: Array.from({ length: 40 }, (_, round) => Math.min(30 * 2 ** round, 400)) },
      }),
    ],
    worker: {
      concurrency: CONCURRENCY,
      perConnection: PER_CONNECTION,
      leaseMs: LEASE_MS,
      ...(engine === undefined ? { pollMs: 50 } : {}),
      ...site.worker,
    },
    egress: { allow: [{ cidr: '127.0.0.0/8', plainHttp: true }] },
    encryption: aesGcm({ keys: [{ id: 'chaos', key: Buffer.alloc(32, 'signalbox chaos') }] }),
    ...(engine === undefined ? {} : { engine }),
    ...(logger === undefined ? {} : { logger }),
  })
}

/** `undefined`: the built-in one, polling. */
function openEngine(site: EngineSite = { kind: 'polling' }): Engine | undefined {
  if (site.kind === 'polling') return undefined
  return bullmqEngine({ connection: { url: site.url }, prefix: site.prefix, sweepMs: site.sweepMs })
}
