// A connection that was paused, or suspended, missed events: `replay` adds them, in order, each once.
import { createDispatcher } from 'signalbox'
import { memoryStore } from 'signalbox/stores/memory'
import { createRecorder, fakeClock } from 'signalbox/testing'

const clock = fakeClock() // in production leave it out
const recorder = createRecorder() // stands for any transport: nothing is sent
const dispatcher = createDispatcher({ clock, store: memoryStore(), transports: [recorder.transport()] })
const orgId = 'org_1'
const { connection } = await dispatcher.connections.create({ orgId, transport: 'recorder', label: 'SIEM', config: {} })
const call = { orgId, id: connection.id }
const since = clock.now()

async function happens(title: string): Promise<void> {
  const event = { orgId, type: 'breach_logged', title, body: '', href: 'https://app.example.com/breaches' }
  const { deliveries } = await dispatcher.dispatch(event, { wait: true })
  console.log(`${title}:`, deliveries[0]?.status ?? 'missed')
  await clock.advance(60_000)
}

await happens('First')
await dispatcher.connections.pause(call) // somebody is moving the receiver
await happens('Second')
await happens('Third')
await dispatcher.connections.resume(call)

// It is back, but gone from its old address: the system suspends it, with a reason.
recorder.fail({ kind: 'gone', code: 'gone', status: 410 })
await happens('Fourth')
await happens('Fifth')
const { status, reason } = await dispatcher.connections.get(call)
console.log(`→ ${status}: ${reason?.text}`)

// The address is mended: `update` would set another one. What failed is reopened, what was missed is added.
await dispatcher.connections.resume(call)
console.log(await dispatcher.deliveries.replay({ orgId, connectionId: connection.id, since }))
await dispatcher.drain()
console.log(recorder.sent.map(({ message }) => message.kind === 'event' && message.event.title))
console.log(await dispatcher.deliveries.replay({ orgId, connectionId: connection.id, since })) // nothing is left
await dispatcher.close()

// Output:
// First: delivered
// Second: missed
// Third: missed
// Fourth: failed
// Fifth: missed
// → suspended: The destination no longer exists (HTTP 410)
// { reopened: 1, added: 3, more: false }
// [ 'First', 'Fourth', 'Second', 'Third', 'Fifth' ]
// { reopened: 0, added: 0, more: false }
