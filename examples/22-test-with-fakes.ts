// Testing your integration: a recorder asserts what is told; fakes, as strict as the services, what becomes of it.
import { setupServer } from 'msw/node'
import { createDispatcher, type Dispatcher } from 'signalbox'
import { fetchHttp } from 'signalbox/http'
import { generateSecret } from 'signalbox/signing'
import { memoryStore } from 'signalbox/stores/memory'
import { createRecorder, fakeClock } from 'signalbox/testing'
import { slackFake, webhookReceiverFake } from 'signalbox/testing/msw'
import { slackTransport } from 'signalbox/transports/slack'
import { webhookTransport } from 'signalbox/transports/webhook'

/** What is tested: a piece of the host. */
async function logBreach(dispatcher: Pick<Dispatcher, 'dispatch'>, title: string) {
  const event = { orgId: 'org_1', type: 'breach_logged', title, body: '', href: 'https://app.example.com/breaches/7' }
  return dispatcher.dispatch(event, { wait: true })
}

// 1. With a recorder: is the right thing told? Nothing is sent, and an assertion that fails says what was told instead.
const recorder = createRecorder()
const recorded = createDispatcher({ store: memoryStore(), transports: [recorder.transport()] })
await recorded.connections.create({ orgId: 'org_1', transport: 'recorder', config: {} })
await logBreach(recorded, 'Laptop lost')
const { message } = recorder.assertSent({ type: 'breach_logged', message: { event: { title: 'Laptop lost' } } })
console.log('recorded:', message.kind, message.orgName)
await recorded.close()

// 2. With fakes: does it arrive, and what if not? msw's `setupServer` sees `fetchHttp`.
const clock = fakeClock()
const secret = generateSecret()
const slack = slackFake({ channels: [{ id: 'C1', name: 'alerts' }], now: clock.now })
const siem = webhookReceiverFake({ url: 'https://siem.example.com/in', secret, now: clock.now })
const server = setupServer(...slack.handlers, ...siem.handlers)
server.listen({ onUnhandledFrame: 'error' })

const dispatcher = createDispatcher({
  clock,
  store: memoryStore(),
  http: fetchHttp({ clock }),
  transports: [slackTransport(), webhookTransport()],
  tokens: { get: async () => ({ ok: true, token: slack.token }) },
})
const { connections } = dispatcher
await connections.create({ orgId: 'org_1', transport: 'slack', config: { workspaceId: 'T1', channelId: 'C1' } })
await connections.create({ orgId: 'org_1', transport: 'webhook', config: { url: siem.url }, secret })

slack.fail('internal_error') // the next message is refused so; then Slack works again
siem.respondOnce(503)
const { deliveries } = await logBreach(dispatcher, 'Laptop lost')
console.log(deliveries.map(({ status, outcome }) => `${status}, ${outcome?.kind} ${outcome?.status}`))
clock.set(clock.now() + 10_000) // the first retry is due
await dispatcher.drain()
for (const { status, error } of slack.requests) console.log('Slack:', status, error ?? 'taken')
for (const { status, schemes } of siem.received) console.log('SIEM:', status, 'verified:', schemes)
await dispatcher.close()
server.close()

// Output:
// recorded: event org_1
// [ 'pending, retry 200', 'pending, retry 503' ]
// Slack: 200 internal_error
// Slack: 200 taken
// SIEM: 503 verified: [ 'standard-webhooks', 'ghost' ]
// SIEM: 200 verified: [ 'standard-webhooks', 'ghost' ]
