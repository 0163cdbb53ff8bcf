// Drawing one type of event your own way in Slack; all others are drawn as usual.
import type { HeaderBlock, SectionBlock } from '@slack/types'
import { createDispatcher, defineCatalog } from 'signalbox'
import { escapeSlackText } from 'signalbox/payloads'
import { memoryStore } from 'signalbox/stores/memory'
import { createRecorder } from 'signalbox/testing'
import { slackTransport } from 'signalbox/transports/slack'
import { z } from 'zod'
import { sideBySide, slackPreview } from './support/preview.ts'

const Breach = z.object({ severity: z.int().min(1).max(3), people: z.int() })
const catalog = defineCatalog({
  categories: {
    breach: {
      label: 'Breach register',
      events: {
        breach_logged: { label: 'Breach logged', metadata: Breach },
        breach_closed: { label: 'Breach closed' },
      },
    },
  },
})

const slack = slackTransport({
  pace: false, // one message a second otherwise
  render(message) {
    if (message.kind !== 'event' || message.event.type !== 'breach_logged') return undefined // the usual drawing
    const { title, href, metadata } = message.event
    const { severity, people } = Breach.parse(metadata) // it was checked at dispatch, and is typed by this
    const header: HeaderBlock = { type: 'header', text: { type: 'plain_text', text: title.slice(0, 150) } }
    const facts: SectionBlock = {
      type: 'section',
      fields: [`*Severity*\n${'▲'.repeat(severity)}`, `*People affected*\n${people}`].map((text) => ({
        type: 'mrkdwn',
        text,
      })),
      accessory: { type: 'button', text: { type: 'plain_text', text: 'Assess' }, url: href },
    }
    return { text: escapeSlackText(`${title}, ${people} people`), blocks: [header, facts] }
  },
})
const recorder = createRecorder()
const dispatcher = createDispatcher({ catalog, store: memoryStore(), transports: [recorder.wrap(slack)] })
const config = { workspaceId: 'T1', workspaceName: 'Acme', channelId: 'C1', channelName: 'breaches' }
await dispatcher.connections.create({ orgId: 'org_1', transport: 'slack', config })

const event = { orgId: 'org_1', orgName: 'Acme', body: 'Lin has it back.', href: 'https://app.example.com/breaches/7' }
const metadata = { severity: 2, people: 140 }
await dispatcher.dispatch({ ...event, type: 'breach_logged', title: 'Laptop lost', metadata }, { wait: true })
await dispatcher.dispatch({ ...event, type: 'breach_closed', title: 'Laptop found' }, { wait: true })

const drawings = recorder.sent.map(({ payload }) => JSON.parse(String(payload)))
console.log(sideBySide(drawings.map(({ blocks }) => slackPreview({ channelName: 'breaches', blocks }))))
console.log(drawings.map(({ text }) => text))
await dispatcher.close()

// Output:
// ┌ Slack · #breaches ─────────────────┐  ┌ Slack · #breaches ─────────────────┐
// │ Laptop lost                        │  │ Laptop found                       │
// │ Severity                           │  │ Lin has it back.                   │
// │ ▲▲                                 │  │ [ Open ] /breaches/7               │
// │ People affected                    │  │ Acme                               │
// │ 140                                │  └────────────────────────────────────┘
// │ [ Assess ] /breaches/7             │
// └────────────────────────────────────┘
// [ 'Laptop lost, 140 people', 'Laptop found\nLin has it back.' ]
