// Three days of retries in a moment: a fake clock, and a receiver that is down.
import { createDispatcher } from 'signalbox'
import { memoryStore } from 'signalbox/stores/memory'
import { fakeClock } from 'signalbox/testing'
import { webhookTransport } from 'signalbox/transports/webhook'
import { loopback } from './support/egress.ts'
import { startReceiver } from './support/receiver.ts'

const receiver = await startReceiver(() => ({ status: 503 }))
const clock = fakeClock()
const dispatcher = createDispatcher({
  clock,
  random: () => 0.5, // no jitter: the middle of its range
  store: memoryStore(),
  transports: [webhookTransport()],
  egress: loopback,
})
await dispatcher.connections.create({ orgId: 'org_1', transport: 'webhook', config: { url: receiver.url('/in') } })

const begun = clock.now()
const href = 'https://app.example.com/policies/2'
const event = { orgId: 'org_1', type: 'policy_published', title: 'Policy published', body: '', href }
const { deliveries } = await dispatcher.dispatch(event)

const hours: string[] = []
for (;;) {
  hours.push(((clock.now() - begun) / 3_600_000).toFixed(1))
  const { nextDueAt } = await dispatcher.tick()
  if (nextDueAt === null) break
  clock.set(nextDueAt)
}
console.log('attempts after hours:', hours.join(' '))

const { status, failure, attempts } = await dispatcher.deliveries.get({ orgId: 'org_1', id: deliveries[0]?.id ?? '' })
console.log(status, failure, attempts.length, attempts.at(-1)?.code, attempts.at(-1)?.status)
console.log('one message id:', new Set(receiver.requests.map((request) => request.headers['webhook-id'])).size === 1)

await dispatcher.close()
await receiver.close()

// Output:
// attempts after hours: 0.0 0.0 0.1 0.6 2.6 7.6 17.6 31.6 51.6 75.6
// failed exhausted 10 http_5xx 503
// one message id: true
