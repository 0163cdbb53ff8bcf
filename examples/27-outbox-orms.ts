// Needs PostgreSQL
// The same in Drizzle, Kysely and Knex: their own transaction, and `fromDrizzle`, `fromKysely`, `fromKnex` around it.
import { drizzle } from 'drizzle-orm/node-postgres'
import { pgTable, text } from 'drizzle-orm/pg-core'
import knex from 'knex'
import { Kysely, PostgresDialect } from 'kysely'
import { createDispatcher } from 'signalbox'
import { fromDrizzle, fromKnex, fromKysely, postgresStore } from 'signalbox/stores/postgres'
import { webhookTransport } from 'signalbox/transports/webhook'
import { loopback } from './support/egress.ts'
import { openPostgres } from './support/postgres.ts'
import { startReceiver } from './support/receiver.ts'

const { pool, url, schema, remove } = await openPostgres()
const receiver = await startReceiver()
const store = postgresStore({ pool, schema, migrate: 'auto' })
const dispatcher = createDispatcher({ store, transports: [webhookTransport()], encryption: false, egress: loopback })
await dispatcher.connections.create({ orgId: 'org_1', transport: 'webhook', config: { url: receiver.url('/in') } })
await pool.query('CREATE TABLE breaches (title text PRIMARY KEY)')

const href = 'https://app.example.com/breaches'
const eventOf = (title: string) => ({ orgId: 'org_1', type: 'breach_logged', title, body: '', href })

const drizzleDb = drizzle(pool)
const breaches = pgTable('breaches', { title: text().primaryKey() })
const kysely = new Kysely<{ breaches: { title: string } }>({ dialect: new PostgresDialect({ pool }) })
const knexDb = knex({ client: 'pg', connection: url })

const logBreach: Record<string, (title: string) => Promise<void>> = {
  drizzle: (title) =>
    drizzleDb.transaction(async (tx) => {
      await dispatcher.dispatch(eventOf(title), { tx: fromDrizzle(tx) })
      await tx.insert(breaches).values({ title })
    }),
  kysely: (title) =>
    kysely.transaction().execute(async (trx) => {
      await dispatcher.dispatch(eventOf(title), { tx: fromKysely(trx) })
      await trx.insertInto('breaches').values({ title }).execute()
    }),
  knex: (title) =>
    knexDb.transaction(async (trx) => {
      await dispatcher.dispatch(eventOf(title), { tx: fromKnex(trx) })
      await trx('breaches').insert({ title })
    }),
}
// Prisma:  await prisma.$transaction(async (tx) => { await tx.breach.create({ data: { title } })
//          await dispatcher.dispatch(eventOf(title), { tx: fromPrisma(tx) }) })

for (const [name, log] of Object.entries(logBreach)) {
  await log(`by ${name}`)
  await log(`by ${name}`).catch(() => console.log(`${name}: the title is taken, so nothing happened`))
}
await dispatcher.drain()
console.log(receiver.requests.map((request) => JSON.parse(request.body.toString()).title).sort())

await Promise.all([dispatcher.close(), knexDb.destroy(), receiver.close()])
await store.close()
await remove()

// Output:
// drizzle: the title is taken, so nothing happened
// kysely: the title is taken, so nothing happened
// knex: the title is taken, so nothing happened
// [ 'by drizzle', 'by knex', 'by kysely' ]
