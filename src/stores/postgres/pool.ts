import { invalidInput } from '../../errors.ts'

/** What a statement answers: the subset that is used. */
export interface PostgresResult {
  readonly rows: readonly unknown[]
}

/**
 * A transaction of the host, as `dispatch` takes it in `tx`: a `pg` client is one; `fromDrizzle`, `fromKysely`,
 * `fromKnex` and `fromPrisma` make one. Every value is a string or `null`.
 */
export interface PostgresTx {
  query(text: string, values?: unknown[]): Promise<PostgresResult>
}

/** A client that was taken from a pool: the subset of `pg`'s `PoolClient` that is used. */
export interface PostgresClient extends PostgresTx {
  /** With an error the pool closes the connection instead of handing it out again. */
  release(error?: Error | boolean): void
  /** Where there is no `on`, the store neither listens nor learns that an idle connection broke. */
  on?(event: 'error' | 'end' | 'notification', listener: (detail: unknown) => void): unknown
  removeListener?(event: 'error' | 'end' | 'notification', listener: (detail: unknown) => void): unknown
}

/** The subset of `pg`'s `Pool` that is used. */
export interface PostgresClientPool {
  query(text: string, values?: unknown[]): Promise<PostgresResult>
  connect(): Promise<PostgresClient>
  /** Where it says that `max` is 1, the store does not keep a connection to listen on. */
  readonly options?: { readonly max?: number | undefined } | undefined
}

/** A driver that runs transactions itself: begins, calls `work`, and commits, or rolls back where it rejects. */
export interface PostgresTransactor {
  query(text: string, values?: unknown[]): Promise<PostgresResult>
  transaction<T>(work: (tx: PostgresTx) => Promise<T>): Promise<T>
}

export type PostgresPool = PostgresClientPool | PostgresTransactor

/** The subset of a `PGlite` database that is used. */
export interface PgliteDatabase {
  query(text: string, values?: unknown[]): Promise<PostgresResult>
  transaction<T>(work: (tx: PgliteTransaction) => Promise<T>): Promise<T>
}

export interface PgliteTransaction {
  query(text: string, values?: unknown[]): Promise<PostgresResult>
}

/**
 * A PGlite database as a `pool`: PostgreSQL inside this process, for development and tests.
 *
 * @example
 * const db = new PGlite('./data')
 * await migrate({ pool: fromPglite(db) })
 * const store = postgresStore({ pool: fromPglite(db) })
 */
export function fromPglite(db: PgliteDatabase): PostgresTransactor {
  return {
    query: (text, values) => db.query(text, values),
    transaction: (work) => db.transaction((tx) => work({ query: (text, values) => tx.query(text, values) })),
  }
}

/** @throws `invalid_input` */
export function checkPool(pool: unknown): asserts pool is PostgresPool {
  const given = pool as Partial<PostgresClientPool & PostgresTransactor> | null | undefined
  if (typeof given?.query === 'function' && (typeof given.connect === 'function' || isTransactor(given))) return
  throw invalidInput('pool', 'must be a pool of `pg`, or what `fromPglite` makes')
}

export function isTransactor(pool: object): pool is PostgresTransactor {
  return 'transaction' in pool && typeof pool.transaction === 'function'
}

/** @throws `invalid_input` for what can't carry statements. */
export function checkTx(tx: unknown): PostgresTx {
  const given = tx as Partial<PostgresTx> | null | undefined
  if (typeof given?.query === 'function') return given as PostgresTx
  throw invalidInput('tx', 'must have `query(text, values)`: a `pg` client, or what fromDrizzle and the like make')
}
