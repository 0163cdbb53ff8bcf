import { z } from 'zod'
import type { Message } from '../../contracts/message.ts'
import type { Outcome, RetryPolicy } from '../../contracts/outcome.ts'
import type { FieldDescription, SendContext, Transport } from '../../contracts/transport.ts'
import { classifyResponse } from '../../delivery/classify.ts'
import { checkDeadlineMs, checkTransportName } from '../../delivery/transport-options.ts'
import { checkOptions } from '../../errors.ts'
import { truncatedUrl } from '../../http/redact.ts'
import { requestOutcome } from '../../http/request-outcome.ts'
import { discordMessage } from '../../payloads/discord.ts'
import { ghostFormat } from '../../payloads/ghost.ts'
import { buildGhostIdPayload, GHOST_ID_BASE_URL, GHOST_ID_FORMATS } from '../../payloads/ghost-id.ts'
import type { GhostIdFormat } from '../../payloads/ghost-id-types.ts'
import { isGhostIdVisitor } from '../../payloads/ghost-id-visitor.ts'
import { toJson } from '../../payloads/json.ts'
import { slackMessage } from '../../payloads/slack.ts'
import { checkBaseUrl } from './base-url.ts'

export interface GhostIdConfigInput {
  /** Where to POST. All of it is a secret: URLs of Slack and Discord are. */
  readonly url: string
  /** @default 'custom' */
  readonly format?: GhostIdFormat | undefined
  /** @default true */
  readonly includeJourney?: boolean | undefined
  /** @default true */
  readonly includeEvents?: boolean | undefined
}

export interface GhostIdConfig {
  readonly url: string
  readonly format: GhostIdFormat
  readonly includeJourney: boolean
  readonly includeEvents: boolean
}

/** What `build` makes of a message: a body, or why there is none. */
export type GhostIdBody = { readonly body: string | Uint8Array } | { readonly unsupported: string }

export interface GhostIdTransportOptions<Name extends string = 'ghost-id'> {
  /** Unique in a dispatcher. @default 'ghost-id' */
  readonly name?: Name
  /** What links in payloads begin with. @default 'https://analytics.ghostid.ai' */
  readonly baseUrl?: string
  /** @default one attempt */
  readonly retry?: RetryPolicy
  /** For the whole exchange: connect, request, response. In ms, 100 to 60,000. @default 10_000 */
  readonly deadlineMs?: number
}

const ONCE: RetryPolicy = Object.freeze({ delaysMs: Object.freeze([]), maxAttempts: 1, quick: false })

/**
 * Sends visitors to a URL in one of the five formats of Ghost ID: no signature headers, one attempt, 2xx is delivered.
 * The visitor is the event's metadata. Any other message is sent as it would be elsewhere (Ghost's flat JSON, Block Kit,
 * an embed); the formats of CRMs take visitors only, and are `unsupported_message` for the rest.
 *
 * @example
 * createDispatcher({ store: memoryStore(), catalog: ghostId.catalog, transports: [ghostId.transport()] })
 * @throws SignalboxError `invalid_input` for options that break a rule.
 */
export function ghostIdTransport<const Name extends string = 'ghost-id'>(
  options: GhostIdTransportOptions<Name> = {},
): Transport<Name, GhostIdConfigInput, GhostIdConfig, GhostIdBody> {
  checkOptions(options, OPTIONS)
  const { retry = ONCE, deadlineMs = 10_000 } = options
  const name = (options.name ?? 'ghost-id') as Name
  const baseUrl = checkBaseUrl(options.baseUrl ?? GHOST_ID_BASE_URL)
  checkTransportName(name)
  checkDeadlineMs(deadlineMs)
  return {
    name,
    config,
    fields,
    deadlineMs,
    retry,
    variant: ({ format, includeJourney, includeEvents }) => `${format} ${includeJourney} ${includeEvents}`,
    defaultLabel: ({ url }) => new URL(url).host,
    describe: ({ url }) => truncatedUrl(url, { originOnly: true }),
    build: (message, connection) => bodyOf(message, connection.config, baseUrl),
    send: post,
  }
}

const OPTIONS: readonly string[] = [
  'name',
  'baseUrl',
  'retry',
  'deadlineMs',
] satisfies (keyof GhostIdTransportOptions)[]

const config = z.strictObject({
  url: z.string().max(2048, 'must be at most 2048 characters').refine(URL.canParse, 'must be an absolute URL'),
  format: z
    .enum(['custom', 'hubspot', 'salesforce', 'slack', 'discord'], `must be one of: ${GHOST_ID_FORMATS.join(', ')}`)
    .default('custom'),
  includeJourney: z.boolean('must be true or false').default(true),
  includeEvents: z.boolean('must be true or false').default(true),
})

const fields: readonly FieldDescription[] = [
  { name: 'url', label: 'Webhook URL', kind: 'url', required: true, secret: true },
  {
    name: 'format',
    label: 'Format',
    kind: 'select',
    required: false,
    options: [
      { value: 'custom', label: 'Custom' },
      { value: 'hubspot', label: 'HubSpot' },
      { value: 'salesforce', label: 'Salesforce' },
      { value: 'slack', label: 'Slack' },
      { value: 'discord', label: 'Discord' },
    ],
  },
  { name: 'includeJourney', label: 'Include the journey', kind: 'boolean', required: false },
  { name: 'includeEvents', label: 'Include recent events', kind: 'boolean', required: false },
]

function bodyOf(message: Message, settings: GhostIdConfig, baseUrl: string): GhostIdBody {
  const { format, includeJourney, includeEvents } = settings
  const visitor = message.kind === 'event' ? message.event.metadata : undefined
  if (isGhostIdVisitor(visitor)) {
    const options = { includeJourney, includeEvents, baseUrl, exportedAt: message.timestamp }
    return { body: toJson(buildGhostIdPayload(format, visitor, options)) }
  }
  switch (format) {
    case 'custom':
      return { body: ghostFormat.build(message).body }
    case 'slack':
      return { body: toJson(slackMessage(message)) }
    case 'discord':
      return { body: toJson(discordMessage(message)) }
    default:
      return { unsupported: 'A CRM takes visitors only' }
  }
}

async function post(payload: GhostIdBody, context: SendContext<GhostIdConfig>): Promise<Outcome> {
  if ('unsupported' in payload) return { kind: 'rejected', code: 'unsupported_message', detail: payload.unsupported }
  const { url } = context.connection.config
  const headers = { 'content-type': 'application/json' }
  return requestOutcome(context, { method: 'POST', url, headers, body: payload.body }, classifyResponse)
}
