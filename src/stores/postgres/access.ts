import { setTimeout as sleep } from 'node:timers/promises'
import { sqlState, storeFailed } from './failure.ts'
import { checkTx, isTransactor, type PostgresClientPool, type PostgresPool, type PostgresTx } from './pool.ts'
import type { Row } from './values.ts'

/** Runs one statement. Values are strings or `null`; `@.` in the text stands for the schema. */
export type Query = (text: string, values?: readonly (string | null)[]) => Promise<readonly Row[]>

/** `leases`: may be lost with the power, which costs a duplicate at most: its commit does not wait for the disk. */
export type Durability = 'accepted' | 'leases'

export interface Access {
  /** One statement, which is a transaction of its own. */
  readonly query: Query
  /** The statements of a host's transaction. @throws `invalid_input` */
  via(tx: unknown): Query
  /**
   * A transaction of the store's own. `work` runs again where the database broke it off in favour of another one, so
   * what it changes in memory must wait until the promise resolves.
   */
  transaction<T>(work: (query: Query) => Promise<T>, durability?: Durability): Promise<T>
}

/**
 * The level is the store's, whatever the host has made the default. The planner is kept from plans that read whole
 * tables: the statements find rows by key, but a table that was never analysed looks small. A process that stops in
 * the middle must not hold its locks for ever.
 */
const SETTINGS = `
SET LOCAL jit = off; SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off;
SET LOCAL idle_in_transaction_session_timeout = 30000;`
const UNSYNCED = ' SET LOCAL synchronous_commit = off;'

const DEADLOCK = '40P01'
const SERIALIZATION_FAILURE = '40001'
const MAX_TRIES = 5

export function createAccess(pool: PostgresPool, schema: string, lockTimeoutMs: number): Access {
  const qualified = new Map<string, string>()
  const qualify = (text: string): string => {
    const known = qualified.get(text)
    if (known !== undefined) return known
    const made = text.replaceAll('@.', `"${schema}".`)
    qualified.set(text, made)
    return made
  }
  const through =
    (target: PostgresTx): Query =>
    async (text, values) =>
      (await target.query(qualify(text), values === undefined ? undefined : [...values])).rows as readonly Row[]

  const onPool = through(pool)
  const settings = `${SETTINGS} SET LOCAL lock_timeout = ${lockTimeoutMs};`

  function run<T>(work: (query: Query) => Promise<T>, prelude: string): Promise<T> {
    if (!isTransactor(pool)) return withClient(pool, prelude, (client) => work(through(client)))
    return pool.transaction(async (tx) => {
      for (const statement of prelude.split(';')) if (statement.trim() !== '') await tx.query(statement)
      return work(through(tx))
    })
  }

  return {
    query: (text, values) => failing(() => onPool(text, values)),
    via(tx) {
      const query = through(checkTx(tx))
      return (text, values) => failing(() => query(text, values))
    },
    async transaction(work, durability = 'accepted') {
      const prelude = durability === 'leases' ? settings + UNSYNCED : settings
      for (let tries = 1; ; tries++) {
        try {
          return await run(work, prelude)
        } catch (error) {
          const state = sqlState(error)
          if (tries === MAX_TRIES || (state !== DEADLOCK && state !== SERIALIZATION_FAILURE)) throw storeFailed(error)
          await sleep(1 + Math.random() * 4 ** tries)
        }
      }
    },
  }
}

async function failing<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    throw storeFailed(error)
  }
}

async function withClient<T>(
  pool: PostgresClientPool,
  prelude: string,
  work: (client: PostgresTx) => Promise<T>,
): Promise<T> {
  const client = await pool.connect()
  // without a listener, a connection that breaks between two statements would end the process
  let broken: Error | undefined
  const onError = (error: unknown): void => {
    broken = error instanceof Error ? error : new Error('the connection broke')
  }
  client.on?.('error', onError)
  const release = (error?: Error): void => {
    client.removeListener?.('error', onError)
    client.release(error)
  }
  try {
    await client.query(`BEGIN ISOLATION LEVEL READ COMMITTED; ${prelude}`)
    const result = await work(client)
    await client.query('COMMIT')
    release(broken)
    return result
  } catch (error) {
    try {
      await client.query('ROLLBACK')
      release(broken)
    } catch (cause) {
      release(cause instanceof Error ? cause : new Error('ROLLBACK failed'))
    }
    throw error
  }
}
