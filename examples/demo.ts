// `npm run demo`: five webhook connections of a workspace, from `dispatch` to verified requests, on this machine only.
// It checks its own outcome: anything that is not as it should be ends it with exit code 1.
import assert from 'node:assert/strict'
import { aesGcm, createDispatcher, generateEncryptionKey } from 'signalbox'
import { ghostWorkspace } from 'signalbox/presets/ghost-workspace'
import { ghostSignature } from 'signalbox/signing'
import { sqliteStore } from 'signalbox/stores/sqlite'
import { webhookTransport } from 'signalbox/transports/webhook'
import { Webhook } from 'standardwebhooks'
import { loopback } from './support/egress.ts'
import { type Received, startReceiver } from './support/receiver.ts'
import { table } from './support/table.ts'
import { temporaryFolder } from './support/temporary.ts'

const orgId = 'org_acme'
const app = 'https://app.example.com'

/** Who subscribed to what, and what has to come of it. */
const customers = [
  {
    settings: { transport: 'webhook', label: 'SIEM', categories: ['breach'], eventTypes: ['breach_logged'] },
    path: '/siem/in',
    outcome: ['breach_logged 204 delivered'],
    standing: 'active ok',
  },
  {
    settings: { transport: 'webhook', label: 'HR', categories: ['team'] },
    path: '/hr',
    outcome: ['member_joined 204 delivered'],
    standing: 'active ok',
  },
  {
    settings: { transport: 'webhook', label: 'Everything' },
    path: '/all',
    outcome: [
      'breach_logged 204 delivered',
      'breach_closed 204 delivered',
      'member_joined 204 delivered',
      'case_assigned 204 delivered',
      'policy_published 204 delivered',
    ],
    standing: 'active ok',
  },
  {
    settings: { transport: 'durable-webhook', label: 'Case desk', categories: ['privacy_requests'] },
    path: '/down-at-first',
    outcome: ['case_assigned 503→503→204 delivered'],
    standing: 'active ok',
  },
  {
    settings: { transport: 'webhook', label: 'Old archive', categories: ['policies'] },
    path: '/retired/archive',
    outcome: ['policy_published 410 failed'],
    standing: 'suspended failing',
  },
] as const

const events = [
  { type: 'breach_logged', title: 'Breach logged', body: 'A laptop was lost in Dublin.', href: `${app}/breaches/7` },
  { type: 'breach_closed', title: 'Breach closed', body: '', href: `${app}/breaches/6` },
  { type: 'member_joined', title: 'Ada joined', body: 'Role: reviewer', href: `${app}/team` },
  { type: 'case_assigned', title: 'Case 12 assigned', body: 'To you,\ndue 5 December', href: `${app}/cases/12` },
  { type: 'policy_published', title: 'Retention policy published', body: '', href: `${app}/policies/3` },
] as const

const folder = temporaryFolder()
const receiver = await startReceiver(({ path }, nth) => {
  if (path === '/down-at-first' && nth <= 2) return { status: 503 }
  return { status: path === '/retired/archive' ? 410 : 204 }
})
const store = sqliteStore({ path: folder.file('signalbox.db') })
const dispatcher = createDispatcher({
  store,
  catalog: ghostWorkspace.catalog,
  transports: [
    webhookTransport(ghostWorkspace.webhook),
    // The same on the wire, with a schedule of retries: half a second here, three days by default.
    webhookTransport({
      ...ghostWorkspace.webhook,
      name: 'durable-webhook',
      retry: { delaysMs: [150, 300], jitter: 0 },
    }),
  ],
  encryption: aesGcm({ keys: [{ id: 'demo', key: generateEncryptionKey() }] }),
  egress: loopback,
  organisation: () => ({ name: 'Acme Ltd', settingsUrl: `${app}/settings/integrations` }),
})

try {
  await demo()
} finally {
  await dispatcher.close()
  await store.close()
  await receiver.close()
  folder.remove()
}

async function demo(): Promise<void> {
  await dispatcher.start()
  const connected = []
  for (const customer of customers) {
    const config = { url: receiver.url(customer.path) }
    const created = await dispatcher.connections.create({ orgId, ...customer.settings, config })
    connected.push({ ...customer, id: created.connection.id, secret: created.secret ?? '' })
  }
  const typeOf = new Map<string, string>()
  for (const event of events) typeOf.set((await dispatcher.dispatch({ orgId, ...event })).eventId, event.type)
  await nothingPending()

  const rows: string[][] = []
  for (const { id, path, secret, settings, outcome } of connected) {
    const { items } = await dispatcher.deliveries.list({ orgId, connectionId: id })
    const got: string[] = []
    for (const delivery of items.toReversed()) {
      const type = typeOf.get(delivery.eventId ?? '') ?? '?'
      const { attempts } = await dispatcher.deliveries.get({ orgId, id: delivery.id })
      const statuses = attempts.map((attempt) => attempt.status ?? attempt.code).join('→')
      got.push(`${type} ${statuses} ${delivery.status}`)

      const requests = receiver.requests.filter(
        (request) => request.path === path && request.headers['webhook-id'] === delivery.messageId,
      )
      assert.equal(requests.length, attempts.length, `one request an attempt at ${settings.label}`)
      const standard = requests.map((request) => verifiesStandard(request, secret))
      const ghost = requests.map((request) => ghostSignature().verify({ ...request, secrets: [secret] }).ok)
      assert.ok([...standard, ...ghost].every(Boolean), `every signature at ${settings.label} verifies`)
      rows.push([type, settings.label, statuses, delivery.status, marks(standard), marks(ghost)])
    }
    assert.deepEqual(got.toSorted(), outcome.toSorted(), `what ${settings.label} got`)
  }
  heading('Deliveries')
  console.log(table(['event', 'to', 'attempts', 'result', 'standardwebhooks', 'x-ghost-signature'], rows))

  const cards = await Promise.all(connected.map(({ id }) => dispatcher.connections.get({ orgId, id })))
  heading('Connections')
  console.log(
    table(
      ['label', 'destination', 'wants', 'status', 'health', 'latest'],
      cards.map((card) => {
        const types = card.eventTypes.length === 0 ? '' : ` (${card.eventTypes.join(', ')} only)`
        const wants = `${card.categories.join(', ') || 'everything'}${types}`
        const latest = `${card.latestDelivery?.status} ${card.latestDelivery?.httpStatus}`
        return [card.label, card.destination, wants, card.status, card.health, latest]
      }),
    ),
  )
  assert.deepEqual(
    cards.map((card) => `${card.status} ${card.health}`),
    connected.map((one) => one.standing),
  )
  for (const { label, status, reason } of cards) if (reason) console.log(`\n${label} is ${status}: ${reason.text}.`)
  console.log(
    `\n${events.length} events, ${rows.length} deliveries, ${receiver.requests.length} requests, all as expected ✓`,
  )
}

async function nothingPending(): Promise<void> {
  for (const endsAt = Date.now() + 8_000; Date.now() < endsAt; await new Promise((next) => setTimeout(next, 20))) {
    const { items } = await dispatcher.deliveries.list({ orgId, status: ['pending', 'sending'], limit: 1 })
    if (items.length === 0) return
  }
  assert.fail('the deliveries did not end within 8 s')
}

/** As a receiver would, with the npm package that the specification's authors publish. */
function verifiesStandard({ body, headers }: Received, secret: string): boolean {
  try {
    new Webhook(secret).verify(body.toString(), headers as Record<string, string>)
    return true
  } catch {
    return false
  }
}

function marks(verified: readonly boolean[]): string {
  return verified.map((ok) => (ok ? '✓' : '✗')).join(' ')
}

function heading(text: string): void {
  console.log(process.stdout.isTTY ? `\n\u001b[1m${text}\u001b[22m\n` : `\n${text}\n`)
}
