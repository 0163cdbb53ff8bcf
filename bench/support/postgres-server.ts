import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import pg from 'pg'
import { migrate } from '../../src/stores/postgres.ts'

export const url: string = process.env.SIGNALBOX_TEST_POSTGRES_URL ?? 'postgres://postgres@127.0.0.1:5432/test'

export interface Server {
  readonly pool: pg.Pool
  readonly schema: string
  /** CPU of the server's processes behind the pool, in µs; NaN where they are not on this machine. */
  cpu(): number
}

/** Gives `body` a schema of its own. */
export async function withServer(body: (server: Server) => Promise<void>): Promise<void> {
  const schema = `signalbox_bench_${randomUUID().slice(0, 8)}`
  const pool = new pg.Pool({ connectionString: url, max: 10, idleTimeoutMillis: 0 })
  const backends = new Set<number>()
  pool.on('connect', (client) => backends.add((client as unknown as { processID: number }).processID))
  await migrate({ pool, schema })
  try {
    await body({ pool, schema, cpu: () => [...backends].reduce((sum, id) => sum + cpuOf(id), 0) })
  } finally {
    await pool.query("SET client_min_messages = 'warning'")
    await pool.query(`DROP SCHEMA "${schema}" CASCADE`)
    await pool.end()
  }
}

function cpuOf(process: number): number {
  try {
    return Number(readFileSync(`/proc/${process}/schedstat`, 'utf8').split(' ')[0]) / 1000
  } catch {
    return Number.NaN
  }
}

/** Whether a server answers at {@link url}. */
export async function serverAnswers(): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 })
  return client.connect().then(
    () => client.end().then(() => true),
    () => false,
  )
}
