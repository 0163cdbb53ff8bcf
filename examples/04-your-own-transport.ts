// A transport of your own: push messages by a service that takes text and an access token (in the manner of ntfy).
import { createDispatcher, type Transport } from 'signalbox'
import { isHttpError } from 'signalbox/http'
import { memoryStore } from 'signalbox/stores/memory'
import { z } from 'zod'
import { loopback } from './support/egress.ts'
import { startReceiver } from './support/receiver.ts'

interface PushConfig {
  readonly url: string
  readonly token: string
}

function pushTransport(): Transport<'push', PushConfig, PushConfig, { title: string; text: string }> {
  return {
    name: 'push',
    config: z.strictObject({ url: z.url(), token: z.string().min(1) }),
    fields: [
      { name: 'url', label: 'Topic URL', kind: 'url', required: true },
      { name: 'token', label: 'Access token', kind: 'text', required: true, secret: true },
    ],
    describe: (config) => new URL(config.url).host.replace(/:.*/, ''),
    build: (message) =>
      message.kind === 'event'
        ? { title: message.event.title, text: `${message.event.body}\n${message.event.href}` }
        : { title: message.kind === 'test' ? message.title : message.subject, text: message.href },
    async send({ title, text }, { connection, http, deadlineAt, signal }) {
      const { url, token } = connection.config
      const headers = { title: encodeURIComponent(title), authorization: `Bearer ${token}` }
      try {
        const { status } = await http.request({ method: 'POST', url, headers, body: text, deadlineAt, signal })
        if (status < 300) return { kind: 'delivered', status }
        if (status === 401) return { kind: 'reauthorize', code: 'token_revoked', status }
        return { kind: 'retry', code: status === 429 ? 'rate_limited' : 'http_5xx', status }
      } catch (error) {
        if (isHttpError(error)) return { kind: 'retry', code: error.code, ambiguous: error.written !== false }
        throw error
      }
    },
  }
}

const receiver = await startReceiver()
const dispatcher = createDispatcher({ store: memoryStore(), transports: [pushTransport()], egress: loopback })
const config = { url: receiver.url('/alerts'), token: 'tk_123' }
const { connection } = await dispatcher.connections.create({ orgId: 'org_1', transport: 'push', config })
console.log(connection.destination, Object.keys(connection.config), 'sealed:', connection.secretFields)
const test = await dispatcher.connections.test({
  orgId: 'org_1',
  id: connection.id,
  href: 'https://app.example.com/settings',
})
console.log(test.ok, receiver.last().headers.title, receiver.last().body.toString())
await dispatcher.close()
await receiver.close()

// Output:
// 127.0.0.1 [ 'url' ] sealed: [ 'token' ]
// true Test%20notification https://app.example.com/settings
