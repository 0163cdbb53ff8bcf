// Digests: one a working day for each category, at nine in Dublin; what is urgent does not wait. A weekend in a moment.
import { createDispatcher } from 'signalbox'
import { ghostWorkspace } from 'signalbox/presets/ghost-workspace'
import { memoryStore } from 'signalbox/stores/memory'
import { createRecorder, fakeClock } from 'signalbox/testing'
import { slackTransport } from 'signalbox/transports/slack'
import { sideBySide, slackPreview } from './support/preview.ts'

const clock = fakeClock({ now: Date.UTC(2026, 10, 20, 16) }) // a Friday; in production leave it out
const recorder = createRecorder()
const { catalog } = ghostWorkspace
const dispatcher = createDispatcher({
  catalog,
  clock,
  store: memoryStore(),
  transports: [recorder.wrap(slackTransport({ pace: false }))], // the real payloads; nothing is sent
  organisation: () => ({ name: 'Acme', digestUrl: 'https://app.example.com/inbox' }),
  digests: { subject: ({ total, key }) => `${total} new in ${key}` },
})
const { connection } = await dispatcher.connections.create({
  orgId: 'org_1',
  transport: 'slack',
  config: { workspaceId: 'T1', workspaceName: 'Acme', channelId: 'C1', channelName: 'privacy' },
  digest: {
    window: { cron: '0 9 * * 1-5', timeZone: 'Europe/Dublin' },
    key: 'category',
    bypass: { importance: ['urgent'] },
  },
})
const event = { orgId: 'org_1', body: '', href: 'https://app.example.com/inbox' }
await dispatcher.dispatch({ ...event, type: 'case_created', title: 'Access request' })
await dispatcher.dispatch({ ...event, type: 'case_assigned', title: 'Case 9 is yours' })
await dispatcher.dispatch({ ...event, type: 'breach_logged', title: 'Laptop lost', importance: 'urgent' })
await dispatcher.dispatch({ ...event, type: 'member_joined', title: 'Ada joined' })
await report()

const { items } = await dispatcher.digests.list({ orgId: 'org_1', connectionId: connection.id })
for (const { key, total, closesAt } of items) console.log(`  ${key}: ${total}, closes ${time(closesAt)}`)

clock.set(items[0]?.closesAt ?? 0) // Monday
await report() // an event that is alone in its digest is sent as itself
await dispatcher.close()

async function report(): Promise<void> {
  await dispatcher.drain() // in production `start` does it
  console.log(time(clock.now()), 'sent:', recorder.sent.length)
  const drawings = recorder.sent.map(({ payload }) => JSON.parse(String(payload)))
  console.log(sideBySide(drawings.map(({ blocks }) => slackPreview({ channelName: 'privacy', blocks }))))
  recorder.reset()
}

function time(at: number): string {
  return new Date(at).toUTCString().slice(0, 22)
}

// Output:
// Fri, 20 Nov 2026 16:00 sent: 1
// ┌ Slack · #privacy ──────────────────┐
// │ Laptop lost                        │
// │ ● Urgent                           │
// │ [ Open ] /inbox                    │
// │ Acme                               │
// └────────────────────────────────────┘
//   privacy_requests: 2, closes Mon, 23 Nov 2026 09:00
//   team: 1, closes Mon, 23 Nov 2026 09:00
// Mon, 23 Nov 2026 09:00 sent: 2
// ┌ Slack · #privacy ──────────────────┐  ┌ Slack · #privacy ──────────────────┐
// │ 2 new in privacy_requests          │  │ Ada joined                         │
// │ • Access request                   │  │ [ Open ] /inbox                    │
// │ • Case 9 is yours                  │  │ Acme                               │
// │ [ Open ] /inbox                    │  └────────────────────────────────────┘
// │ Acme                               │
// └────────────────────────────────────┘
