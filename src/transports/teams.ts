import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Connection, Pace } from '../contracts/connection.ts'
import type { Message } from '../contracts/message.ts'
import type { FailedOutcome, Outcome, RetryPolicy } from '../contracts/outcome.ts'
import type { FieldDescription, SendContext, Transport } from '../contracts/transport.ts'
import { graphOutcome } from '../delivery/graph-outcome.ts'
import { checkDeadlineMs, checkPaceOption, checkTransportName } from '../delivery/transport-options.ts'
import { checkOptions, invalidInput } from '../errors.ts'
import { requestOutcome } from '../http/request-outcome.ts'
import { adaptiveCard } from '../payloads/adaptive-card.ts'
import type { AnyAdaptiveCard } from '../payloads/adaptive-card-types.ts'
import { toJson } from '../payloads/json.ts'
import { teamsChannels } from './teams/channels.ts'
import { isId, MAX_ID_LENGTH, MAX_NAME_LENGTH } from './teams/ids.ts'

/**
 * Which channel a connection posts to. After OAuth none is chosen, and the config is `{}`: the connection is
 * `incomplete`, and nothing is delivered, until `teamId` and `channelId` are set. `connections.channels` lists them.
 */
export interface TeamsConfig {
  readonly teamId?: string | undefined
  /** For people. @default the id */
  readonly teamName?: string | undefined
  readonly channelId?: string | undefined
  /** For people. @default the id */
  readonly channelName?: string | undefined
}

export interface TeamsTransportOptions<Name extends string = 'teams'> {
  /** Unique in a dispatcher. @default 'teams' */
  readonly name?: Name
  /** Of a national cloud, or a fake. @default 'https://graph.microsoft.com/v1.0' */
  readonly graphUrl?: string
  /**
   * Draws single messages another way; `undefined`: the default card. Pure. A message may have about 28 KB with its
   * card.
   */
  readonly render?: (message: Message, connection: Connection<TeamsConfig>) => AnyAdaptiveCard | undefined
  /**
   * Of one connection. Graph takes 4 messages a second and 3000 a day of an app in a channel.
   * @default { perSecond: 1, burst: 1 }
   */
  readonly pace?: Pace | false
  /** @default the dispatcher's */
  readonly retry?: RetryPolicy
  /** For the whole exchange: connect, request, response. In ms, 100 to 60,000. @default 10_000 */
  readonly deadlineMs?: number
}

const GRAPH_URL = 'https://graph.microsoft.com/v1.0'
const ONE_A_SECOND: Pace = Object.freeze({ perSecond: 1, burst: 1 })
/** Graph answers with the message as it is stored now, the card included, and `webUrl` need not come first. */
const MAX_ANSWER_BYTES = 131_072

/**
 * Microsoft Teams channels through Graph, posting as the person who connected (delegated `ChannelMessage.Send`): one
 * Adaptive Card a message. Tokens come from the dispatcher's `tokens`, provider `microsoft`; a 401 makes it ask for
 * another one and send once more. 403 is `reauthorize`, 404 `gone`, 429 and 5xx are tried again, any other 4xx ends the
 * message. Graph knows no idempotency key: a message that may have arrived is sent again as `retry.ambiguous` says.
 *
 * @example
 * const dispatcher = createDispatcher({
 *   store: memoryStore(),
 *   transports: [teamsTransport()],
 *   tokens: { get: async () => ({ ok: true, token: await myMicrosoftToken() }) },
 * })
 * const { connection } = await dispatcher.connections.create({ orgId: 'org_1', transport: 'teams', config: {} })
 * const [channel] = await dispatcher.connections.channels({ orgId: 'org_1', id: connection.id })
 * await dispatcher.connections.update({ orgId: 'org_1', id: connection.id, config: channel?.config })
 * @throws SignalboxError `invalid_input` for options that break a rule.
 */
export function teamsTransport<const Name extends string = 'teams'>(
  options: TeamsTransportOptions<Name> = {},
): Transport<Name, TeamsConfig, TeamsConfig, string> {
  checkOptions(options, OPTIONS)
  const { pace = ONE_A_SECOND, render, retry, deadlineMs } = options
  const name = (options.name ?? 'teams') as Name
  const graphUrl = checkGraphUrl(options.graphUrl ?? GRAPH_URL)
  checkTransportName(name)
  checkPaceOption(pace)
  if (deadlineMs !== undefined) checkDeadlineMs(deadlineMs)

  return {
    name,
    config,
    fields,
    provider: 'microsoft',
    ...(pace === false ? {} : { pace }),
    ...(retry === undefined ? {} : { retry }),
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
    ...(render === undefined ? { variant: () => 'default' } : {}),
    missing: ({ teamId, channelId }) => [
      ...(teamId === undefined ? ['a team'] : []),
      ...(channelId === undefined ? ['a channel'] : []),
    ],
    defaultLabel: describe,
    describe,
    build: (message, connection) =>
      chatMessage(attachmentId(message.id), render?.(message, connection) ?? adaptiveCard(message)),
    send: (payload, context) => post(payload, context, graphUrl),
    channels: (context) => teamsChannels(context, graphUrl),
  }
}

const OPTIONS: readonly string[] = [
  'name',
  'graphUrl',
  'render',
  'pace',
  'retry',
  'deadlineMs',
] satisfies (keyof TeamsTransportOptions)[]

const id = z.string().refine(isId, `must be 1–${MAX_ID_LENGTH} characters without control characters`).optional()
const label = z.string().min(1).max(MAX_NAME_LENGTH).optional()
const config = z.strictObject({ teamId: id, teamName: label, channelId: id, channelName: label })

const help = 'Chosen from the list of channels; nothing is delivered before'
const fields: readonly FieldDescription[] = [
  { name: 'teamId', label: 'Team', kind: 'channel', required: false, help },
  { name: 'teamName', label: 'Name of the team', kind: 'text', required: false },
  { name: 'channelId', label: 'Channel', kind: 'channel', required: false, help },
  { name: 'channelName', label: 'Name of the channel', kind: 'text', required: false },
]

function describe({ teamId, teamName = teamId, channelId, channelName = channelId }: TeamsConfig): string {
  return [teamName, channelName].filter((part) => part !== undefined).join(' › ')
}

async function post(payload: string, context: SendContext<TeamsConfig>, graphUrl: string): Promise<Outcome> {
  const { token, connection } = context
  const { teamId, channelId } = connection.config
  if (teamId === undefined || channelId === undefined) return noChannel
  if (token === undefined) return tokenMissing
  return requestOutcome(
    context,
    {
      method: 'POST',
      url: `${graphUrl}/teams/${encodeURIComponent(teamId)}/channels/${encodeURIComponent(channelId)}/messages`,
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: payload,
      maxResponseBytes: MAX_ANSWER_BYTES,
    },
    graphOutcome,
  )
}

const noChannel: FailedOutcome = { kind: 'rejected', code: 'config_invalid', detail: 'no channel is chosen yet' }
const tokenMissing: FailedOutcome = { kind: 'reauthorize', code: 'token_missing' }

/** The card goes in as JSON text inside of the JSON. */
function chatMessage(id: string, card: AnyAdaptiveCard): string {
  return toJson({
    body: { contentType: 'html', content: `<attachment id="${id}"></attachment>` },
    attachments: [
      { id, contentType: 'application/vnd.microsoft.card.adaptive', contentUrl: null, content: toJson(card) },
    ],
  })
}

/** A UUID (RFC 9562, version 8) of the message's id: every try carries the same body. */
function attachmentId(messageId: string): string {
  const hex = createHash('sha256').update(messageId).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-b${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

function checkGraphUrl(value: unknown): string {
  const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined
  const isPlain =
    url !== undefined && url.search === '' && url.hash === '' && url.username === '' && url.password === ''
  if (!isPlain || !/^https?:$/.test(url.protocol)) {
    throw invalidInput('graphUrl', 'must be an absolute http(s) URL without credentials, query and fragment')
  }
  return url.origin + url.pathname.replace(/\/+$/, '')
}
