// `npm run demo`: what happens in a workspace reaches Slack, Teams, Discord and webhooks, all on this machine.
// It checks its own outcome: anything that is not as it should be ends it with exit code 1.
import assert from 'node:assert/strict'
import { aesGcm, createDispatcher, generateEncryptionKey } from 'signalbox'
import { pkceChallenge, pkceVerifier, storedTokens } from 'signalbox/oauth'
import { ghostWorkspace } from 'signalbox/presets/ghost-workspace'
import { ghostSignature } from 'signalbox/signing'
import { sqliteStore } from 'signalbox/stores/sqlite'
import { webhookTransport } from 'signalbox/transports/webhook'
import { Webhook } from 'standardwebhooks'
import { startChat } from './support/chat.ts'
import { discordPreview, sideBySide, slackPreview, teamsPreview } from './support/preview.ts'
import { type Received, startReceiver } from './support/receiver.ts'
import { table } from './support/table.ts'
import { temporaryFolder } from './support/temporary.ts'

const orgId = 'org_acme'
const app = 'https://app.example.com'
const events = [
  { type: 'breach_logged', title: 'Laptop lost', body: 'In Dublin.', href: `${app}/breaches/7`, importance: 'urgent' },
  { type: 'case_created', title: 'Access request', body: 'From Lin.', href: `${app}/cases/9` },
  { type: 'case_assigned', title: 'Case 9 is yours', body: 'Due in 30 days.', href: `${app}/cases/9` },
  { type: 'member_joined', title: 'Ada joined', body: '', href: `${app}/team` },
  { type: 'policy_published', title: 'Retention policy published', body: '', href: `${app}/policies/3` },
] as const

/** What has to come of it: what each connection gets, in how many attempts, and how it stands in the end. */
const expected: Readonly<Record<string, { readonly got: readonly string[]; readonly standing: string }>> = {
  'Slack #breaches': { got: ['breach_logged 200 delivered'], standing: 'active ok' },
  'Slack #cases': { got: ['digest of 2 200 delivered'], standing: 'active ok' },
  'Slack #policies': { got: ['policy_published is_archived failed'], standing: 'suspended failing' },
  Teams: { got: ['breach_logged 201 delivered'], standing: 'active ok' },
  Discord: { got: ['breach_logged 200 delivered'], standing: 'active ok' },
  SIEM: { got: ['breach_logged 204 delivered'], standing: 'active ok' },
  Everything: { got: events.map(({ type }) => `${type} 204 delivered`), standing: 'active ok' },
  HR: { got: ['member_joined 204 delivered'], standing: 'active ok' },
  'Case desk': { got: ['case_assigned 503→503→204 delivered'], standing: 'active ok' },
  'Old archive': { got: ['policy_published 410 failed'], standing: 'suspended failing' },
}

const folder = temporaryFolder()
const chat = await startChat()
const receiver = await startReceiver(({ path }, nth) => {
  if (path === '/case-desk' && nth <= 2) return { status: 503 }
  return { status: path === '/old-archive' ? 410 : 204 }
})
const store = sqliteStore({ path: folder.file('signalbox.db') })
const dispatcher = createDispatcher({
  store,
  catalog: ghostWorkspace.catalog,
  transports: [
    ...chat.transports,
    webhookTransport(ghostWorkspace.webhook),
    // The same on the wire, with a schedule of retries: half a second here, three days by default.
    webhookTransport({
      ...ghostWorkspace.webhook,
      name: 'durable-webhook',
      retry: { delaysMs: [150, 300], jitter: 0 },
    }),
  ],
  tokens: storedTokens({ providers: [chat.slackOAuth, chat.microsoftOAuth] }),
  encryption: aesGcm({ keys: [{ id: 'demo', key: generateEncryptionKey() }] }),
  http: chat.http,
  organisation: () => ({ name: 'Acme Ltd', settingsUrl: `${app}/settings/integrations`, digestUrl: `${app}/inbox` }),
})

try {
  await demo()
} finally {
  await dispatcher.close()
  await store.close()
  await receiver.close()
  await chat.close()
  folder.remove()
}

async function demo(): Promise<void> {
  await dispatcher.start()
  await connectChat()
  const webhooks = await connectWebhooks()

  // HR's endpoint is paused while the events come, and the archived channel is found out by one of them.
  const hr = webhooks.find(({ label }) => label === 'HR')?.id ?? ''
  const since = Date.now()
  await dispatcher.connections.pause({ orgId, id: hr })
  const accepted = await dispatcher.dispatchMany(events.map((event) => ({ orgId, ...event })))
  const names = new Map(accepted.map(({ eventId }, index) => [eventId, events[index]?.type]))
  await dispatcher.connections.resume({ orgId, id: hr })
  const { added } = await dispatcher.deliveries.replay({ orgId, connectionId: hr, since })
  await nothingPending()

  heading('What the channels show')
  const [breaches = '', ...digests] = chat.slack.received.map(slackPreview)
  const others = [...chat.teams.received.map(teamsPreview), ...chat.discord.received.map(discordPreview)]
  console.log(sideBySide([breaches, ...others, ...digests]))

  const { items: cards } = await dispatcher.connections.list({ orgId })
  const rows: string[][] = []
  let exchanges = 0
  for (const { id, label, status, health } of cards) {
    const { items } = await dispatcher.deliveries.list({ orgId, connectionId: id })
    const got: string[] = []
    for (const delivery of items.toReversed()) {
      const { attempts } = await dispatcher.deliveries.get({ orgId, id: delivery.id })
      const name = names.get(delivery.eventId ?? '') ?? `digest of ${delivery.digest?.eventIds.length}`
      const answers = attempts.map((attempt) => attempt.providerCode ?? attempt.status ?? attempt.code).join('→')
      const webhook = webhooks.find((one) => one.id === id)
      const marks = webhook === undefined ? ['', ''] : verified(webhook, delivery.messageId, attempts.length)
      exchanges += attempts.length
      got.push(`${name} ${answers} ${delivery.status}`)
      rows.push([name, label, answers, delivery.status, ...marks])
    }
    assert.deepEqual(got.toSorted(), expected[label]?.got.toSorted(), `what ${label} got`)
    assert.equal(`${status} ${health}`, expected[label]?.standing, `how ${label} stands`)
  }
  heading('Deliveries')
  console.log(table(['event', 'to', 'answers', 'result', 'standardwebhooks', 'x-ghost-signature'], rows))

  heading('Connections')
  console.log(
    table(
      ['label', 'destination', 'wants', 'status', 'health'],
      cards.map((card) => {
        const wants = [...card.categories, ...card.eventTypes].join(', ') || 'everything'
        return [card.label, card.destination, wants, card.status, card.health]
      }),
    ),
  )
  console.log()
  for (const { label, status, reason } of cards) if (reason) console.log(`${label} is ${status}: ${reason.text}.`)
  console.log(`HR was paused and missed ${added} event, which it got by a replay.`)
  assert.deepEqual(cards.map(({ label }) => label).toSorted(), Object.keys(expected).toSorted())
  assert.equal(added, 1)
  console.log(`\n${events.length} events, ${rows.length} deliveries, ${exchanges} attempts, all as expected ✓`)
}

/** As a person does it: approve, choose a channel. Discord is a URL that somebody pastes. */
async function connectChat(): Promise<void> {
  const { connections } = dispatcher
  const approved = (channelId: string) => chat.slackOAuth.exchange(chat.slack.issueCode({ channelId }))
  const inSlack = { orgId, transport: 'slack' } as const
  await connections.connect({
    ...inSlack,
    label: 'Slack #breaches',
    grant: await approved('C1'),
    categories: ['breach'],
  })
  await connections.connect({
    ...inSlack,
    label: 'Slack #cases',
    grant: await approved('C2'),
    categories: ['privacy_requests'],
    digest: { window: { everyMs: 1000 } },
  })
  await connections.connect({
    ...inSlack,
    label: 'Slack #policies',
    grant: await approved('C3'),
    categories: ['policies'],
  })
  chat.slack.archive('C3')

  const codeVerifier = pkceVerifier()
  const code = chat.teams.issueCode({ codeChallenge: pkceChallenge(codeVerifier) })
  const grant = await chat.microsoftOAuth.exchange(code, { codeVerifier })
  const { connection } = await connections.connect({
    orgId,
    transport: 'teams',
    label: 'Teams',
    grant,
    categories: ['breach'],
  })
  const [channel] = await connections.channels({ orgId, id: connection.id })
  await connections.update({ orgId, id: connection.id, config: channel?.config })
  const config = { url: chat.discordUrl }
  await connections.create({ orgId, transport: 'discord', label: 'Discord', config, categories: ['breach'] })
}

interface WebhookEndpoint {
  readonly id: string
  readonly label: string
  readonly path: string
  readonly secret: string
}

async function connectWebhooks(): Promise<readonly WebhookEndpoint[]> {
  const settings = [
    { transport: 'webhook', label: 'SIEM', categories: ['breach'], eventTypes: ['breach_logged'] },
    { transport: 'webhook', label: 'Everything' },
    { transport: 'webhook', label: 'HR', categories: ['team'] },
    {
      transport: 'durable-webhook',
      label: 'Case desk',
      categories: ['privacy_requests'],
      eventTypes: ['case_assigned'],
    },
    { transport: 'webhook', label: 'Old archive', categories: ['policies'] },
  ] as const
  const endpoints: WebhookEndpoint[] = []
  for (const one of settings) {
    const path = `/${one.label.toLowerCase().replace(' ', '-')}`
    const created = await dispatcher.connections.create({ orgId, ...one, config: { url: receiver.url(path) } })
    endpoints.push({ id: created.connection.id, label: one.label, path, secret: created.secret ?? '' })
  }
  return endpoints
}

async function nothingPending(): Promise<void> {
  for (const endsAt = Date.now() + 8_000; Date.now() < endsAt; await new Promise((next) => setTimeout(next, 20))) {
    const open = await dispatcher.digests.list({ orgId, limit: 1 })
    const { items } = await dispatcher.deliveries.list({ orgId, status: ['pending', 'sending'], limit: 1 })
    if (items.length === 0 && open.items.length === 0) return
  }
  assert.fail('the deliveries did not end within 8 s')
}

/** One mark a request for each of the two signatures that it carries. */
function verified({ label, path, secret }: WebhookEndpoint, messageId: string, attempts: number): [string, string] {
  const requests = receiver.requests.filter((one) => one.path === path && one.headers['webhook-id'] === messageId)
  assert.equal(requests.length, attempts, `one request an attempt at ${label}`)
  const standard = requests.map((request) => verifiesStandard(request, secret))
  const ghost = requests.map((request) => ghostSignature().verify({ ...request, secrets: [secret] }).ok)
  assert.ok([...standard, ...ghost].every(Boolean), `every signature at ${label} verifies`)
  return [marks(standard), marks(ghost)]
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

function marks(all: readonly boolean[]): string {
  return all.map((ok) => (ok ? '✓' : '✗')).join(' ')
}

function heading(text: string): void {
  console.log(process.stdout.isTTY ? `\n\u001b[1m${text}\u001b[22m\n` : `\n${text}\n`)
}
