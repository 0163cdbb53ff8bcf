import type { Call, Reply } from './fake.ts'
import type { RateLimiter } from './rate-limiter.ts'
import { readArguments, readContent } from './slack-arguments.ts'
import { checkBlocks, MAX_BLOCKS_LENGTH } from './slack-blocks.ts'
import type { SlackChannel, SlackState, SlackToken } from './slack-state.ts'
import { bearerToken, type JsonObject, stringOr } from './values.ts'

/** A message that arrived in a channel. */
export interface SlackReceived {
  readonly via: 'chat.postMessage' | 'incoming-webhook'
  /** The channel's id. */
  readonly channel: string
  readonly channelName: string
  /** The notification text; '' where only blocks were sent. */
  readonly text: string
  readonly blocks: readonly unknown[]
  /** What it was sent with; absent for incoming webhooks. */
  readonly token?: string
  /** Slack's name for the message in its channel. */
  readonly ts: string
  /** Epoch ms. */
  readonly at: number
  /** The whole body as it was parsed. */
  readonly body: JsonObject
}

export interface SlackMethodParts {
  readonly state: SlackState
  readonly call: Call
  readonly limiter: RateLimiter
  /** At most so many entries on a page of a list. */
  readonly pageSize: number
  /** Keeps a message and answers its `ts`. */
  post(message: Omit<SlackReceived, 'ts' | 'at'>): string
}

/** One method of the Web API, for a token that is good. */
type Method = (parts: SlackMethodParts, args: JsonObject, token: SlackToken) => Reply

/** The Web API's way to fail: status 200 and `ok: false`. */
export function slackError(error: string, more: JsonObject = {}): Reply {
  return { status: 200, json: { ok: false, error, ...more }, error }
}

export function rateLimited(retryAfter: number | undefined): Reply {
  const headers = retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }
  return { status: 429, json: { ok: false, error: 'ratelimited' }, headers, error: 'ratelimited' }
}

/** Answers a call of `https://slack.com/api/<name>`. */
export function callMethod(name: string, parts: SlackMethodParts): Reply {
  const method = METHODS[name]
  if (method === undefined) return slackError('unknown_method', { req_method: name })
  const read = readArguments(parts.call)
  if (!read.ok) return slackError(read.error)
  // a token in a JSON body is not looked at
  const { searchParams } = parts.call.url
  const form = /^application\/x-www-form-urlencoded/i.test(parts.call.headers.get('content-type') ?? '')
  const given = form ? stringOr(read.args.token, null) : searchParams.get('token')
  const value = bearerToken(parts.call.headers) ?? given
  if (value === null) return slackError('not_authed')
  const token = parts.state.tokens.get(value)
  if (token === undefined) return slackError('invalid_auth')
  if (token.fault !== undefined) return slackError(token.fault)
  if (token.expiresAt !== undefined && token.expiresAt <= parts.call.at) return slackError('token_expired')
  const reply = method(parts, read.args, token)
  const headers = { 'x-oauth-scopes': token.scopes.join(','), ...reply.headers }
  if (read.warning === undefined) return { ...reply, headers }
  const metadata = { warnings: [read.warning] }
  return { ...reply, headers, json: { ...Object(reply.json), warning: read.warning, response_metadata: metadata } }
}

function missingScope(token: SlackToken, needed: string): Reply | undefined {
  if (token.scopes.includes(needed)) return undefined
  return slackError('missing_scope', { needed, provided: token.scopes.join(',') })
}

const postMessage: Method = ({ state, call, limiter, post }, args, token) => {
  const refused = missingScope(token, 'chat:write')
  if (refused !== undefined) return refused
  const channel = findChannel(state, args.channel, token)
  if (channel === undefined) return slackError('channel_not_found')
  if (!channel.member && channel.private) return slackError('channel_not_found')
  if (channel.archived) return slackError('is_archived')
  if (!channel.member && !token.scopes.includes('chat:write.public')) return slackError('not_in_channel')
  const content = readContent(args)
  if (!content.ok) return slackError(content.error)
  const problems = checkBlocks(content.blocks)
  if (problems.length > 0) {
    const messages = problems.map((problem) => `[ERROR] ${problem}`)
    return slackError('invalid_blocks', { errors: problems, response_metadata: { messages } })
  }
  if (JSON.stringify(content.blocks).length > MAX_BLOCKS_LENGTH) return slackError('msg_blocks_too_long')
  const allowance = limiter.take(channel.id, call.at)
  if (allowance?.ok === false) return rateLimited(Math.ceil(allowance.waitMs / 1000))
  const { text, blocks } = content
  const ts = post({
    via: 'chat.postMessage',
    channel: channel.id,
    channelName: channel.name,
    text,
    blocks,
    token: token.token,
    body: args,
  })
  const message = { type: 'message', user: 'U0BOT', bot_id: 'B0BOT', team: token.team.id, ts, text, blocks }
  return { status: 200, json: { ok: true, channel: channel.id, ts, message } }
}

/** By id, or by name with or without `#`. */
function findChannel(state: SlackState, given: unknown, token: SlackToken): SlackChannel | undefined {
  if (typeof given !== 'string') return undefined
  const name = given.replace(/^#/, '')
  const found = state.channels.get(given) ?? [...state.channels.values()].find((one) => one.name === name)
  return found?.teamId === token.team.id ? found : undefined
}

const LIST_SCOPES: Readonly<Record<string, string>> = {
  public_channel: 'channels:read',
  private_channel: 'groups:read',
  mpim: 'mpim:read',
  im: 'im:read',
}

const listConversations: Method = ({ state, pageSize }, args, token) => {
  const types = stringOr(args.types, 'public_channel').split(',')
  for (const type of types) {
    const scope = LIST_SCOPES[type]
    if (scope === undefined) return slackError('invalid_types')
    const refused = missingScope(token, scope)
    if (refused !== undefined) return refused
  }
  const limit = Number(args.limit ?? 100)
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000) return slackError('invalid_limit')
  const cursor = stringOr(args.cursor, '')
  const start = cursor === '' ? 0 : startOf(cursor)
  if (start === undefined) return slackError('invalid_cursor')
  const withArchived = String(args.exclude_archived ?? false) !== 'true'
  const all = [...state.channels.values()].filter(
    (one) =>
      one.teamId === token.team.id &&
      types.includes(one.private ? 'private_channel' : 'public_channel') &&
      (!one.private || one.member) &&
      (withArchived || !one.archived),
  )
  const end = start + Math.min(limit, pageSize)
  const channels = all.slice(start, end).map(channelObject)
  const next = end < all.length ? Buffer.from(`next:${end}`).toString('base64') : ''
  return { status: 200, json: { ok: true, channels, response_metadata: { next_cursor: next } } }
}

function startOf(cursor: string): number | undefined {
  const start = /^next:(\d+)$/.exec(Buffer.from(cursor, 'base64').toString('latin1'))?.[1]
  return start === undefined ? undefined : Number(start)
}

function channelObject(one: SlackChannel): JsonObject {
  return {
    id: one.id,
    name: one.name,
    name_normalized: one.name,
    is_channel: !one.private,
    is_group: one.private,
    is_im: false,
    is_mpim: false,
    is_private: one.private,
    is_archived: one.archived,
    is_member: one.member,
  }
}

const conversationInfo: Method = ({ state }, args, token) => {
  const channel = findChannel(state, args.channel, token)
  if (channel === undefined || (channel.private && !channel.member)) return slackError('channel_not_found')
  const refused = missingScope(token, channel.private ? 'groups:read' : 'channels:read')
  return refused ?? { status: 200, json: { ok: true, channel: channelObject(channel) } }
}

const authTest: Method = (_parts, _args, token) => {
  const { id, name } = token.team
  const url = 'https://workspace.slack.com/'
  return {
    status: 200,
    json: { ok: true, url, team: name, user: 'bot', team_id: id, user_id: 'U0BOT', bot_id: 'B0BOT' },
  }
}

const revoke: Method = ({ state }, args, token) => {
  if (args.test !== undefined && args.test !== '' && args.test !== 'false') {
    return { status: 200, json: { ok: true, revoked: false } }
  }
  token.fault = 'token_revoked'
  // with its last token the app is gone from the workspace, and its webhooks with it
  const left = [...state.tokens.values()].some((one) => one.team.id === token.team.id && one.fault === undefined)
  if (!left) state.uninstall(token.team.id)
  return { status: 200, json: { ok: true, revoked: true } }
}

const METHODS: Readonly<Record<string, Method>> = {
  'chat.postMessage': postMessage,
  'conversations.list': listConversations,
  'conversations.info': conversationInfo,
  'auth.test': authTest,
  'auth.revoke': revoke,
}
