// The receiving side: `receiver` verifies the raw request, types the event by a catalog, and hands it over once.
import { createServer } from 'node:http'
import { createDispatcher, defineCatalog } from 'signalbox'
import { receiver } from 'signalbox/receiving'
import { generateSecret, standardWebhooks, stripe } from 'signalbox/signing'
import { memoryStore } from 'signalbox/stores/memory'
import { webhookTransport } from 'signalbox/transports/webhook'
import { z } from 'zod'
import { loopback } from './support/egress.ts'
import { close, listen } from './support/receiver.ts'

const catalog = defineCatalog({
  categories: {
    billing: {
      label: 'Billing',
      events: { invoice_paid: { label: 'Invoice paid', metadata: z.object({ invoiceId: z.string() }) } },
    },
  },
})
const secret = generateSecret()
// `dedupe: { store }` shares what was handled among processes; without it, it holds in this one.
const hooks = receiver({ scheme: standardWebhooks(), secrets: [secret], catalog, onError: () => {} })

let failures = 1
const handle = hooks.node(({ event, eventError, type }) => {
  if (eventError !== undefined) console.log(`${type}: not in this version's catalog`)
  if (event?.kind !== 'event') return
  if (failures-- > 0) throw new Error('the database is away') // answered 500: the sender comes again
  console.log(event.type, event.metadata.invoiceId, event.title)
})
const server = createServer(handle) // Express: app.post('/in', handle), before express.json()
const url = `http://127.0.0.1:${await listen(server)}/in`

const dispatcher = createDispatcher({
  store: memoryStore(),
  transports: [webhookTransport()],
  egress: loopback,
  catalog,
})
const event = { type: 'invoice_paid', title: 'Paid', body: '', href: 'https://app.example.com/invoices/7' } as const
const to = { orgId: 'org_1', transport: 'webhook', config: { url }, secret } as const
const send = () => dispatcher.send({ ...to, event: { ...event, metadata: { invoiceId: 'inv_7' } } })
console.log((await send()).status)
console.log((await send()).status)

// Stripe, with a Fetch handler: Next.js `export const POST = …`, Hono `app.post('/in', (c) => onStripe(c.req.raw))`.
const payments = receiver({ scheme: stripe(), secrets: ['whsec_of_your_endpoint'], onError: () => {} })
const onStripe = payments.fetch(({ id, type, duplicate }) => console.log(id, type, duplicate))
const body = JSON.stringify({ id: 'evt_1', type: 'charge.succeeded', created: 1_780_000_000, data: { object: {} } })
const signed = { id: '', sentAt: Date.now(), body, secrets: ['whsec_of_your_endpoint'] }
const post = (text: string) => new Request('https://a.example/in', { method: 'POST', body: text, headers: header })
const header = stripe().sign(signed)
console.log((await onStripe(post(body))).status)
console.log((await onStripe(post(body))).status) // sent again: acknowledged, not handled again
const forged = await onStripe(post(body.replace('charge', 'refund')))
console.log(forged.status, await forged.text())
await dispatcher.close()
await close(server)

// Output:
// 500
// invoice_paid inv_7 Paid
// 204
// evt_1 charge.succeeded false
// 204
// 204
// 400 {"error":"signature_invalid","reason":"no_match"}
