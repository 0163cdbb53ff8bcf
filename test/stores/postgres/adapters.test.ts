import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import knex from 'knex'
import { CamelCasePlugin, Kysely, PostgresDialect } from 'kysely'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Store } from '../../../src/contracts/index.ts'
import { fromDrizzle, fromKnex, fromKysely, fromPrisma, type PostgresTx } from '../../../src/stores/postgres.ts'
import { postgresMissing, postgresUrl } from '../../support/postgres.ts'
import { aBatch, aConnection, freshWorld, ORG, type World } from './fixtures.ts'

const missing = await postgresMissing()

/** Runs `work` in a transaction of the query builder that also adds an invoice, and rolls back where it rejects. */
type Within = (work: (tx: PostgresTx) => Promise<void>) => Promise<void>

const builders: Record<string, (world: World) => Within> = {
  drizzle({ pool, schema }) {
    const db = drizzle(pool)
    return (work) =>
      db.transaction(async (tx) => {
        await tx.execute(sql.raw(`INSERT INTO "${schema}".invoice DEFAULT VALUES`))
        await work(fromDrizzle(tx))
      })
  },
  kysely({ pool, schema }) {
    const db = new Kysely<Record<string, object>>({
      dialect: new PostgresDialect({ pool }),
      plugins: [new CamelCasePlugin()],
    })
    return (work) =>
      db.transaction().execute(async (trx) => {
        await trx.withSchema(schema).insertInto('invoice').defaultValues().execute()
        await work(fromKysely(trx))
      })
  },
  knex({ schema }) {
    const db = knex({ client: 'pg', connection: postgresUrl })
    onTestFinished(() => db.destroy())
    return (work) =>
      db.transaction(async (trx) => {
        await trx.raw('INSERT INTO ??.?? DEFAULT VALUES', [schema, 'invoice'])
        await work(fromKnex(trx))
      })
  },
  pg({ pool, schema }) {
    return async (work) => {
      const client = await pool.connect()
      try {
        await client.query('BEGIN')
        await client.query(`INSERT INTO "${schema}".invoice DEFAULT VALUES`)
        await work(client)
        await client.query('COMMIT')
      } catch (error) {
        await client.query('ROLLBACK')
        throw error
      } finally {
        client.release()
      }
    }
  },
}

async function stored(store: Store, { pool, schema }: World): Promise<readonly number[]> {
  const { rows } = await pool.query(`SELECT count(*)::int AS invoices FROM "${schema}".invoice`)
  const { items } = await store.deliveries.list({ orgId: ORG, limit: 10 })
  const digest = await store.digests.peek({ orgId: ORG, connectionId: 'con_a', key: 'ü "k"' })
  return [Number(rows[0]?.invoices), items.length, digest?.total ?? 0]
}

describe.skipIf(missing !== undefined)('a transaction of the host', () => {
  it.each(Object.keys(builders))('of %s: invoice, event and digest are all there, or none is', async (name) => {
    const world = await freshWorld()
    const { pool, schema } = world
    await pool.query(`CREATE TABLE "${schema}".invoice (id serial PRIMARY KEY)`)
    const store = await world.open()
    await store.connections.insert(aConnection('con_a', { categories: ['breach'] }))
    const outside = await store.connections.subscribed(ORG)
    const within = builders[name]?.(world)
    if (!within) throw new Error('no such builder')
    const { events, deliveries } = aBatch('con_a', 'e?$1:x ', 2)
    const member = { orgId: ORG, connectionId: 'con_a', key: 'ü "k"', eventId: events[0]?.id ?? '', at: 1 }
    const collect = [{ ...member, closesAt: 2e12, mustCloseAt: 2e12, maxItems: 5, keep: 'first' as const }]

    const work = async (tx: PostgresTx): Promise<void> => {
      await store.setup({ tx })
      expect(await store.connections.subscribed(ORG, { tx })).toEqual(outside)
      expect(await store.deliveries.enqueue({ events, deliveries, collect, tx })).toEqual({ duplicates: [] })
      const again = await store.deliveries.enqueue({ events, deliveries, collect, tx })
      expect(again.duplicates.map(({ id }) => id).sort()).toEqual(events.map(({ id }) => id).sort())
    }
    const rolledBack = within(async (tx) => {
      await work(tx)
      throw new Error('the host changed its mind')
    })
    await expect(rolledBack).rejects.toThrow('the host changed its mind')
    expect(await stored(store, world)).toEqual([0, 0, 0])
    await within(work)
    expect(await stored(store, world)).toEqual([1, 2, 1])
    expect((await store.events.get({ orgId: ORG, id: events[1]?.id ?? '' }))?.title).toBe('Title')
  })
})

describe('fromPrisma', () => {
  it('hands the text and each value to $queryRawUnsafe, and answers its rows', async () => {
    const calls: unknown[][] = []
    const prisma = {
      $queryRawUnsafe: async (...args: unknown[]) => {
        calls.push(args)
        return [{ version: '7' }]
      },
    }
    expect(await fromPrisma(prisma).query('SELECT $1::text', ['a'])).toEqual({ rows: [{ version: '7' }] })
    expect(calls).toEqual([['SELECT $1::text', 'a']])
  })
})

describe('what is no transaction', () => {
  it.each([undefined, null, {}, 'tx'])('is refused: %s', (tx) => {
    for (const from of [fromDrizzle, fromKysely, fromKnex, fromPrisma]) {
      expect(() => from(tx as never)).toThrow(expect.objectContaining({ code: 'invalid_input', field: 'tx' }))
    }
  })
})
