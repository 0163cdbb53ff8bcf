import type pg from 'pg'
import type { Store } from '../../../src/contracts/index.ts'
import { migrate, type PostgresStoreOptions, postgresStore } from '../../../src/stores/postgres.ts'
import { dropSchema, openPool, postgresUrl, schemaName } from '../../support/postgres.ts'
import { type Relay, startRelay } from '../../support/relay.ts'

/** A schema that is used again and again. */
export interface Ground {
  /** A store on a schema without rows, which nothing disturbs. */
  empty(): Promise<Store>
  open(pool: pg.Pool, limits?: Partial<PostgresStoreOptions>): Store
  close(): Promise<void>
}

export async function openGround(): Promise<Ground> {
  const schema = schemaName()
  const pool = openPool({ max: 4 })
  await migrate({ pool, schema })
  const { rows } = await pool.query(
    "SELECT string_agg(format('DELETE FROM %I.%I', schemaname, tablename), ';') AS sql FROM pg_tables WHERE schemaname = $1 AND tablename <> 'schema_version'",
    [schema],
  )
  const sql: string = rows[0].sql
  const open: Ground['open'] = (given, limits = {}) => postgresStore({ pool: given, schema, listen: false, ...limits })
  return {
    open,
    async empty() {
      await pool.query(`SET synchronous_commit = off; ${sql}`)
      return open(pool)
    },
    async close() {
      await pool.end()
      await dropSchema(schema)
    },
  }
}

export interface Way {
  readonly relay: Relay
  readonly pool: pg.Pool
  /** Mends it first. */
  close(): Promise<void>
}

/** A pool over a way of its own, which can fail. */
export async function openWay(options: pg.PoolConfig): Promise<Way> {
  const url = new URL(postgresUrl)
  const relay = await startRelay(Number(url.port || 5432))
  url.port = String(relay.port)
  const pool = openPool({ connectionString: url.href, max: 2, ...options })
  return {
    relay,
    pool,
    async close() {
      relay.mend()
      await pool.end()
      await relay.close()
    },
  }
}
