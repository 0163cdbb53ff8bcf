// The event joins the host's own transaction: both are committed, or neither was.
import { DatabaseSync } from 'node:sqlite'
import { createDispatcher } from 'signalbox'
import { sqliteStore } from 'signalbox/stores/sqlite'
import { webhookTransport } from 'signalbox/transports/webhook'
import { loopback } from './support/egress.ts'
import { startReceiver } from './support/receiver.ts'
import { temporaryFolder } from './support/temporary.ts'

const folder = temporaryFolder()
const receiver = await startReceiver()
const store = sqliteStore({ path: folder.file('app.db') })
const dispatcher = createDispatcher({ store, transports: [webhookTransport()], encryption: false, egress: loopback })
await dispatcher.connections.create({ orgId: 'org_1', transport: 'webhook', config: { url: receiver.url('/in') } })

const db = new DatabaseSync(folder.file('app.db'))
db.exec('CREATE TABLE breaches (id INTEGER PRIMARY KEY, title TEXT NOT NULL)')

async function logBreach(title: string, fails = false): Promise<void> {
  const href = 'https://app.example.com/breaches'
  // Checks and matches; `write` does the rest, synchronously, inside the transaction that is open on `db`.
  const event = await dispatcher.prepare({ orgId: 'org_1', type: 'breach_logged', title, body: '', href })
  db.exec('BEGIN IMMEDIATE')
  try {
    db.prepare('INSERT INTO breaches (title) VALUES (?)').run(title)
    event.write(db)
    if (fails) throw new Error('something else went wrong')
    db.exec('COMMIT')
    dispatcher.wake()
  } catch (error) {
    db.exec('ROLLBACK')
    console.log('rolled back:', (error as Error).message)
  }
}

await logBreach('Laptop lost')
await logBreach('Mail to the wrong person', true)
await dispatcher.drain()

console.log(
  db
    .prepare('SELECT title FROM breaches')
    .all()
    .map((row) => row.title),
)
console.log(receiver.requests.map((request) => JSON.parse(request.body.toString()).title))

db.close()
await dispatcher.close()
await store.close()
await receiver.close()
folder.remove()

// Output:
// rolled back: something else went wrong
// [ 'Laptop lost' ]
// [ 'Laptop lost' ]
