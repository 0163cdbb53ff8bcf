// A process of processes.test.ts.
import { sqliteStore } from '../../../src/stores/sqlite.ts'
import { workOn } from '../../support/store-worker.ts'

const [path = '', name = '', batches = '0'] = process.argv.slice(2)
const store = sqliteStore({ path })
await store.setup()
await workOn(store, name, Number(batches))
await store.close()
