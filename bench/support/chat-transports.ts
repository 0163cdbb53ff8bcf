/** Messages by the transports: `build` and `send`, as the worker does them for a delivery. */
import type { Connection } from '../../src/contracts/connection.ts'
import type { EventMessage } from '../../src/contracts/message.ts'
import type { Transport } from '../../src/contracts/transport.ts'
import { undiciHttp } from '../../src/http/index.ts'
import { slackTransport } from '../../src/transports/slack.ts'
import { slackWebhookTransport } from '../../src/transports/slack-webhook.ts'
import { teamsWorkflowTransport } from '../../src/transports/teams-workflow.ts'
import { webhookTransport } from '../../src/transports/webhook.ts'
import type { Send } from './chat-contests.ts'
import { MESSAGES, PATHS } from './chat-service.ts'

const TOKEN = 'xoxb-not-a-token'
const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`

export function openTransport(name: string, origin: string): Send {
  const hosts = [new URL(origin).host]
  switch (name) {
    case 'slack': {
      const workspace = { workspaceId: 'T0123', workspaceName: 'Acme', channelId: 'C0123', channelName: 'cases' }
      return sender(slackTransport({ apiUrl: `${origin}/api` }), workspace)
    }
    case 'slack-webhook':
      return sender(slackWebhookTransport({ hosts }), { url: `${origin}${PATHS.slackHook}` })
    case 'teams-workflow':
      return sender(teamsWorkflowTransport({ hosts }), { url: `${origin}${PATHS.workflow}` })
    default:
      return sender(webhookTransport(), { url: `${origin}${PATHS.hook}`, format: 'ghost' })
  }
}

function sender<Input, Config, Payload>(transport: Transport<string, Input, Config, Payload>, config: Config): Send {
  const http = undiciHttp({ allow: [{ cidr: '127.0.0.0/8', plainHttp: true }] })
  const about = { id: 'con_1', orgId: 'org_1', label: 'Bench', categories: [], eventTypes: [] }
  const connection: Connection<Config> = { ...about, transport: transport.name, config }
  const secrets = transport.signatures === undefined ? [] : [SECRET]
  const token = transport.provider === undefined ? {} : { token: TOKEN }
  const { signal } = new AbortController()
  const messages = Array.from({ length: MESSAGES }, (_, index) => messageOf(index))
  return async (index) => {
    const message = messages[index % MESSAGES] ?? messageOf(index)
    const now = Date.now()
    const outcome = await transport.send(transport.build(message, connection), {
      ...token,
      connection,
      secrets,
      http,
      deliveryId: 'dlv_1',
      messageId: message.id,
      attempt: 1,
      now,
      deadlineAt: now + 10_000,
      signal,
    })
    if (outcome.kind !== 'delivered') throw new Error(`${transport.name}: ${outcome.code}`)
  }
}

/** ASCII, Latin-1 and beyond: engines keep these texts in different ways, and encode them at different cost. */
const NAMES = ['Dana Scully', 'Ines Oliveira', 'Zoë Marlowe', 'Łukasz Nowak'] as const

/** An ordinary event: a line as title, two as body, a link back. */
function messageOf(index: number): EventMessage {
  const number = 1000 + index
  const id = `msg_${number}`
  const name = NAMES[index % NAMES.length]
  const timestamp = Date.UTC(2026, 10, 21, 9) + index * 1000
  const about = { orgId: 'org_1', orgName: 'Acme', timestamp }
  return {
    ...about,
    kind: 'event',
    id,
    event: {
      ...about,
      id: `evt_${number}`,
      messageId: id,
      type: 'case_assigned',
      category: 'cases',
      title: `Case ${number} was assigned to you`,
      body: `${name} assigned case ${number} (access request, Fox & Sons) to you.\nIt is due in 12 days.`,
      href: `https://app.example.com/cases/${number}?from=notification`,
      importance: 'normal',
      metadata: { caseId: `case_${number}`, priority: 3, labels: ['access', 'erasure'] },
      acceptedAt: timestamp,
    },
  }
}
