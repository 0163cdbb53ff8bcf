// Needs PostgreSQL
// The event joins the host's own transaction, by the client that has it open: both are committed, or neither was.
import { createDispatcher } from 'signalbox'
import { migrate, postgresStore } from 'signalbox/stores/postgres'
import { webhookTransport } from 'signalbox/transports/webhook'
import { loopback } from './support/egress.ts'
import { openPostgres } from './support/postgres.ts'
import { startReceiver } from './support/receiver.ts'

const { pool, schema, remove } = await openPostgres() // the application's own `Pool` of `pg`
const receiver = await startReceiver()
await migrate({ pool, schema }) // when the host is deployed; the schema is `signalbox` unless you name another
const store = postgresStore({ pool, schema })
const dispatcher = createDispatcher({ store, transports: [webhookTransport()], encryption: false, egress: loopback })
await dispatcher.connections.create({ orgId: 'org_1', transport: 'webhook', config: { url: receiver.url('/in') } })
await pool.query('CREATE TABLE breaches (title text NOT NULL)')

async function logBreach(title: string, fails = false): Promise<void> {
  const href = 'https://app.example.com/breaches'
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    await client.query('INSERT INTO breaches (title) VALUES ($1)', [title])
    const event = { orgId: 'org_1', type: 'breach_logged', title, body: '', href }
    const { deliveries } = await dispatcher.dispatch(event, { tx: client })
    await dispatcher.drain() // any worker, meanwhile
    console.log(`${title}: deliveries ${deliveries.length}, sent before the commit ${sent().includes(title)}`)
    if (fails) throw new Error('something else went wrong')
    await client.query('COMMIT')
    dispatcher.wake() // a worker in this process looks at once, others do at their next poll
  } catch (error) {
    await client.query('ROLLBACK')
    console.log('rolled back:', (error as Error).message)
  } finally {
    client.release()
  }
}

function sent(): string[] {
  return receiver.requests.map((request) => JSON.parse(request.body.toString()).title)
}

await logBreach('Laptop lost')
await logBreach('Mail to the wrong person', true)
await dispatcher.drain()

const { rows } = await pool.query('SELECT title FROM breaches')
console.log('breaches:', rows)
console.log('sent:', sent())

await dispatcher.close()
await store.close()
await receiver.close()
await remove()

// Output:
// Laptop lost: deliveries 1, sent before the commit false
// Mail to the wrong person: deliveries 1, sent before the commit false
// rolled back: something else went wrong
// breaches: [ { title: 'Laptop lost' } ]
// sent: [ 'Laptop lost' ]
