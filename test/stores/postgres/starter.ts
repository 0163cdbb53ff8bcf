// A process of migrations.test.ts: sets the schema up, and enqueues one event of its own.
import { postgresStore } from '../../../src/stores/postgres.ts'
import { openPool } from '../../support/postgres.ts'
import { aBatch } from './records.ts'

const [schema = '', name = ''] = process.argv.slice(2)
const pool = openPool({ max: 2 })
const store = postgresStore({ pool, schema, migrate: 'auto' })
await store.setup()
await store.deliveries.enqueue(aBatch('con_a', name, 1))
await store.close()
await pool.end()
