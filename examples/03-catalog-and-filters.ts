// A catalog types events and subscriptions; `explain` tells who would get an event, why, and what exactly.
import { createDispatcher, defineCatalog, defineEvent } from 'signalbox'
import { memoryStore } from 'signalbox/stores/memory'
import { webhookTransport } from 'signalbox/transports/webhook'
import { z } from 'zod'

const catalog = defineCatalog({
  categories: {
    billing: {
      label: 'Billing',
      events: {
        invoice_paid: defineEvent({
          label: 'Invoice paid',
          metadata: z.object({ number: z.string(), cents: z.int() }),
          summary: ({ number, cents }) => ({
            title: `Invoice ${number} paid`,
            body: `EUR ${(cents / 100).toFixed(2)}`,
            href: `https://app.example.com/invoices/${number}`,
          }),
        }),
        invoice_overdue: { label: 'Invoice overdue' },
      },
    },
    team: { label: 'Team', events: { member_joined: { label: 'Member joined' } } },
  },
})
const dispatcher = createDispatcher({ catalog, store: memoryStore(), transports: [webhookTransport()] })
const shared = { orgId: 'org_1', transport: 'webhook', config: { url: 'https://hooks.example.com/in' } } as const

await dispatcher.connections.create({ ...shared, id: '1', label: 'Everything' })
await dispatcher.connections.create({ ...shared, id: '2', label: 'HR', categories: ['team'] })
await dispatcher.connections.create({ ...shared, id: '3', label: 'Dunning', eventTypes: ['invoice_overdue'] })
// `categories: ['biling']` or `metadata: { cents: '12' }` does not compile.

const explained = await dispatcher.explain({
  orgId: 'org_1',
  type: 'invoice_paid',
  metadata: { number: '2026-117', cents: 12_900 },
})
for (const { label, decision, reason } of explained) console.log(`${label}: ${decision}, ${reason}`)

const unknown = { ...shared, eventTypes: ['invoice_lost'] } as never
await dispatcher.connections.create(unknown).catch((error: Error) => console.log(error.message))
await dispatcher.close()

// Output:
// Everything: sent, it wants the category 'billing', as every category
// HR: skipped, it does not want the category 'billing'
// Dunning: skipped, it wants other event types of the category 'billing'
// eventTypes[0]: the catalog has no event type 'invoice_lost'
