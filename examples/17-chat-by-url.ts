// Discord, Slack's incoming webhooks and Teams workflows take a URL that somebody pastes: a secret, and kept as one.
import { createDispatcher } from 'signalbox'
import { memoryStore } from 'signalbox/stores/memory'
import { discordFake, slackFake, teamsFake } from 'signalbox/testing/msw'
import { discordTransport } from 'signalbox/transports/discord'
import { slackWebhookTransport } from 'signalbox/transports/slack-webhook'
import { teamsWorkflowTransport } from 'signalbox/transports/teams-workflow'
import { loopback } from './support/egress.ts'
import { discordPreview, sideBySide, slackPreview, teamsPreview } from './support/preview.ts'

// The services, on this machine. In production the transports need no options, and there is no `egress`.
const [slack, teams, discord] = [slackFake({ channels: [{ id: 'C1', name: 'policies' }] }), teamsFake(), discordFake()]
const [slackHere, teamsHere, discordHere] = await Promise.all([slack.listen(), teams.listen(), discord.listen()])
const dispatcher = createDispatcher({
  store: memoryStore(),
  transports: [
    slackWebhookTransport(slackHere.webhook),
    teamsWorkflowTransport(teamsHere.workflow),
    discordTransport(discordHere.options),
  ],
  egress: loopback,
  organisation: () => ({ name: 'Acme', settingsUrl: 'https://app.example.com/settings' }),
})

const pasted = [
  { transport: 'slack-webhook', label: 'Slack', url: slackHere.link(slack.addWebhook('C1')) },
  { transport: 'teams-workflow', label: 'Teams', url: teamsHere.link(teams.addWorkflow()) },
  { transport: 'discord', label: 'Discord', url: discordHere.webhookUrl },
] as const
for (const { transport, label, url } of pasted) {
  const { connection } = await dispatcher.connections.create({ orgId: 'org_1', transport, label, config: { url } })
  console.log(connection.label, connection.status, connection.config, 'sealed:', connection.secretFields)
}

const href = 'https://app.example.com/policies/3'
const event = { orgId: 'org_1', type: 'policy_published', title: 'Policy published', body: 'Retention, v3', href }
await dispatcher.dispatch(event, { wait: true })
const boxes = [slack.received.map(slackPreview), teams.received.map(teamsPreview), discord.received.map(discordPreview)]
console.log(sideBySide(boxes.flat()))

// Somebody deletes the webhook at Discord: the next message finds out, and the settings page says so.
discord.removeWebhook(discord.webhookUrl)
await dispatcher.dispatch({ ...event, importance: 'urgent' }, { wait: true })
const { items } = await dispatcher.connections.list({ orgId: 'org_1', transport: 'discord' })
console.log(`${items[0]?.status}: ${items[0]?.reason?.text}`)

await dispatcher.close()
await Promise.all([slackHere.close(), teamsHere.close(), discordHere.close()])

// Output:
// Slack active {} sealed: [ 'url' ]
// Teams active {} sealed: [ 'url' ]
// Discord active {} sealed: [ 'url' ]
// ┌ Slack · #policies ─────────────────┐  ┌ Teams · by a workflow ─────────────┐
// │ Policy published                   │  │ Policy published                   │
// │ Retention, v3                      │  │ Retention, v3                      │
// │ [ Open ] /policies/3               │  │ Acme                               │
// │ Acme                               │  │ [ Open ] /policies/3               │
// └────────────────────────────────────┘  └────────────────────────────────────┘
// ┌ Discord ───────────────────────────┐
// │ Policy published                   │
// │ → /policies/3                      │
// │ Retention, v3                      │
// │ Acme                               │
// └────────────────────────────────────┘
// suspended: The webhook was deleted (Unknown Webhook)
