import { z } from 'zod'
import type { Connection, Pace } from '../contracts/connection.ts'
import type { Message } from '../contracts/message.ts'
import type { Outcome, RetryPolicy } from '../contracts/outcome.ts'
import type { FieldDescription, SendContext, Transport } from '../contracts/transport.ts'
import { discordOutcome } from '../delivery/discord-outcome.ts'
import { checkDeadlineMs, checkPaceOption, checkTransportName } from '../delivery/transport-options.ts'
import { checkOptions } from '../errors.ts'
import { allowedHosts } from '../http/allowed-hosts.ts'
import { truncatedUrl } from '../http/redact.ts'
import { requestOutcome } from '../http/request-outcome.ts'
import { discordMessage } from '../payloads/discord.ts'
import { toJson } from '../payloads/json.ts'

export interface DiscordConfig {
  /**
   * `https://discord.com/api/webhooks/{id}/{token}`, of any API version, with `?thread_id=` for one thread of the
   * channel. It is stored as one of version 10, without any other query. All of it is a secret.
   */
  readonly url: string
}

/**
 * What a host's `render` may answer, as far as it goes into a webhook's message.
 * @see https://discord.com/developers/docs/resources/webhook#execute-webhook
 */
export interface AnyDiscordMessage {
  /** Beside the embeds, at most 2000 characters. */
  readonly content?: string | undefined
  /** At most 10, with at most 6000 characters of text together. */
  readonly embeds?: readonly object[] | undefined
  /** In place of the webhook's name: 1–80 characters. */
  readonly username?: string | undefined
  readonly avatar_url?: string | undefined
  /** @default { parse: [] }: nobody is pinged, whatever the text says */
  readonly allowed_mentions?: object | undefined
}

export interface DiscordTransportOptions<Name extends string = 'discord'> {
  /** Unique in a dispatcher. @default 'discord' */
  readonly name?: Name
  /**
   * Where webhooks may live: hosts as `URL.host` gives them.
   * @default discord.com and discordapp.com with their canary and ptb clients; all of them are stored as discord.com
   */
  readonly hosts?: readonly string[]
  /** Draws single messages another way; `undefined`: the default embeds. Pure. */
  readonly render?: (message: Message, connection: Connection<DiscordConfig>) => AnyDiscordMessage | undefined
  /** Of one connection. @default none: Discord's own allowance is followed as it tells it */
  readonly pace?: Pace | false
  /** @default the dispatcher's */
  readonly retry?: RetryPolicy
  /** For the whole exchange: connect, request, response. In ms, 100 to 60,000. @default 10_000 */
  readonly deadlineMs?: number
}

/** One API behind all of them; discordapp.com is the name it had until 2020. */
const HOSTS: readonly string[] = Object.freeze(
  ['discord.com', 'discordapp.com'].flatMap((host) => [host, `canary.${host}`, `ptb.${host}`]),
)
const PATH = /^\/api(?:\/v\d{1,3})?\/webhooks\/(\d{1,20})\/([\w-]{1,200})\/?$/
/** Discord answers with the message as it is stored now, embeds included. */
const MAX_ANSWER_BYTES = 65_536

/**
 * Discord channels through a webhook: one POST a message, with embeds and without mentions. Discord is asked to confirm
 * that the message was stored (`wait=true`); without that, one that was not would look delivered. 401, 403 and 404
 * suspend the connection at once, because Discord bans addresses that go on calling dead webhooks; other 4xx end the
 * message, 429 and 5xx are tried again. When a message used the webhook's allowance up, the connection rests for as
 * long as Discord says.
 *
 * @example
 * createDispatcher({ store: memoryStore(), transports: [discordTransport()] })
 * @throws SignalboxError `invalid_input` for options that break a rule.
 */
export function discordTransport<const Name extends string = 'discord'>(
  options: DiscordTransportOptions<Name> = {},
): Transport<Name, DiscordConfig, DiscordConfig, string> {
  checkOptions(options, OPTIONS)
  const { hosts = HOSTS, pace = false, render, retry, deadlineMs } = options
  const name = (options.name ?? 'discord') as Name
  const isAllowed = allowedHosts(hosts)
  checkTransportName(name)
  checkPaceOption(pace)
  if (deadlineMs !== undefined) checkDeadlineMs(deadlineMs)

  const config = z.strictObject({
    url: z
      .string()
      .max(2048, 'must be at most 2048 characters')
      .refine(URL.canParse, { error: 'must be an absolute URL', abort: true })
      .refine((url) => isAllowed(new URL(url)), { error: `must be at one of: ${hosts.join(', ')}`, abort: true })
      .refine((url) => PATH.test(new URL(url).pathname), 'must be a webhook URL: /api/webhooks/{id}/{token}')
      .refine((url) => /^\d{0,20}$/.test(threadOf(new URL(url))), 'thread_id must be a number')
      .transform(normalised),
  })

  return {
    name,
    config,
    fields,
    ...(pace === false ? {} : { pace }),
    ...(retry === undefined ? {} : { retry }),
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
    ...(render === undefined ? { variant: () => 'default' } : {}),
    defaultLabel: ({ url }) => new URL(url).host,
    describe: ({ url }) => truncatedUrl(url, { originOnly: true }),
    build: (message, connection) => webhookMessage(render?.(message, connection) ?? discordMessage(message)),
    send: post,
  }
}

const OPTIONS: readonly string[] = [
  'name',
  'hosts',
  'render',
  'pace',
  'retry',
  'deadlineMs',
] satisfies (keyof DiscordTransportOptions)[]

const fields: readonly FieldDescription[] = [
  {
    name: 'url',
    label: 'Webhook URL',
    kind: 'url',
    required: true,
    secret: true,
    help: 'In Discord: Edit Channel, Integrations, Webhooks, Copy Webhook URL',
  },
]

/** Text of events pings nobody, whoever drew the message, unless they say whom. */
function webhookMessage(message: AnyDiscordMessage): string {
  return toJson({ ...message, allowed_mentions: message.allowed_mentions ?? { parse: [] } })
}

function post(body: string, context: SendContext<DiscordConfig>): Promise<Outcome> {
  const url = new URL(context.connection.config.url)
  url.searchParams.set('wait', 'true')
  return requestOutcome(
    context,
    {
      method: 'POST',
      url: url.href,
      headers: { 'content-type': 'application/json' },
      body,
      maxResponseBytes: MAX_ANSWER_BYTES,
    },
    discordOutcome,
  )
}

function normalised(text: string): string {
  const url = new URL(text)
  const [, id, token] = PATH.exec(url.pathname) ?? []
  const origin = HOSTS.includes(url.host) ? `${url.protocol}//discord.com` : url.origin
  const thread = threadOf(url)
  return `${origin}/api/v10/webhooks/${id}/${token}${thread === '' ? '' : `?thread_id=${thread}`}`
}

function threadOf(url: URL): string {
  return url.searchParams.get('thread_id') ?? ''
}
