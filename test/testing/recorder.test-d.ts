import { createDispatcher } from 'signalbox'
import { memoryStore } from 'signalbox/stores/memory'
import { createRecorder } from 'signalbox/testing'
import { webhookTransport } from 'signalbox/transports/webhook'
import { it } from 'vitest'

const recorder = createRecorder()
const dispatcher = createDispatcher({
  store: memoryStore(),
  transports: [recorder.transport('crm'), recorder.wrap(webhookTransport())],
})

it('a recorded transport keeps the types of its name and config', () => {
  dispatcher.connections.create({ orgId: 'o', transport: 'crm', config: { anything: 1 } })
  dispatcher.connections.create({ orgId: 'o', transport: 'webhook', config: { url: 'https://example.com' } })
  // @ts-expect-error the webhook's config needs a URL
  dispatcher.connections.create({ orgId: 'o', transport: 'webhook', config: {} })
  // @ts-expect-error there is no transport of this name
  dispatcher.connections.create({ orgId: 'o', transport: 'nope', config: {} })
})

it('assertions take the fields there are', () => {
  recorder.assertSent({ type: 'breach_logged', connectionId: 'con_1', message: { event: { title: 'T' } } })
  // @ts-expect-error misspelt
  recorder.assertSent({ conectionId: 'con_1' })
  // @ts-expect-error a success is no failure
  recorder.fail({ kind: 'delivered' })
})
