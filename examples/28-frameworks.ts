// One dispatcher in a web application: in Next, Express, Hono, or plain `node:http`, as here.
import { createServer } from 'node:http'
import { json } from 'node:stream/consumers'
import { createDispatcher } from 'signalbox'
import { memoryStore } from 'signalbox/stores/memory' // yours is durable: `postgresStore({ pool })`
import { webhookTransport } from 'signalbox/transports/webhook'
import { loopback } from './support/egress.ts'
import { close, listen, startReceiver } from './support/receiver.ts'

// Entries of a Next application do not share modules, so there: `globalThis.dispatcher ??= createDispatcher(…)`
const dispatcher = createDispatcher({ store: memoryStore(), transports: [webhookTransport()], egress: loopback })

// Express:  app.post('/breaches', express.json(), async (req, res) => res.json(await logBreach(req.body)))
// Hono:     app.post('/breaches', async (c) => c.json(await logBreach(await c.req.json())))
// Next:     export const POST = async (request: Request) => Response.json(await logBreach(await request.json()))
async function logBreach({ title }: { readonly title: string }) {
  const href = 'https://app.example.com/breaches'
  const { deliveries } = await dispatcher.dispatch({ orgId: 'org_1', type: 'breach_logged', title, body: '', href })
  return { deliveries: deliveries.length } // accepted; nobody waits for the endpoints
}

// Serverless, where no process lives on: a schedule asks for a while of work. Vercel sends it this header.
// Hono:     app.get('/api/cron', (c) => cron(c.req.header('authorization')))
// Next:     export const GET = (request: Request) => cron(request.headers.get('authorization'))
async function cron(authorization: string | null | undefined): Promise<Response> {
  const secret = process.env.CRON_SECRET
  if (!secret || authorization !== `Bearer ${secret}`) return Response.json('unauthorized', { status: 401 })
  return Response.json(await dispatcher.tick({ budgetMs: 20_000 }))
}

const server = createServer(async (request, response) => {
  if (request.url === '/breaches') {
    response.end(JSON.stringify(await logBreach((await json(request)) as { title: string })))
  } else {
    const answer = await cron(request.headers.authorization)
    response.writeHead(answer.status).end(await answer.text())
  }
})
const origin = `http://127.0.0.1:${await listen(server)}`
const endpoint = await startReceiver()
await dispatcher.connections.create({ orgId: 'org_1', transport: 'webhook', config: { url: endpoint.url('/in') } })

process.env.CRON_SECRET = 'cron_1'
const post = (title: string) => fetch(`${origin}/breaches`, { method: 'POST', body: JSON.stringify({ title }) })
const get = (authorization: string) => fetch(`${origin}/api/cron`, { headers: { authorization } })
for (const response of [await post('Laptop lost'), await get('Bearer ?'), await get('Bearer cron_1')]) {
  console.log(response.status, await response.json())
}

// A server that lives on works by itself: start it before it listens. Next does in instrumentation.ts:
//   export async function register() {
//     if (process.env.NEXT_RUNTIME === 'nodejs') await (await import('./dispatcher')).dispatcher.start()
//   }
await dispatcher.start()
dispatcher.on('delivery.delivered', () => console.log('delivered'))
await post('Badge lost')
await dispatcher.drain()
await Promise.all([dispatcher.close(), close(server), endpoint.close()])

// Output:
// 200 { deliveries: 1 }
// 401 unauthorized
// 200 { delivered: 1, retried: 0, failed: 0, nextDueAt: null }
// delivered
