import { invalidInput } from '../../errors.ts'
import type { PostgresResult, PostgresTx } from './pool.ts'

/** The subset of a Drizzle transaction that is used. */
export interface DrizzleTransaction {
  execute(query: never): PromiseLike<unknown>
}

/** The subset of a Kysely transaction that is used. */
export interface KyselyTransaction {
  executeQuery(query: never): Promise<PostgresResult>
}

/** The subset of a Knex transaction that is used. */
export interface KnexTransaction {
  raw(sql: string, bindings: never): PromiseLike<unknown>
}

/** The subset of a Prisma transaction client that is used. */
export interface PrismaTransaction {
  $queryRawUnsafe(sql: string, ...values: unknown[]): PromiseLike<unknown>
}

/**
 * A Drizzle transaction (on node-postgres, postgres.js or PGlite) as the `tx` of `dispatch`.
 *
 * @throws `invalid_input`
 * @example
 * await db.transaction(async (tx) => {
 *   await tx.insert(invoices).values(invoice)
 *   await dispatcher.dispatch(event, { tx: fromDrizzle(tx) })
 * })
 */
export function fromDrizzle(tx: DrizzleTransaction): PostgresTx {
  if (typeof tx?.execute !== 'function') throw invalidInput('tx', 'must be a transaction of Drizzle')
  return {
    async query(text, values = []) {
      // what `execute` asks of a query is this one method
      const query = { getSQL: () => ({ toQuery: () => ({ sql: text, params: values }) }) }
      return resultOf(await tx.execute(query as never))
    },
  }
}

/**
 * A Kysely transaction as the `tx` of `dispatch`.
 *
 * @throws `invalid_input`
 * @example
 * await db.transaction().execute(async (trx) => {
 *   await trx.insertInto('invoice').values(invoice).execute()
 *   await dispatcher.dispatch(event, { tx: fromKysely(trx) })
 * })
 */
export function fromKysely(trx: KyselyTransaction): PostgresTx {
  if (typeof trx?.executeQuery !== 'function') throw invalidInput('tx', 'must be a transaction of Kysely')
  return {
    async query(text, values = []) {
      const node = { kind: 'RawNode', sqlFragments: [text], parameters: [] }
      const query = { sql: text, parameters: values, query: node, queryId: { queryId: crypto.randomUUID() } }
      return resultOf(await trx.executeQuery(query as never))
    },
  }
}

/**
 * A Knex transaction as the `tx` of `dispatch`.
 *
 * @throws `invalid_input`
 * @example
 * await knex.transaction(async (trx) => {
 *   await trx('invoice').insert(invoice)
 *   await dispatcher.dispatch(event, { tx: fromKnex(trx) })
 * })
 */
export function fromKnex(trx: KnexTransaction): PostgresTx {
  if (typeof trx?.raw !== 'function') throw invalidInput('tx', 'must be a transaction of Knex')
  return {
    async query(text, values = []) {
      const bindings: unknown[] = []
      const sql = text.replaceAll('?', '\\?').replace(/\$(\d+)/g, (_, number: string) => {
        bindings.push(values[Number(number) - 1])
        return '?'
      })
      return resultOf(await trx.raw(sql, bindings as never))
    },
  }
}

/**
 * A Prisma transaction client as the `tx` of `dispatch`.
 *
 * @throws `invalid_input`
 * @example
 * await prisma.$transaction(async (tx) => {
 *   await tx.invoice.create({ data: invoice })
 *   await dispatcher.dispatch(event, { tx: fromPrisma(tx) })
 * })
 */
export function fromPrisma(tx: PrismaTransaction): PostgresTx {
  if (typeof tx?.$queryRawUnsafe !== 'function') throw invalidInput('tx', 'must be a transaction client of Prisma')
  return {
    query: async (text, values = []) => resultOf(await tx.$queryRawUnsafe(text, ...values)),
  }
}

/** Rows alone, or an object that has them. */
function resultOf(result: unknown): PostgresResult {
  if (Array.isArray(result)) return { rows: result }
  const { rows } = typeof result === 'object' && result !== null ? (result as Partial<PostgresResult>) : {}
  return { rows: rows ?? [] }
}
