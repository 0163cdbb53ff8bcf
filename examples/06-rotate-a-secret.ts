// Rotation with an overlap: for an hour requests carry a signature of the old secret and of the new one.
import { createDispatcher } from 'signalbox'
import { standardWebhooks } from 'signalbox/signing'
import { memoryStore } from 'signalbox/stores/memory'
import { fakeClock } from 'signalbox/testing'
import { webhookTransport } from 'signalbox/transports/webhook'
import { loopback } from './support/egress.ts'
import { startReceiver } from './support/receiver.ts'

const clock = fakeClock() // the hour passes at once; in production leave it out
const receiver = await startReceiver()
const dispatcher = createDispatcher({
  clock,
  store: memoryStore(),
  // A scheme whose header holds one signature, as Ghost's, signs with the newest secret only.
  transports: [webhookTransport({ signatures: [standardWebhooks()] })],
  egress: loopback,
})
const { connection, secret: old = '' } = await dispatcher.connections.create({
  orgId: 'org_1',
  transport: 'webhook',
  config: { url: receiver.url('/in') },
})
const call = { orgId: 'org_1', id: connection.id }

async function report(when: string, secrets: Record<string, string>): Promise<void> {
  await dispatcher.connections.test({ ...call, href: 'https://app.example.com/settings' })
  const { headers, body } = receiver.last()
  const verified = Object.entries(secrets).map(([name, secret]) => {
    const { ok } = standardWebhooks().verify({ headers, body, secrets: [secret], now: clock.now() })
    return `${name} ${ok ? '✓' : '✗'}`
  })
  console.log(`${when}: ${verified.join(', ')}`)
}

await report('before', { old })
const { secret: fresh } = await dispatcher.connections.rotateSecret({ ...call, overlapMs: 3_600_000 })
await report('in the overlap', { old, new: fresh })
await clock.advance(3_600_000)
await report('after it', { old, new: fresh })

await dispatcher.close()
await receiver.close()

// Output:
// before: old ✓
// in the overlap: old ✓, new ✓
// after it: old ✗, new ✓
