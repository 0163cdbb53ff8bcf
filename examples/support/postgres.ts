import { randomUUID } from 'node:crypto'
import pg from 'pg'

export interface ExamplePostgres {
  /** The application's pool; its tables are in a schema that is there for this run only. */
  readonly pool: pg.Pool
  /** Leads to the same. */
  readonly url: string
  /** For the store: a name that nothing has yet. */
  readonly schema: string
  /** Drops both schemas and ends the pool. */
  remove(): Promise<void>
}

/** Ends the process, with a line that says why, where no PostgreSQL answers. */
export async function openPostgres(): Promise<ExamplePostgres> {
  const url = new URL(process.env.SIGNALBOX_TEST_POSTGRES_URL ?? 'postgres://postgres@127.0.0.1:5432/test')
  const own = `example_${randomUUID().slice(0, 8)}`
  const schema = `${own}_signalbox`
  url.searchParams.set('options', `-c search_path=${own} -c client_min_messages=warning`)
  const pool = new pg.Pool({ connectionString: url.href, connectionTimeoutMillis: 5000 })
  try {
    await pool.query(`CREATE SCHEMA ${own}`)
  } catch (error) {
    if (error instanceof pg.DatabaseError) throw error
    console.log(`No PostgreSQL answers at ${url.host}: name one in SIGNALBOX_TEST_POSTGRES_URL.`)
    process.exit(0)
  }
  return {
    pool,
    url: url.href,
    schema,
    async remove() {
      await pool.query(`DROP SCHEMA IF EXISTS ${own}, ${schema} CASCADE`)
      await pool.end()
    },
  }
}
