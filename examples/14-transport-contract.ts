// Checking a transport of your own by the contract that the built-in ones keep: `run` each case in your test runner.
import { classifyHttpFailure, classifyResponse, type Transport } from 'signalbox'
import { isHttpError } from 'signalbox/http'
import { transportContract } from 'signalbox/testing'
import { z } from 'zod'

interface PushConfig {
  readonly url: string
  readonly key: string
}

function pushTransport(): Transport<'push', PushConfig, PushConfig, { title: string; text: string }> {
  return {
    name: 'push',
    config: z.strictObject({ url: z.url(), key: z.string().min(1) }),
    fields: [
      { name: 'url', label: 'Topic URL', kind: 'url', required: true },
      { name: 'key', label: 'Key', kind: 'text', required: true, secret: true },
    ],
    describe: (config) => new URL(config.url).host,
    build: (message) =>
      message.kind === 'event'
        ? { title: message.event.title, text: [...message.event.body].slice(0, 4000).join('') }
        : { title: message.kind === 'test' ? message.title : message.subject, text: message.href },
    async send(push, { connection, http, now, deadlineAt, signal }) {
      const { url, key } = connection.config
      const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` }
      try {
        const body = JSON.stringify(push)
        const response = await http.request({ method: 'POST', url, headers, body, deadlineAt, signal })
        if (response.status === 401) return { kind: 'reauthorize', code: 'token_revoked', status: 401 }
        return classifyResponse(response, now)
      } catch (error) {
        if (isHttpError(error)) return classifyHttpFailure(error)
        throw error // `signal.reason`, or a bug
      }
    },
  }
}

const cases = transportContract({
  transport: pushTransport(),
  config: (origin) => ({ url: `${origin}/topics/alerts`, key: 'key_5f0c2a9144' }),
  secrets: ['key_5f0c2a9144'],
  success: ({ headers }) => ({ status: headers.authorization === 'Bearer key_5f0c2a9144' ? 200 : 401 }),
  reauthorize: [{ status: 401, body: 'unknown key' }],
})
const reasons = new Set<string>()
for (const { skip, run } of cases) {
  if (skip === undefined)
    await run() // rejects, and says why, where the transport breaks the contract
  else reasons.add(skip)
}
console.log('the transport keeps the contract')
for (const reason of reasons) console.log('skipped:', reason)

// Output:
// the transport keeps the contract
// skipped: the transport has no variant
// skipped: needs harness.receipt
// skipped: the transport does not sign
// skipped: the transport has no provider
// skipped: needs harness.unsupported
// skipped: needs harness.gone
// skipped: needs harness.rejected
// skipped: needs harness.tokenExpired
