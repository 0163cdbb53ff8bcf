import type { DatabaseSync } from 'node:sqlite'
import { SignalboxError } from '../../errors.ts'

export type SqlValue = string | number | null
export type Row = readonly SqlValue[]

/** The subset of a prepared statement that is used: `node:sqlite` and `better-sqlite3` both have it. */
export interface SqliteStatement {
  run(...values: SqlValue[]): { readonly changes: number | bigint; readonly lastInsertRowid: number | bigint }
  get(...values: SqlValue[]): unknown
  all(...values: SqlValue[]): unknown[]
  /** `node:sqlite`: rows as arrays. */
  setReturnArrays?(enabled: boolean): void
  /** `better-sqlite3`: rows as arrays. */
  raw?(enabled: boolean): unknown
}

/** The subset of a synchronous SQLite handle that is used: `node:sqlite` and `better-sqlite3` both have it. */
export interface SqliteDatabase {
  exec(sql: string): unknown
  prepare(sql: string): SqliteStatement
  close(): unknown
  /** `node:sqlite`. */
  readonly isTransaction?: boolean
  /** `better-sqlite3`. */
  readonly inTransaction?: boolean
}

/** Statements over one handle, each prepared once. Rows are arrays in the order of the columns. */
export interface Session {
  get(sql: string, ...values: SqlValue[]): Row | undefined
  all(sql: string, ...values: SqlValue[]): readonly Row[]
  /** Answers how many rows changed. */
  run(sql: string, ...values: SqlValue[]): number
  /** Answers the rowid, or `undefined` where the insert was passed over. */
  insert(sql: string, ...values: SqlValue[]): number | undefined
  exec(sql: string): void
}

export function createSession(db: SqliteDatabase): Session {
  const writers = new Map<string, SqliteStatement>()
  const readers = new Map<string, SqliteStatement>()
  let objects = false

  const writer = (sql: string): SqliteStatement => {
    const known = writers.get(sql)
    if (known) return known
    const made = db.prepare(sql)
    writers.set(sql, made)
    return made
  }
  const reader = (sql: string): SqliteStatement => {
    const known = readers.get(sql)
    if (known) return known
    const made = db.prepare(sql)
    if (made.setReturnArrays) made.setReturnArrays(true)
    else if (made.raw) made.raw(true)
    else objects = true
    readers.set(sql, made)
    return made
  }

  return {
    get(sql, ...values) {
      const row = reader(sql).get(...values)
      return objects && row ? asRow(row) : (row as Row | undefined)
    },
    all(sql, ...values) {
      const rows = reader(sql).all(...values)
      return objects ? rows.map(asRow) : (rows as Row[])
    },
    run: (sql, ...values) => Number(writer(sql).run(...values).changes),
    insert(sql, ...values) {
      const { changes, lastInsertRowid } = writer(sql).run(...values)
      return Number(changes) === 0 ? undefined : Number(lastInsertRowid)
    },
    exec: (sql) => void db.exec(sql),
  }
}

function asRow(row: unknown): Row {
  return Object.values(row as object)
}

/** Opens a file with Node's own driver. Looked up at the call: a host with another driver needs no `node:sqlite`. */
export function openNodeSqlite(path: string): SqliteDatabase {
  const builtin: { DatabaseSync: typeof DatabaseSync } | undefined = process.getBuiltinModule('node:sqlite')
  if (!builtin) {
    throw new SignalboxError('store_failed', 'sqliteStore: this runtime has no node:sqlite; pass `open` with a driver')
  }
  return new builtin.DatabaseSync(path)
}

// Columns that the schema declares NOT NULL, or that the query has made so.
export function text(value: SqlValue | undefined): string {
  return typeof value === 'string' ? value : String(value)
}

export function int(value: SqlValue | undefined): number {
  return typeof value === 'number' ? value : Number(value)
}

export function maybeInt(value: SqlValue | undefined): number | undefined {
  return typeof value === 'number' ? value : undefined
}

export function maybeText(value: SqlValue | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
}
