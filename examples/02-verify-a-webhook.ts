// The receiving side: verify a request before anything of it is believed, with Fetch's `Request` and with node:http.
import { createServer } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { createDispatcher } from 'signalbox'
import { generateSecret, isSignatureError, standardWebhooks, verifyWebhook } from 'signalbox/signing'
import { memoryStore } from 'signalbox/stores/memory'
import { webhookTransport } from 'signalbox/transports/webhook'
import { loopback } from './support/egress.ts'
import { close, listen } from './support/receiver.ts'

const secret = generateSecret()
const scheme = standardWebhooks()

/** For every framework that speaks Fetch. */
async function onRequest(request: Request): Promise<Response> {
  try {
    const { body } = await verifyWebhook(scheme, { request, secrets: [secret] })
    return Response.json({ got: JSON.parse(new TextDecoder().decode(body)).type })
  } catch (error) {
    if (isSignatureError(error)) return new Response(error.failure, { status: 401 })
    throw error
  }
}

const body = JSON.stringify({ type: 'case_assigned' })
const headers = scheme.sign({ id: 'msg_1', sentAt: Date.now(), body, secrets: [secret] })
const url = 'https://receiver.example.com/in'
console.log(await (await onRequest(new Request(url, { method: 'POST', headers, body }))).json())
console.log(await (await onRequest(new Request(url, { method: 'POST', headers, body: `${body} ` }))).text())
console.log(await (await onRequest(new Request(url, { method: 'POST', body }))).text())

// node:http: read the raw bytes; a body that was parsed and serialised again does not verify.
const server = createServer(async (request, response) => {
  const result = scheme.verify({ headers: request.headers, body: await buffer(request), secrets: [secret] })
  response.writeHead(result.ok ? 204 : 401).end()
})
const port = await listen(server)

const dispatcher = createDispatcher({ store: memoryStore(), transports: [webhookTransport()], egress: loopback })
const event = { type: 'case_assigned', title: 'Case assigned', body: '', href: 'https://app.example.com/cases/9' }
const to = { orgId: 'org_1', transport: 'webhook', config: { url: `http://127.0.0.1:${port}/in` }, event } as const
console.log(await dispatcher.send({ ...to, secret }))
const forged = await dispatcher.send({ ...to, secret: generateSecret() })
console.log(forged.kind, forged.status)
await dispatcher.close()
await close(server)

// Output:
// { got: 'case_assigned' }
// no_match
// header_missing
// { kind: 'delivered', status: 204 }
// retry 401
