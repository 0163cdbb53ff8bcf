// One connection, one event, one signed request.
import { createDispatcher } from 'signalbox'
import { memoryStore } from 'signalbox/stores/memory'
import { webhookTransport } from 'signalbox/transports/webhook'
import { loopback } from './support/egress.ts'
import { startReceiver } from './support/receiver.ts'

const receiver = await startReceiver()
const dispatcher = createDispatcher({ store: memoryStore(), transports: [webhookTransport()], egress: loopback })

const { connection, secret } = await dispatcher.connections.create({
  orgId: 'org_1',
  transport: 'webhook',
  label: 'SIEM',
  config: { url: receiver.url('/in') },
})
console.log(connection.status, '· the secret is shown once:', secret?.startsWith('whsec_'))

// `wait` also makes the first attempts. A server leaves it out and calls `dispatcher.start()` once.
const { deliveries } = await dispatcher.dispatch(
  {
    orgId: 'org_1',
    type: 'breach_logged',
    title: 'Breach logged',
    body: 'A laptop was lost.',
    href: 'https://app.example.com/breaches/7',
    orgName: 'Acme',
    timestamp: '2026-11-21T09:00:00Z',
  },
  { wait: true },
)
console.log(deliveries.map((delivery) => delivery.status))

const request = receiver.last()
console.log(request.body.toString())
console.log(
  Object.keys(request.headers)
    .filter((name) => /^(x-ghost|webhook)-/.test(name))
    .sort(),
)

await dispatcher.close()
await receiver.close()

// Output:
// active · the secret is shown once: true
// [ 'delivered' ]
// {"type":"breach_logged","title":"Breach logged","body":"A laptop was lost.","href":"https://app.example.com/breaches/7","orgName":"Acme","timestamp":"2026-11-21T09:00:00.000Z"}
// [
//   'webhook-id',
//   'webhook-signature',
//   'webhook-timestamp',
//   'x-ghost-signature',
//   'x-ghost-timestamp'
// ]
