/** Who sends the same messages to the same services: transports, and the clients that people use. */
import type { Connection } from '../../src/contracts/connection.ts'
import type { HttpPort } from '../../src/contracts/http.ts'
import type { Transport } from '../../src/contracts/transport.ts'
import { undiciHttp } from '../../src/http/index.ts'
import { slackTransport } from '../../src/transports/slack.ts'
import { slackWebhookTransport } from '../../src/transports/slack-webhook.ts'
import { teamsWorkflowTransport } from '../../src/transports/teams-workflow.ts'
import { webhookTransport } from '../../src/transports/webhook.ts'
import { chatMessage, MESSAGES } from './chat-messages.ts'
import { PATHS } from './chat-service.ts'
import { importPeer } from './peers.ts'

export type Json = Readonly<Record<string, unknown>>
/** Sends the message of this number. */
export type Send = (index: number) => Promise<unknown>

export interface Competitor {
  /** The package; `''`: what Node has. */
  readonly name: string
  /** So many times less than this one's the transport's CPU is to be. */
  readonly goal: number
  /** `bodies`: the JSON of each message, as the transport writes it. */
  open(origin: string, bodies: readonly Json[]): Promise<Send>
  /** The JSON out of what was written, where that is something else. */
  json?(written: string): unknown
}

export interface Contest {
  /** Makes the transport's way to send; `http` takes its requests. */
  ours(origin: string, http: HttpPort): Send
  readonly name: string
  readonly peers: readonly Competitor[]
}

const TOKEN = 'xoxb-not-a-token'
const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
const WORKSPACE = { workspaceId: 'T0123', workspaceName: 'Acme', channelId: 'C0123', channelName: 'cases' }

export const CONTESTS: readonly Contest[] = [
  {
    name: 'slack',
    ours: (origin, http) => sender(slackTransport({ apiUrl: `${origin}/api` }), WORKSPACE, http),
    peers: [
      {
        name: '@slack/web-api',
        goal: 6,
        async open(origin, bodies) {
          const { WebClient } = await importPeer<WebApi>('@slack/web-api')
          const client = new WebClient(TOKEN, { slackApiUrl: `${origin}/api/` })
          return (index) => client.chat.postMessage(of(bodies, index))
        },
        json: (form) => Object.fromEntries([...new URLSearchParams(form)].map(formField)),
      },
    ],
  },
  {
    name: 'slack-webhook',
    ours: (origin, http) =>
      sender(slackWebhookTransport({ hosts: [hostOf(origin)] }), { url: `${origin}${PATHS.slackHook}` }, http),
    peers: [
      {
        name: '@slack/webhook',
        goal: 5,
        async open(origin, bodies) {
          const { IncomingWebhook } = await importPeer<SlackWebhook>('@slack/webhook')
          const client = new IncomingWebhook(`${origin}${PATHS.slackHook}`)
          return (index) => client.send(of(bodies, index))
        },
      },
    ],
  },
  {
    name: 'teams-workflow',
    ours: (origin, http) =>
      sender(teamsWorkflowTransport({ hosts: [hostOf(origin)] }), { url: `${origin}${PATHS.workflow}` }, http),
    peers: [
      {
        name: 'ms-teams-webhook',
        goal: 4,
        async open(origin, bodies) {
          const { IncomingWebhook } = await importPeer<TeamsWebhook>('ms-teams-webhook')
          const client = new IncomingWebhook(`${origin}${PATHS.workflow}`)
          return (index) => client.sendRawAdaptiveCard(of(bodies, index))
        },
      },
    ],
  },
  {
    name: 'webhook',
    ours: (origin, http) => sender(webhookTransport(), { url: `${origin}${PATHS.hook}`, format: 'ghost' }, http),
    peers: [
      {
        name: 'axios',
        goal: 5,
        async open(origin, bodies) {
          const { default: axios } = await importPeer<Axios>('axios')
          return (index) => axios.post(`${origin}${PATHS.hook}`, of(bodies, index))
        },
      },
      {
        name: '',
        goal: 5,
        async open(origin, bodies) {
          const headers = { 'content-type': 'application/json' }
          return async (index) => {
            const body = JSON.stringify(of(bodies, index))
            const response = await fetch(`${origin}${PATHS.hook}`, { method: 'POST', headers, body })
            await response.text()
            if (!response.ok) throw new Error(`HTTP ${response.status}`)
          }
        },
      },
      {
        // Its Slack channel POSTs any JSON to a URL; it has no other webhook.
        name: 'notifme-sdk',
        goal: 2.3,
        async open(origin, bodies) {
          const { default: exports } = await importPeer<Notifme>('notifme-sdk')
          const providers = [{ type: 'webhook', webhookUrl: `${origin}${PATHS.hook}` }] as const
          const client = new exports.default({ channels: { slack: { providers } } })
          return async (index) => {
            const { status } = await client.send({ slack: of(bodies, index) })
            if (status !== 'success') throw new Error(`notifme-sdk: ${status}`)
          }
        },
      },
      {
        name: 'svix',
        goal: 8,
        async open(origin, bodies) {
          const { Svix } = await importPeer<SvixClient>('svix')
          const client = new Svix('not-a-token', { serverUrl: origin })
          return (index) => client.message.create('app_1', { eventType: 'case_assigned', payload: of(bodies, index) })
        },
        json: (written) => JSON.parse(written).payload,
      },
    ],
  },
]

/** Of each package, what is used of it. */
interface WebApi {
  WebClient: new (
    token: string,
    options: { slackApiUrl: string },
  ) => {
    chat: { postMessage(body: Json): Promise<unknown> }
  }
}
interface SlackWebhook {
  IncomingWebhook: new (url: string) => { send(body: Json): Promise<unknown> }
}
interface TeamsWebhook {
  IncomingWebhook: new (url: string) => { sendRawAdaptiveCard(body: Json): Promise<unknown> }
}
interface Axios {
  default: { post(url: string, body: Json): Promise<unknown> }
}
interface Notifme {
  default: {
    default: new (options: {
      channels: { slack: { providers: readonly { type: 'webhook'; webhookUrl: string }[] } }
    }) => { send(request: { slack: Json }): Promise<{ status: string }> }
  }
}
interface SvixClient {
  Svix: new (
    token: string,
    options: { serverUrl: string },
  ) => {
    message: { create(app: string, message: { eventType: string; payload: Json }): Promise<unknown> }
  }
}

/** The default way out of a transport: sockets, behind the guard. */
export function openHttp(): HttpPort {
  return undiciHttp({ allow: [{ cidr: '127.0.0.0/8', plainHttp: true }] })
}

/** What the transport writes of each message. */
export async function bodiesOf(contest: Contest, origin: string): Promise<readonly Json[]> {
  const bodies: Json[] = []
  const recording: HttpPort = {
    request: async ({ body }) => {
      bodies.push(JSON.parse(String(body)))
      return { status: 200, headers: {}, text: contest.name === 'slack' ? '{"ok":true}' : 'ok', truncated: false }
    },
    check: () => {},
    close: async () => {},
  }
  const send = contest.ours(origin, recording)
  for (let index = 0; index < MESSAGES; index++) await send(index)
  return bodies
}

/** `build` and `send`, as the worker does them for a delivery. */
function sender<Input, Config, Payload>(
  transport: Transport<string, Input, Config, Payload>,
  config: Config,
  http: HttpPort,
): Send {
  const about = { id: 'con_1', orgId: 'org_1', label: 'Bench', categories: [], eventTypes: [] }
  const connection: Connection<Config> = { ...about, transport: transport.name, config }
  const secrets = transport.signatures === undefined ? [] : [SECRET]
  const token = transport.provider === undefined ? {} : { token: TOKEN }
  const { signal } = new AbortController()
  return async (index) => {
    const message = chatMessage(index)
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

function of(bodies: readonly Json[], index: number): Json {
  return bodies[index % bodies.length] ?? {}
}

function hostOf(origin: string): string {
  return new URL(origin).host
}

/** `@slack/web-api` writes a form; what is not text is JSON in it. */
function formField([name, value]: [string, string]): [string, unknown] {
  return [name, name === 'blocks' || name.startsWith('unfurl_') ? JSON.parse(value) : value]
}
