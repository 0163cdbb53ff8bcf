import pg from 'pg'
import { migrate } from '../../src/stores/postgres.ts'
import { postgresUrl, schemaName } from '../support/postgres.ts'
import type { StoreLimits, StoreSite } from './site.ts'

/** Where a world keeps its store. */
export interface Place {
  /** Of the world itself. */
  readonly own: StoreSite
  readonly ofChildren: StoreSite
  remove(): Promise<void>
}

/** The file goes with its folder. */
export function sqlitePlace(path: string): Place {
  const site = { kind: 'sqlite', path } as const
  return { own: site, ofChildren: site, remove: async () => {} }
}

export interface PostgresPlaceOptions {
  /** Of the server that holds the world's schema; the checker reads by it. @default the one of the tests */
  readonly url?: string
  /** How the processes reach that server. @default url */
  readonly childUrl?: string
  /** Of the pools of the processes. */
  readonly pool?: pg.PoolConfig
  /** Of their stores. */
  readonly limits?: StoreLimits
}

/** A schema of its own. */
export async function postgresPlace(options: PostgresPlaceOptions): Promise<Place> {
  const { url = postgresUrl, childUrl = url, pool, limits } = options
  const schema = schemaName()
  const site = { kind: 'postgres', schema } as const
  await withPool(url, (own) => migrate({ pool: own, schema }))
  return {
    // the checker reads thousands of deliveries at once
    own: { ...site, url, pool: { connectionTimeoutMillis: 60_000 } },
    ofChildren: {
      ...site,
      url: childUrl,
      ...(pool === undefined ? {} : { pool }),
      ...(limits === undefined ? {} : { limits }),
    },
    remove: () =>
      withPool(url, async (own) => {
        await own.query(`SET client_min_messages = 'warning'; DROP SCHEMA IF EXISTS "${schema}" CASCADE`)
      }),
  }
}

async function withPool(url: string, work: (pool: pg.Pool) => Promise<void>): Promise<void> {
  const pool = new pg.Pool({ connectionString: url, max: 1 })
  try {
    await work(pool)
  } finally {
    await pool.end()
  }
}
