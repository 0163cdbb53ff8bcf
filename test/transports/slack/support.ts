import type { HttpPort } from '../../../src/contracts/http.ts'
import type { Message } from '../../../src/contracts/message.ts'
import type { Outcome } from '../../../src/contracts/outcome.ts'
import type { Transport } from '../../../src/contracts/transport.ts'
import { fetchHttp, undiciHttp } from '../../../src/http/index.ts'
import {
  type SlackConfig,
  type SlackConfigInput,
  type SlackTransportOptions,
  slackTransport,
} from '../../../src/transports/slack.ts'
import { eventMessage } from '../../payloads/messages.ts'
import { type Answer, LOOPBACK, type startReceiver, status } from '../../support/receiver.ts'

export const TOKEN = 'xoxb-0123456789-abcdefgh'
export const NOW = 1_700_000_000_000
export const MESSAGE: Message = eventMessage()
export const TS = '1700000000.000100'
export const CHANNEL = 'C0123456789'
export const HOOK_PATH = '/services/T01234567/B01234567/s3cr3tPartOfTheUrl'

export const CONFIG: SlackConfigInput = {
  workspaceId: 'T01234567',
  workspaceName: 'Acme',
  channelId: CHANNEL,
  channelName: 'alerts',
}

/** The config as it is stored. */
export async function parsed(input: unknown, options: SlackTransportOptions = {}): Promise<SlackConfig> {
  const result = await slackTransport(options).config['~standard'].validate(input)
  if (result.issues) throw new Error(result.issues.map((issue) => issue.message).join())
  return result.value
}

/** Both ways to the network, as far as this machine. */
export const PORTS: readonly (readonly [string, () => HttpPort])[] = [
  ['undiciHttp', () => undiciHttp(LOOPBACK)],
  ['fetchHttp', () => fetchHttp(LOOPBACK)],
]

export type Receiver = Awaited<ReturnType<typeof startReceiver>>

export const json =
  (body: object, code = 200, headers: Readonly<Record<string, string>> = {}): Answer =>
  (request, response, count) =>
    status(code, { 'content-type': 'application/json', ...headers }, JSON.stringify(body))(request, response, count)

/** How Slack confirms a message: with the message. */
export const posted: Answer = (request, response, count) => {
  const { channel, text, blocks } = JSON.parse(request.body.toString())
  json({ ok: true, channel, ts: TS, message: { type: 'message', text, blocks, ts: TS } })(request, response, count)
}

/** Answers by the path of the request. */
export const routed =
  (routes: Readonly<Record<string, Answer>>): Answer =>
  (request, response, count) => {
    const path = request.path.split('?')[0] ?? ''
    const answer = routes[path] ?? status(404, {}, 'no route')
    answer(request, response, count)
  }

/** One message to a connection with this config. */
export async function sendOnce<Input, Config, Payload>(
  transport: Transport<string, Input, Config, Payload>,
  http: HttpPort,
  config: Config,
  more: { readonly token?: string; readonly message?: Message } = {},
): Promise<Outcome> {
  const { message = MESSAGE, ...rest } = more
  const connection = {
    id: 'con_1',
    orgId: 'org_1',
    transport: transport.name,
    label: 'L',
    categories: [],
    eventTypes: [],
    config,
  }
  return transport.send(transport.build(message, connection), {
    connection,
    secrets: [],
    http,
    deliveryId: 'dlv_1',
    messageId: message.id,
    attempt: 1,
    now: NOW,
    deadlineAt: Date.now() + 5_000,
    signal: new AbortController().signal,
    ...rest,
  })
}
