import { PGlite } from '@electric-sql/pglite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fromPglite } from '../../../src/stores/postgres.ts'
import { storeContract } from '../../../src/testing/index.ts'
import { testEach } from '../../support/cases.ts'
import { reusedSchemas } from './contract.ts'
import { aBatch, ORG } from './records.ts'

const ONE_CONNECTION = "one connection: a transaction of the host holds up the store's own calls"

describe('postgresStore on PGlite', () => {
  let db: PGlite
  beforeAll(async () => {
    db = await PGlite.create()
  }, 60_000)
  afterAll(() => db.close())
  const schemas = reusedSchemas(() => fromPglite(db))
  const begin = async () => {
    throw new Error(ONE_CONNECTION)
  }
  testEach(storeContract({ ...schemas, begin }), {
    reason: (name) => (name.startsWith('transactions: ') ? ONE_CONNECTION : undefined),
  })

  it("the event joins the host's transaction: both are there, or neither is", async () => {
    const store = await schemas.create()
    await db.exec('CREATE TABLE invoice (id int)')
    const event = aBatch('con_a', 'e', 1)
    for (const fails of [true, false]) {
      const done = db.transaction(async (tx) => {
        await tx.query('INSERT INTO invoice VALUES (1)')
        await store.setup({ tx })
        expect(await store.connections.subscribed(ORG, { tx })).toMatchObject({ connections: [] })
        expect(await store.deliveries.enqueue({ ...event, tx })).toEqual({ duplicates: [] })
        if (fails) throw new Error('no')
      })
      await done.catch(() => undefined)
      const { items } = await store.deliveries.list({ orgId: ORG, limit: 10 })
      const { rows } = await db.query('SELECT * FROM invoice')
      expect([items.length, rows.length]).toEqual(fails ? [0, 0] : [1, 1])
    }
    await schemas.destroy(store)
  })
})
