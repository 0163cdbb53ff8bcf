import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { migrate } from '../../src/stores/postgres.ts'

export const postgresUrl: string = process.env.SIGNALBOX_TEST_POSTGRES_URL ?? 'postgres://postgres@127.0.0.1:5432/test'

/**
 * `undefined` where a PostgreSQL answers at {@link postgresUrl}, else why tests that need it are skipped, which is
 * printed.
 *
 * @throws where `SIGNALBOX_REQUIRE_SERVICES=1` and none answers.
 */
export async function postgresMissing(): Promise<string | undefined> {
  const client = new pg.Client({ connectionString: postgresUrl, connectionTimeoutMillis: 5000 })
  try {
    await client.connect()
    await client.end()
    return undefined
  } catch (error) {
    if (process.env.SIGNALBOX_REQUIRE_SERVICES === '1') throw error
    const { hostname, port } = new URL(postgresUrl)
    const reason = `no PostgreSQL answers at ${hostname}:${port} (SIGNALBOX_TEST_POSTGRES_URL)`
    console.info(`skipped: ${reason}`)
    return reason
  }
}

export function openPool(options: pg.PoolConfig = {}): pg.Pool {
  const pool = new pg.Pool({ connectionString: postgresUrl, max: 6, ...options })
  // one that breaks while it is idle: tests end connections on purpose
  pool.on('error', () => {})
  return pool
}

/** The name of a schema that is not there yet; suites side by side have their own. */
export function schemaName(): string {
  return `signalbox_test_${randomUUID().slice(0, 8)}`
}

export interface FreshSchema {
  readonly schema: string
  /** A pool of the test's own. */
  readonly pool: pg.Pool
  /** Drops the schema and ends the pool. */
  remove(): Promise<void>
}

/** A schema of its own with all tables. */
export async function freshSchema(options: pg.PoolConfig = {}): Promise<FreshSchema> {
  const schema = schemaName()
  const pool = openPool(options)
  await migrate({ pool, schema })
  return {
    schema,
    pool,
    async remove() {
      await pool.end()
      await dropSchema(schema)
    },
  }
}

/** By a connection of its own: what still uses the schema is ended first. */
export async function dropSchema(schema: string): Promise<void> {
  const client = new pg.Client({ connectionString: postgresUrl })
  await client.connect()
  try {
    await client.query("SET client_min_messages = 'warning'")
    await client.query(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`)
  } finally {
    await client.end()
  }
}
