// A process of processes.test.ts.
import { postgresStore } from '../../../src/stores/postgres.ts'
import { openPool } from '../../support/postgres.ts'
import { workOn } from '../../support/store-worker.ts'

const [schema = '', name = '', batches = '0'] = process.argv.slice(2)
const pool = openPool({ max: 3 })
const store = postgresStore({ pool, schema })
await store.setup()
await workOn(store, name, Number(batches))
await store.close()
await pool.end()
