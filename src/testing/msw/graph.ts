import { randomUUID } from 'node:crypto'
import { checkCard } from './adaptive-card.ts'
import type { Call, Reply } from './fake.ts'
import type { MicrosoftState, MicrosoftToken, TeamsTeam } from './microsoft-state.ts'
import type { RateLimiter } from './rate-limiter.ts'
import { bearerToken, isObject, type JsonObject, mediaType, parseJson } from './values.ts'

export type GraphOperation = 'me' | 'joined-teams' | 'list-channels' | 'send-message' | 'unknown'

/** A message that arrived in a channel. */
export interface TeamsReceived {
  /** `workflow`: by the URL of a Workflows webhook, whose channel the workflow knows. */
  readonly via: 'graph' | 'workflow'
  readonly teamId?: string
  readonly teamName?: string
  readonly channelId?: string
  readonly channelName?: string
  /** All that people read on the card, a line for each text and button. */
  readonly text: string
  /** The Adaptive Card, parsed. */
  readonly card: JsonObject
  /** What it was sent with; absent for workflows. */
  readonly token?: string
  /** Graph's id of the message, which is its receipt; a workflow's run. */
  readonly id: string
  /** Epoch ms. */
  readonly at: number
  /** The whole body as it was parsed. */
  readonly body: JsonObject
}

export interface GraphParts {
  readonly state: MicrosoftState
  readonly call: Call
  readonly limiter: RateLimiter
  readonly user: { readonly id: string; readonly displayName: string; readonly userPrincipalName: string }
  readonly pageSize: number
  /** Keeps a message and answers its id. */
  post(message: Omit<TeamsReceived, 'id' | 'at' | 'text'>): string
}

/** Graph's limit of a message, card included (learn.microsoft.com, "Limits and specifications for Microsoft Teams"). */
export const MAX_MESSAGE_BYTES = 28_672

const CARD = 'application/vnd.microsoft.card.adaptive'

/** Graph's way to fail. */
export function graphError(status: number, code: string, message: string, at: number): Reply {
  const innerError = {
    date: new Date(at).toISOString().slice(0, 19),
    'request-id': randomUUID(),
    'client-request-id': randomUUID(),
  }
  return { status, json: { error: { code, message, innerError } }, error: code }
}

export function graphOperation(call: Call): GraphOperation {
  const path = call.url.pathname.replace(/^\/v1\.0/, '')
  if (call.method === 'GET' && path === '/me') return 'me'
  if (call.method === 'GET' && path === '/me/joinedTeams') return 'joined-teams'
  if (call.method === 'GET' && /^\/teams\/[^/]+\/channels$/.test(path)) return 'list-channels'
  if (call.method === 'POST' && /^\/teams\/[^/]+\/channels\/[^/]+\/messages$/.test(path)) return 'send-message'
  return 'unknown'
}

/** Delegated permissions of each call. */
const SCOPES: Readonly<Record<Exclude<GraphOperation, 'unknown'>, string>> = {
  me: 'User.Read',
  'joined-teams': 'Team.ReadBasic.All',
  'list-channels': 'Channel.ReadBasic.All',
  'send-message': 'ChannelMessage.Send',
}

/** Answers a call of `https://graph.microsoft.com/v1.0/…`. */
export function callGraph(operation: GraphOperation, parts: GraphParts): Reply {
  const { state, call, user } = parts
  const value = bearerToken(call.headers)
  const refused = refusal(value === undefined ? undefined : state.tokens.get(value), value, call.at)
  if (refused !== undefined || value === undefined) {
    return graphError(401, 'InvalidAuthenticationToken', refused ?? 'Access token is empty.', call.at)
  }
  if (operation === 'unknown') return graphError(400, 'BadRequest', 'Resource not found for the segment.', call.at)
  const scope = SCOPES[operation]
  const scopes = state.tokens.get(value)?.scopes ?? []
  if (!scopes.includes(scope)) {
    const message = `Missing scope permissions on the request. API requires one of '${scope}'. Scopes on the request '${scopes.join(', ')}'`
    return graphError(403, 'Forbidden', message, call.at)
  }
  if (operation === 'me') return { status: 200, json: user }
  if (operation === 'joined-teams') {
    return page(
      [...state.teams.values()].map(({ id, displayName }) => ({ id, displayName, description: null })),
      parts,
    )
  }
  const [, , , teamId = '', , channelId = ''] = call.url.pathname.split('/').map(decodeURIComponent)
  const team = state.teams.get(teamId)
  if (team === undefined) return graphError(404, 'NotFound', `No team found with Group Id ${teamId}`, call.at)
  if (operation === 'list-channels') {
    return page(
      [...team.channels.values()].map(({ id, displayName, membershipType }) => ({ id, displayName, membershipType })),
      parts,
    )
  }
  return sendMessage(parts, team, channelId, value)
}

function refusal(token: MicrosoftToken | undefined, value: string | undefined, now: number): string | undefined {
  if (value === undefined) return 'Access token is empty.'
  if (token === undefined) return 'CompactToken parsing failed with error code: 80049217'
  if (token.revoked) return 'Access token has been revoked.'
  if (token.expiresAt <= now) return 'Lifetime validation failed, the token is expired.'
  return undefined
}

function page(all: readonly JsonObject[], { call, pageSize }: GraphParts): Reply {
  const start = Number(call.url.searchParams.get('$skiptoken') ?? 0)
  if (!Number.isInteger(start) || start < 0) return graphError(400, 'BadRequest', 'Invalid $skiptoken.', call.at)
  const end = start + pageSize
  const next = new URL(call.url)
  next.searchParams.set('$skiptoken', String(end))
  const link = end < all.length ? { '@odata.nextLink': call.link(next.href) } : {}
  return { status: 200, json: { '@odata.count': all.length, ...link, value: all.slice(start, end) } }
}

function sendMessage({ call, limiter, post }: GraphParts, team: TeamsTeam, channelId: string, token: string): Reply {
  const fail = (status: number, code: string, message: string): Reply => graphError(status, code, message, call.at)
  const channel = team.channels.get(channelId)
  if (channel === undefined) return fail(404, 'NotFound', 'Channel does not exist, or you are not a member of it.')
  if (mediaType(call.headers) !== 'application/json') {
    return fail(400, 'BadRequest', 'A content type of application/json is required.')
  }
  const body = parseJson(call.text)
  if (!isObject(body)) return fail(400, 'BadRequest', 'Unable to read JSON request payload.')
  if (call.bytes.length > MAX_MESSAGE_BYTES) return fail(413, 'RequestEntityTooLarge', 'The message is too large.')
  const read = readCard(body)
  if (!read.ok) return fail(400, 'BadRequest', read.message)
  const allowance = limiter.take(channelId, call.at)
  if (allowance?.ok === false) {
    const headers = { 'retry-after': String(Math.ceil(allowance.waitMs / 1000)) }
    return { ...fail(429, 'TooManyRequests', 'The request has been throttled.'), headers }
  }
  const { id: teamId, displayName: teamName } = team
  const { displayName: channelName } = channel
  const id = post({ via: 'graph', teamId, teamName, channelId, channelName, card: read.card, token, body })
  const path = `${encodeURIComponent(channelId)}/${id}?groupId=${encodeURIComponent(teamId)}`
  const json = {
    id,
    messageType: 'message',
    createdDateTime: new Date(call.at).toISOString(),
    webUrl: `https://teams.microsoft.com/l/message/${path}`,
    channelIdentity: { teamId, channelId },
    body: body.body,
    attachments: body.attachments,
  }
  return { status: 201, json }
}

type CardResult = { readonly ok: true; readonly card: JsonObject } | { readonly ok: false; readonly message: string }

/** The one card of a chatMessage: its content is JSON as a string, and the body holds a marker with its id. */
function readCard({ body, attachments }: JsonObject): CardResult {
  const refuse = (message: string): CardResult => ({ ok: false, message })
  if (!isObject(body) || typeof body.content !== 'string') return refuse('Invalid request body was sent.')
  if (!Array.isArray(attachments) || attachments.length === 0) return refuse('The message has no card.')
  if (body.contentType !== 'html') return refuse("Attachments need a body whose contentType is 'html'.")
  const markers = [...body.content.matchAll(/<attachment id="([^"]*)"><\/attachment>/g)].map((match) => match[1])
  let card: JsonObject | undefined
  for (const attachment of attachments) {
    if (!isObject(attachment) || typeof attachment.id !== 'string' || attachment.id === '') {
      return refuse('Attachments need an id.')
    }
    const { id, content, contentType } = attachment
    if (!markers.includes(id)) return refuse(`Body does not contain marker for attachment with Id '${id}'.`)
    if (contentType !== CARD) return refuse(`The contentType of attachment with Id '${id}' must be '${CARD}'.`)
    // an object instead of a string does not fit the type of the property
    if (typeof content !== 'string') return refuse('Invalid request body was sent.')
    const parsed = parseJson(content)
    const problems = checkCard(parsed)
    if (!isObject(parsed) || problems.length > 0) {
      return refuse(`Failed to process content in attachment with Id '${id}'. ${problems.join(', ')}`)
    }
    card ??= parsed
  }
  const lost = markers.find((id) => !attachments.some((one: unknown) => isObject(one) && one.id === id))
  if (lost !== undefined) return refuse(`Attachment with Id '${lost}' is not in the message.`)
  return card === undefined ? refuse('The message has no card.') : { ok: true, card }
}
