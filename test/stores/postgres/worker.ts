// A process of processes.test.ts: enqueues `batches` batches of its own, and works off whatever is due, its own or not.
import { writeSync } from 'node:fs'
import { postgresStore } from '../../../src/stores/postgres.ts'
import { openPool } from '../../support/postgres.ts'
import { aBatch, claim, delivered, T0 } from './records.ts'

const [schema = '', name = '', batches = '0'] = process.argv.slice(2)
const SIZE = 10

/** At once, whatever happens to this process afterwards. */
function say(what: string, ids: readonly string[]): void {
  if (ids.length > 0) writeSync(1, `${what} ${ids.join(' ')}\n`)
}

const pool = openPool({ max: 3 })
const store = postgresStore({ pool, schema })
await store.setup()
for (let n = 0, idle = 0; n < Number(batches) || idle < 20; n++) {
  if (n < Number(batches)) {
    const batch = aBatch(`con_${n % 3}`, `${name}_${n}_`, SIZE)
    await store.deliveries.enqueue(batch)
    say(
      'accepted',
      batch.deliveries.map(({ id }) => id),
    )
  }
  const { deliveries } = await claim(store, T0, 7)
  say(
    'leased',
    deliveries.map(({ id }) => id),
  )
  const { stale } = await store.deliveries.settle(deliveries.map((row) => delivered(row)))
  say('stale', stale)
  idle = deliveries.length === 0 ? idle + 1 : 0
}
await store.close()
await pool.end()
