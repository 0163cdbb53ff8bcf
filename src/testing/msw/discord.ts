import { checkOptions, invalidInput } from '../../errors.ts'
import { checkDiscordMessage } from './discord-limits.ts'
import { type Call, checkStatus, createFakeCore, type Fake, httpStatus, NETWORK_ERROR, type Reply } from './fake.ts'
import type { Fault } from './faults.ts'
import type { Loopback } from './loopback.ts'
import type { Allowance, RateLimiter } from './rate-limiter.ts'
import { isObject, type JsonObject, mediaType, parseJson, randomHex, stringOr } from './values.ts'
import { discordText } from './visible-text.ts'

export interface DiscordFakeOptions {
  /** Epoch ms. @default Date.now */
  readonly now?: () => number
}

export interface DiscordWebhook {
  readonly id: string
  readonly token: string
  readonly channelId: string
  readonly name: string
  /** At discord.com. */
  readonly url: string
}

/** A message that arrived in a channel. */
export interface DiscordReceived {
  readonly webhookId: string
  readonly channelId: string
  /** All that people read: the content, and a line for each text of the embeds. */
  readonly text: string
  readonly content: string
  readonly embeds: readonly JsonObject[]
  readonly username?: string
  /** As it was sent; without one, Discord pings whoever the text names. */
  readonly allowedMentions?: JsonObject
  /** `@everyone` or `@here` in the text would have pinged the channel. */
  readonly pingsEveryone: boolean
  /** Whether the sender waited for the message (`?wait=true`). */
  readonly waited: boolean
  /** Discord's id of the message, which is its receipt. */
  readonly id: string
  /** Epoch ms. */
  readonly at: number
  /** The whole body as it was parsed. */
  readonly body: JsonObject
}

export type DiscordOperation = 'execute-webhook' | 'get-webhook' | 'unknown'

/** One of Discord's codes (10015, 50027, 50035: above 999), an HTTP status, or a connection that breaks off. */
export type DiscordFailure = number | 'network_error'

export interface DiscordListening extends Loopback {
  /** For `discordTransport`. */
  readonly options: { readonly hosts: readonly string[] }
  /** Address of the first webhook; `link` turns the URLs of others into theirs. */
  readonly webhookUrl: string
}

export interface DiscordFake extends Fake<DiscordReceived, DiscordFailure, DiscordOperation, DiscordListening> {
  /** A webhook that is there from the beginning: its URL at discord.com. */
  readonly webhookUrl: string
  addWebhook(webhook?: { readonly channelId?: string; readonly name?: string }): DiscordWebhook
  /** By its URL or id. */
  removeWebhook(urlOrId: string): void
}

/**
 * A Discord that lives in the test: webhooks that take messages, in every version of the API. It refuses what Discord
 * refuses, with its codes and its tree of errors, and sends its headers of limits along.
 *
 * @example
 * ```ts
 * const discord = discordFake()
 * const server = setupServer(...discord.handlers)
 * server.listen()
 * const dispatcher = createDispatcher({ store: memoryStore(), transports: [discordTransport()], http: fetchHttp() })
 * await dispatcher.connections.create({ orgId: 'org_1', transport: 'discord', config: { url: discord.webhookUrl } })
 * const event = { orgId: 'org_1', type: 'policy_published', title: 'Published', body: '', href: 'https://app.example.com' }
 * await dispatcher.dispatch(event, { wait: true })
 * console.log(discord.received.map(({ text }) => text)) // [ 'Published\norg_1' ]
 * ```
 * @throws SignalboxError `invalid_input` for options that do not exist.
 */
export function discordFake(options: DiscordFakeOptions = {}): DiscordFake {
  checkOptions(options, ['now'])
  const { now = () => Date.now() } = options
  const received: DiscordReceived[] = []
  const webhooks = new Map<string, DiscordWebhook>()
  let snowflakes = 0

  const snowflake = (): string => {
    snowflakes += 1
    return String(1_100_000_000_000_000_000n + BigInt(snowflakes))
  }
  const addWebhook: DiscordFake['addWebhook'] = (webhook = {}) => {
    const { channelId = snowflake(), name = 'Notifications' } = webhook
    const [id, token] = [snowflake(), randomHex(68)]
    const added = { id, token, channelId, name, url: `https://discord.com/api/webhooks/${id}/${token}` }
    webhooks.set(id, added)
    return added
  }
  const first = addWebhook()

  const core = createFakeCore<DiscordFailure, DiscordOperation>({
    patterns: ['https://discord.com/api/*', 'https://discordapp.com/api/*'],
    now,
    locate: () => 'https://discord.com',
    operation({ method, url }) {
      if (addressOf(url.pathname) === undefined) return 'unknown'
      if (method === 'POST') return 'execute-webhook'
      return method === 'GET' ? 'get-webhook' : 'unknown'
    },
    isMessage: (operation) => operation === 'execute-webhook',
    failure,
    reply(call, operation, limiter) {
      const address = addressOf(call.url.pathname)
      if (operation === 'unknown' || address === undefined) return discordError(404, 0, '404: Not Found')
      const webhook = webhooks.get(address.id)
      if (webhook === undefined) return coded(10015)
      if (webhook.token !== address.token) return coded(50027)
      if (operation === 'get-webhook') return { status: 200, json: webhookObject(webhook) }
      return execute(call, webhook, limiter)
    },
  })

  const execute = (call: Call, webhook: DiscordWebhook, limiter: RateLimiter): Reply => {
    const allowance = limiter.take(webhook.id, call.at)
    const headers = limitHeaders(allowance, call.at)
    if (allowance?.ok === false) return limited(allowance.waitMs / 1000, headers)
    const read = readMessage(call)
    if (!read.ok) return { ...read.reply, headers }
    const { body } = read
    const waited = call.url.searchParams.get('wait') === 'true'
    const content = stringOr(body.content, '')
    const mentions = isObject(body.allowed_mentions) ? body.allowed_mentions : undefined
    const parse = mentions === undefined ? ['everyone'] : mentions.parse
    const pingsEveryone = /@(everyone|here)\b/.test(content) && Array.isArray(parse) && parse.includes('everyone')
    const embeds = Array.isArray(body.embeds) ? body.embeds.filter(isObject) : []
    const { id: webhookId, channelId } = webhook
    const id = snowflake()
    received.push({
      webhookId,
      channelId,
      text: discordText(content, embeds),
      content,
      embeds,
      ...(typeof body.username === 'string' ? { username: body.username } : {}),
      ...(mentions === undefined ? {} : { allowedMentions: mentions }),
      pingsEveryone,
      waited,
      id,
      at: call.at,
      body,
    })
    if (!waited) return { status: 204, headers }
    const timestamp = new Date(call.at).toISOString()
    const author = { id: webhookId, username: body.username ?? webhook.name, bot: true }
    const json = {
      id,
      type: 0,
      channel_id: channelId,
      webhook_id: webhookId,
      author,
      content,
      embeds,
      mention_everyone: pingsEveryone,
      timestamp,
    }
    return { status: 200, json, headers }
  }

  return {
    handlers: core.handlers,
    received,
    requests: core.requests,
    webhookUrl: first.url,
    fail(failure, options) {
      if (typeof failure === 'number' && failure < 1000) checkStatus(failure)
      core.faults.add(failure, options)
    },
    rateLimit: (limit = {}) => core.limiter.set(limit),
    reset() {
      core.reset()
      received.length = 0
      webhooks.clear()
      webhooks.set(first.id, first)
    },
    async listen() {
      const server = await core.listen()
      return { ...server, options: { hosts: [new URL(server.url).host] }, webhookUrl: server.link(first.url) }
    },
    addWebhook,
    removeWebhook(urlOrId) {
      const id = URL.canParse(urlOrId) ? addressOf(new URL(urlOrId).pathname)?.id : urlOrId
      if (id === undefined || !webhooks.delete(id)) throw invalidInput('urlOrId', 'no webhook has this URL or id')
    },
  }
}

function addressOf(path: string): { readonly id: string; readonly token: string } | undefined {
  const match = /^\/api(?:\/v\d+)?\/webhooks\/(\d+)\/([\w-]+)$/.exec(path)
  return match?.[1] === undefined || match[2] === undefined ? undefined : { id: match[1], token: match[2] }
}

function webhookObject({ id, token, channelId, name }: DiscordWebhook): JsonObject {
  return { id, token, type: 1, name, avatar: null, channel_id: channelId, guild_id: '1000000000000000000' }
}

type MessageResult = { readonly ok: true; readonly body: JsonObject } | { readonly ok: false; readonly reply: Reply }

function readMessage(call: Call): MessageResult {
  const refuse = (reply: Reply): MessageResult => ({ ok: false, reply })
  if (mediaType(call.headers) !== 'application/json') {
    const message = 'Expected "Content-Type" header to be one of {\'application/json\'}.'
    return refuse(coded(50035, { _errors: [{ code: 'CONTENT_TYPE_INVALID', message }] }))
  }
  const body = parseJson(call.text)
  if (!isObject(body)) return refuse(coded(50109))
  const errors = checkDiscordMessage(body)
  if (errors !== undefined) return refuse(coded(50035, errors))
  const words = stringOr(body.content, '').trim() !== ''
  const embeds = Array.isArray(body.embeds) && body.embeds.some((one) => isObject(one) && Object.keys(one).length > 0)
  return words || embeds ? { ok: true, body } : refuse(coded(50006))
}

/** Codes with their status and words (discord.com/developers/docs/topics/opcodes-and-status-codes). */
const CODES: Readonly<Record<number, readonly [status: number, message: string]>> = {
  10003: [404, 'Unknown Channel'],
  10015: [404, 'Unknown Webhook'],
  40005: [413, 'Request entity too large'],
  50006: [400, 'Cannot send an empty message'],
  50013: [403, 'Missing Permissions'],
  50027: [401, 'Invalid Webhook Token'],
  50035: [400, 'Invalid Form Body'],
  50109: [400, 'The request body contains invalid JSON.'],
}

function coded(code: number, errors?: JsonObject): Reply {
  const [status, message] = CODES[code] ?? [400, 'Error']
  return discordError(status, code, message, errors)
}

function discordError(status: number, code: number, message: string, errors?: JsonObject): Reply {
  return { status, json: { message, code, ...(errors === undefined ? {} : { errors }) }, error: String(code) }
}

function limited(retryAfter: number, headers: Readonly<Record<string, string>> = {}): Reply {
  const json = { message: 'You are being rate limited.', retry_after: retryAfter, global: false }
  const more = { 'retry-after': String(Math.ceil(retryAfter)), 'x-ratelimit-scope': 'shared' }
  return { status: 429, json, headers: { ...headers, ...more }, error: '429' }
}

/** Without a limit of the test's, what an idle webhook is told: 5 messages in 2 seconds. */
function limitHeaders(allowance: Allowance | undefined, now: number): Readonly<Record<string, string>> {
  const { limit, remaining, waitMs } = allowance ?? { limit: 5, remaining: 4, waitMs: 2000 }
  return {
    'x-ratelimit-limit': String(limit),
    'x-ratelimit-remaining': String(remaining),
    'x-ratelimit-reset': ((now + waitMs) / 1000).toFixed(3),
    'x-ratelimit-reset-after': (waitMs / 1000).toFixed(3),
    'x-ratelimit-bucket': 'webhook',
  }
}

function failure({ failure, retryAfter }: Fault<DiscordFailure>): Reply {
  if (failure === 'network_error') return NETWORK_ERROR
  if (failure === 429) return limited(retryAfter ?? 1)
  const headers = retryAfter === undefined ? {} : { headers: { 'retry-after': String(retryAfter) } }
  return { ...(failure < 1000 ? httpStatus(failure) : coded(failure)), ...headers }
}
