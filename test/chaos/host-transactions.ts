import { DatabaseSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import type { Dispatcher } from '../../src/dispatcher-api.ts'
import { eventOf } from './settings.ts'
import type { StoreSite } from './site.ts'

/** The application's own table, beside those of the store: a row for each event that it committed in one transaction. */
export interface HostTransactions {
  createTable(): Promise<void>
  /** Writes the row and dispatches the event in a transaction. Answers whether the event was known before. */
  dispatch(id: string, end: 'COMMIT' | 'ROLLBACK'): Promise<boolean>
  /** The events whose transactions were committed: these, and no other ones, are to arrive. */
  committed(): Promise<readonly string[]>
  close(): Promise<void>
}

export function openHostTransactions(site: StoreSite, dispatcher: Dispatcher): HostTransactions {
  return site.kind === 'sqlite' ? onSqlite(site.path, dispatcher) : onPostgres(site, dispatcher)
}

const BEGIN_TRIES = 500

function onSqlite(path: string, dispatcher: Dispatcher): HostTransactions {
  const db = new DatabaseSync(path, { timeout: 0 })

  /** Not `timeout`: it would hold up the event loop. */
  async function begin(): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        return db.exec('BEGIN IMMEDIATE')
      } catch (error) {
        if (tries === BEGIN_TRIES) throw error
        await pause(10)
      }
    }
  }

  return {
    async createTable() {
      await begin()
      db.exec('CREATE TABLE host_case (id TEXT PRIMARY KEY); COMMIT')
    },
    async dispatch(id, end) {
      const event = await dispatcher.prepare(eventOf(id))
      await begin()
      try {
        db.prepare('INSERT INTO host_case VALUES (?) ON CONFLICT DO NOTHING').run(id)
        const { duplicate } = event.write(db)
        db.exec(end)
        dispatcher.wake()
        return duplicate
      } catch (error) {
        if (db.isTransaction) db.exec('ROLLBACK')
        throw error
      }
    },
    committed: async () => db.prepare('SELECT id FROM host_case').all().map(idOf),
    close: async () => db.close(),
  }
}

function onPostgres(
  { url, schema, pool: settings }: StoreSite & { kind: 'postgres' },
  dispatcher: Dispatcher,
): HostTransactions {
  const pool = new pg.Pool({
    connectionTimeoutMillis: 5000,
    keepAlive: true,
    ...settings,
    max: 2,
    connectionString: url,
  })
  pool.on('error', () => {})
  const table = `"${schema}".host_case`

  return {
    async createTable() {
      await pool.query(`CREATE TABLE ${table} (id text PRIMARY KEY)`)
    },
    async dispatch(id, end) {
      const client = await pool.connect()
      let broken: Error | undefined
      const onError = (error: Error): void => {
        broken = error
      }
      client.on('error', onError)
      try {
        await client.query('BEGIN')
        await client.query(`INSERT INTO ${table} VALUES ($1) ON CONFLICT DO NOTHING`, [id])
        const { duplicate } = await dispatcher.dispatch(eventOf(id), { tx: client })
        await client.query(end)
        dispatcher.wake()
        return duplicate
      } catch (error) {
        await client.query('ROLLBACK').catch((cause: Error) => {
          broken = cause
        })
        throw error
      } finally {
        client.off('error', onError)
        client.release(broken)
      }
    },
    committed: async () => (await pool.query(`SELECT id FROM ${table}`)).rows.map(idOf),
    close: () => pool.end(),
  }
}

const idOf = ({ id }: { readonly id?: unknown }): string => String(id)
