import { setTimeout as sleep } from 'node:timers/promises'
import { type HeldClient, holdClient } from './client.ts'
import { sqlState, storeFailed } from './failure.ts'
import { withLiterals } from './literals.ts'
import { checkTx, isTransactor, type PostgresPool, type PostgresResult, type PostgresTx } from './pool.ts'
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
   * what it changes in memory must wait until the promise resolves. `last` runs a statement and commits with it, in one
   * message; nothing may follow.
   */
  transaction<T>(work: (query: Query, last: Query) => Promise<T>, durability?: Durability): Promise<T>
}

export interface AccessOptions {
  readonly schema: string
  readonly lockTimeoutMs: number
  /** How long a connection of the pool, and the answer to a statement, are waited for. */
  readonly statementTimeoutMs: number
}

/**
 * The level is the store's, whatever the host has made the default. The planner is kept from plans that read whole
 * tables: the statements find rows by key, but a table that was never analysed looks small.
 */
const SETTINGS = `
SET LOCAL jit = off; SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off;`
const MIN_IDLE_MS = 1000
const MAX_IDLE_MS = 30_000
const UNSYNCED = ' SET LOCAL synchronous_commit = off;'

const DEADLOCK = '40P01'
const SERIALIZATION_FAILURE = '40001'
const MAX_TRIES = 5

export function createAccess(pool: PostgresPool, options: AccessOptions): Access {
  const { schema, lockTimeoutMs, statementTimeoutMs } = options
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

  // a process that stands still in the middle, or is not heard of any more, loses its locks before those who wait give up
  const idleMs = Math.min(Math.max(lockTimeoutMs / 2, MIN_IDLE_MS), MAX_IDLE_MS)
  const settings = `${SETTINGS} SET LOCAL lock_timeout = ${lockTimeoutMs};
SET LOCAL idle_in_transaction_session_timeout = ${Math.round(idleMs)};`

  async function onPool(text: string, values?: readonly (string | null)[]): Promise<readonly Row[]> {
    if (isTransactor(pool)) return through(pool)(text, values)
    const client = await holdClient(pool, statementTimeoutMs)
    try {
      const rows = await through(client)(text, values)
      client.release()
      return rows
    } catch (error) {
      // as the pool's own `query` does: the error may be the last that this connection says
      client.release(error instanceof Error ? error : new Error('the statement failed'))
      throw error
    }
  }

  async function run<T>(work: (query: Query, last: Query) => Promise<T>, prelude: string): Promise<T> {
    if (!isTransactor(pool)) return inTransaction(await holdClient(pool, statementTimeoutMs), prelude, work)
    return pool.transaction(async (tx) => {
      for (const statement of prelude.split(';')) if (statement.trim() !== '') await tx.query(statement)
      return work(through(tx), through(tx))
    })
  }

  /** BEGIN goes with the first statement, and COMMIT with the last: each message of its own costs as much as a statement. */
  async function inTransaction<T>(
    client: HeldClient,
    prelude: string,
    work: (query: Query, last: Query) => Promise<T>,
  ): Promise<T> {
    let begun = false
    let ended = false
    const query: Query = async (text, values = []) => {
      if (begun) return through(client)(text, values)
      begun = true
      const results = await together(client, [
        `BEGIN ISOLATION LEVEL READ COMMITTED; ${prelude}`,
        literal(text, values),
      ])
      return rowsOf(results.at(-1))
    }
    const last: Query = async (text, values = []) => {
      if (!begun) return query(text, values)
      const results = await together(client, [literal(text, values), '; COMMIT'])
      ended = true
      return rowsOf(results.at(-2))
    }
    const literal = (text: string, values: readonly (string | null)[]): string => withLiterals(qualify(text), values)
    try {
      const result = await work(query, last)
      if (begun && !ended) await client.query('COMMIT')
      client.release()
      return result
    } catch (error) {
      try {
        // the end of a connection is the end of its transaction
        if (!client.broken) await client.query('ROLLBACK')
        client.release()
      } catch (cause) {
        client.release(cause instanceof Error ? cause : new Error('ROLLBACK failed'))
      }
      throw error
    }
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

/** Several statements in one message, which the drivers answer with a result for each. */
async function together(client: HeldClient, statements: readonly string[]): Promise<readonly PostgresResult[]> {
  const answer: PostgresResult | readonly PostgresResult[] = await client.query(statements.join(''))
  return Array.isArray(answer) ? answer : [answer]
}

function rowsOf(result: PostgresResult | undefined): readonly Row[] {
  return (result?.rows ?? []) as readonly Row[]
}
