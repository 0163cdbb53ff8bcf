// `send`: one guarded attempt to a URL that is not stored, e.g. an export, or trying a form before saving it.
import { createDispatcher, isSignalboxError } from 'signalbox'
import { memoryStore } from 'signalbox/stores/memory'
import { webhookTransport } from 'signalbox/transports/webhook'
import { loopback } from './support/egress.ts'
import { startReceiver } from './support/receiver.ts'

const receiver = await startReceiver((request) => ({ status: request.path === '/old' ? 301 : 204 }))
const dispatcher = createDispatcher({ store: memoryStore(), transports: [webhookTransport()], egress: loopback })

async function tryOut(url: string): Promise<void> {
  try {
    const outcome = await dispatcher.send({
      orgId: 'org_1',
      transport: 'webhook',
      config: { url },
      event: { type: 'export_ready', title: 'Export', body: '', href: 'https://app.example.com/exports/1' },
    })
    console.log(outcome)
  } catch (error) {
    if (!isSignalboxError(error)) throw error
    console.log(`${error.code}: ${error.message}`)
  }
}

await tryOut(receiver.url('/in')) // an expected failure is an outcome, not an exception
await tryOut(receiver.url('/old')) // redirects are never followed
await tryOut('https://169.254.169.254/latest/meta-data') // refused before anything is sent
await tryOut('https://localhost/admin')
await tryOut('no URL at all')
await dispatcher.close()
await receiver.close()

// Output:
// { kind: 'delivered', status: 204 }
// { kind: 'retry', code: 'redirect', status: 301 }
// blocked_url: config.url: the URL is blocked: the address is not a public one
// blocked_url: config.url: the URL is blocked: the host name is a local one
// invalid_input: config.url: must be an absolute URL
