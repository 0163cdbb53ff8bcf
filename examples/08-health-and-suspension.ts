// A failing endpoint: what the settings card shows, when it is suspended, and how it comes back.
import { createDispatcher } from 'signalbox'
import { memoryStore } from 'signalbox/stores/memory'
import { webhookTransport } from 'signalbox/transports/webhook'
import { loopback } from './support/egress.ts'
import { startReceiver } from './support/receiver.ts'

let up = false
const receiver = await startReceiver(() => ({ status: up ? 204 : 500 }))
const dispatcher = createDispatcher({
  store: memoryStore(),
  transports: [webhookTransport({ retry: { delaysMs: [0, 0], jitter: 0 } })],
  health: { suspendAfterMs: 0, suspendAfterAttempts: 3 }, // default: 5 days and 10 attempts
  egress: loopback,
})
dispatcher.on('delivery.attempted', ({ number, code, status }) => console.log(`attempt ${number}:`, code ?? status))
dispatcher.on('delivery.exhausted', ({ attempts }) => console.log(`given up after ${attempts} attempts`))
dispatcher.on('connection.suspended', ({ reason }) => console.log(`suspended, ${reason.code}: ${reason.text}`))
dispatcher.on('connection.recovered', () => console.log('recovered'))

const orgId = 'org_1'
const config = { url: receiver.url('/in') }
const { connection } = await dispatcher.connections.create({ orgId, transport: 'webhook', label: 'SIEM', config })
const since = Date.now()
const href = 'https://app.example.com/dpias/4'
await dispatcher.dispatch({ orgId, type: 'dpia_review_due', title: 'DPIA due for review', body: '', href })
await dispatcher.drain()
await show()

// Someone repaired the endpoint. What failed is tried again, what waited goes out.
up = true
await dispatcher.connections.resume({ orgId, id: connection.id })
await dispatcher.deliveries.retryFailed({ orgId, connectionId: connection.id, since })
await dispatcher.drain()
await show()
await dispatcher.close()
await receiver.close()

async function show(): Promise<void> {
  const card = await dispatcher.connections.get({ orgId, id: connection.id })
  console.log(`→ ${card.label}: ${card.status}, health ${card.health}, ${card.consecutiveFailures} failures in a row`)
}

// Output:
// attempt 1: http_5xx
// attempt 2: http_5xx
// attempt 3: http_5xx
// given up after 3 attempts
// suspended, failing: Nothing was delivered for 0 minutes, 3 attempts failed in a row. Latest: The destination failed with an error of its own (HTTP 500).
// → SIEM: suspended, health failing, 3 failures in a row
// attempt 4: 204
// recovered
// → SIEM: active, health ok, 0 failures in a row
