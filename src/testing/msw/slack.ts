import { checkOptions, invalidInput } from '../../errors.ts'
import { approveUrl, type Redirect } from './approve.ts'
import { checkStatus, createFakeCore, type Fake, httpStatus, NETWORK_ERROR, type Reply } from './fake.ts'
import type { Fault } from './faults.ts'
import type { Loopback } from './loopback.ts'
import { callMethod, rateLimited, type SlackReceived, slackError } from './slack-api.ts'
import { postToWebhook, webhookError } from './slack-incoming-webhook.ts'
import { oauthAccess, type SlackApp } from './slack-oauth-access.ts'
import {
  createSlackState,
  type IssuedSlackToken,
  SLACK_TOKEN_LIFETIME_MS,
  type SlackChannel,
  type SlackChannelInput,
  type SlackState,
  type SlackTeam,
} from './slack-state.ts'
import { randomHex } from './values.ts'

export interface SlackFakeOptions {
  /** @default { id: 'T0001', name: 'Acme' } */
  readonly team?: SlackTeam
  /** @default [{ id: 'C0001', name: 'general' }] */
  readonly channels?: readonly SlackChannelInput[]
  /** Of tokens and codes for which nothing else is said. @default chat:write, incoming-webhook, channels:read, groups:read */
  readonly scopes?: readonly string[]
  /** @default generated */
  readonly clientId?: string
  /** @default generated */
  readonly clientSecret?: string
  /** @default 'https://app.example.com/oauth/slack' */
  readonly redirectUri?: string
  /** Access tokens end after 12 hours and come with refresh tokens, each good for one use. @default false */
  readonly rotation?: boolean
  /** At most so many channels on a page of `conversations.list`. @default 1000 */
  readonly pageSize?: number
  /** Epoch ms. @default Date.now */
  readonly now?: () => number
}

/** `incoming-webhook`, or the name of a method of the Web API. */
export type SlackOperation =
  | 'incoming-webhook'
  | 'chat.postMessage'
  | 'conversations.list'
  | 'conversations.info'
  | 'oauth.v2.access'
  | 'auth.revoke'
  | 'auth.test'
  | (string & {})

/** A word of Slack's (`channel_not_found`, `ratelimited`), an HTTP status, or a connection that breaks off. */
export type SlackFailure = string | number | 'network_error'

export interface SlackListening extends Loopback {
  /** For `slackTransport`. */
  readonly options: { readonly apiUrl: string; readonly webhookHosts: readonly string[] }
  /** For `slackWebhookTransport`. */
  readonly webhook: { readonly hosts: readonly string[] }
  /** For `slackOAuth`. */
  readonly oauth: SlackApp & { readonly apiUrl: string }
}

export interface SlackFake extends Fake<SlackReceived, SlackFailure, SlackOperation, SlackListening> {
  /** A bot token of `team` with `scopes`. */
  readonly token: string
  /** For `slackOAuth`. */
  readonly oauth: SlackApp
  issueToken(options?: { readonly scopes?: readonly string[]; readonly team?: SlackTeam }): IssuedSlackToken
  /** The code that comes back when a person approved, good for ten minutes and one use. `channelId`: what they picked. */
  issueCode(options?: SlackApproval & { readonly scopes?: readonly string[]; readonly redirectUri?: string }): string
  /**
   * Plays the person to whom the app showed its authorize URL: picks a channel and approves.
   * @throws SignalboxError `invalid_input` where Slack would show an error instead of the form.
   */
  approve(authorizeUrl: string, options?: SlackApproval): Redirect
  addChannel(channel: SlackChannelInput): SlackChannel
  archive(channelId: string): void
  unarchive(channelId: string): void
  removeChannel(channelId: string): void
  /** The app's bot is invited. */
  join(channelId: string): void
  /** The app's bot is removed. */
  leave(channelId: string): void
  /** An incoming webhook for a channel; answers its URL at hooks.slack.com. */
  addWebhook(channelId: string): string
  /** Every access token that is out has expired. Refresh tokens stay. */
  expireTokens(): void
  /** The app was removed from all workspaces: tokens, refresh tokens and incoming webhooks are dead. */
  revokeTokens(): void
}

export interface SlackApproval {
  /** What the person picked. @default the first channel of the workspace */
  readonly channelId?: string
  /** @default the fake's `team` */
  readonly team?: SlackTeam
}

const SCOPES = ['chat:write', 'incoming-webhook', 'channels:read', 'groups:read']

/**
 * A Slack that lives in the test: the Web API's `chat.postMessage`, `conversations.list` and `.info`, `oauth.v2.access`,
 * `auth.test` and `auth.revoke`, and incoming webhooks. It refuses what Slack refuses, in Slack's words: tokens, scopes,
 * channels, content types, blocks and their limits.
 *
 * @example
 * ```ts
 * const slack = slackFake({ channels: [{ id: 'C1', name: 'alerts' }] })
 * const server = setupServer(...slack.handlers)
 * server.listen()
 * const dispatcher = createDispatcher({
 *   store: memoryStore(),
 *   transports: [slackTransport()],
 *   tokens: { get: async () => ({ ok: true, token: slack.token }) },
 *   http: fetchHttp(),
 * })
 * await dispatcher.connections.create({
 *   orgId: 'org_1',
 *   transport: 'slack',
 *   config: { workspaceId: 'T0001', channelId: 'C1' },
 * })
 * const event = { orgId: 'org_1', type: 'policy_published', title: 'Published', body: '', href: 'https://app.example.com' }
 * await dispatcher.dispatch(event, { wait: true })
 * console.log(slack.received[0]?.channelName) // alerts
 * ```
 * @throws SignalboxError `invalid_input` for options that break a rule.
 */
export function slackFake(options: SlackFakeOptions = {}): SlackFake {
  checkOptions(options, OPTIONS)
  const {
    team = { id: 'T0001', name: 'Acme' },
    channels = [{ id: 'C0001', name: 'general' }],
    scopes = SCOPES,
    clientId = `${randomHex(8)}.${randomHex(8)}`,
    clientSecret = randomHex(32),
    redirectUri = 'https://app.example.com/oauth/slack',
    rotation = false,
    pageSize = 1000,
    now = () => Date.now(),
  } = options
  if (!Number.isInteger(pageSize) || pageSize < 1) throw invalidInput('pageSize', 'must be a whole number above 0')
  const app: SlackApp = { clientId, clientSecret, redirectUri }
  const token = `xoxb-${randomHex(12)}-${randomHex(24)}`
  const received: SlackReceived[] = []
  let posted = 0
  let state: SlackState

  const begin = (): void => {
    state = createSlackState(team, channels)
    const expiresAt = rotation ? now() + SLACK_TOKEN_LIFETIME_MS : undefined
    state.tokens.set(token, { token, team, scopes, expiresAt, fault: undefined })
  }
  begin()

  const post = (message: Omit<SlackReceived, 'ts' | 'at'>, at: number): string => {
    posted += 1
    const ts = `${Math.floor(at / 1000)}.${String(posted).padStart(6, '0')}`
    received.push({ ...message, ts, at })
    return ts
  }

  const core = createFakeCore<SlackFailure, SlackOperation>({
    patterns: ['https://slack.com/api/*', 'https://hooks.slack.com/*'],
    now,
    locate: (path) => (path.startsWith('/api/') ? 'https://slack.com' : 'https://hooks.slack.com'),
    operation: ({ url }) =>
      url.hostname === 'hooks.slack.com' ? 'incoming-webhook' : url.pathname.slice('/api/'.length),
    isMessage: (operation) => operation === 'incoming-webhook' || operation === 'chat.postMessage',
    failure,
    reply(call, operation, limiter) {
      const parts = {
        state,
        call,
        limiter,
        pageSize,
        post: (message: Parameters<typeof post>[0]) => post(message, call.at),
      }
      if (operation === 'incoming-webhook') return postToWebhook(parts)
      if (operation === 'oauth.v2.access') return oauthAccess({ state, app, rotation, call })
      return callMethod(operation, parts)
    },
  })

  const firstChannel = (teamId: string): string | undefined =>
    [...state.channels.values()].find((one) => one.teamId === teamId && !one.archived)?.id

  const issueCode: SlackFake['issueCode'] = (approval = {}) => {
    checkOptions(approval, ['channelId', 'team', 'scopes', 'redirectUri'])
    const of = approval.team ?? team
    const channelId = approval.channelId ?? firstChannel(of.id)
    if (channelId !== undefined && state.channels.get(channelId)?.teamId !== of.id) {
      throw invalidInput('channelId', 'no channel of the workspace has this id')
    }
    const code = `${randomHex(12)}.${randomHex(12)}.${randomHex(32)}`
    state.codes.set(code, {
      team: of,
      channelId,
      scopes: approval.scopes ?? scopes,
      redirectUri: approval.redirectUri ?? redirectUri,
      issuedAt: now(),
    })
    return code
  }

  return {
    handlers: core.handlers,
    received,
    requests: core.requests,
    token,
    oauth: app,
    fail(failure, options) {
      if (typeof failure === 'number') checkStatus(failure)
      core.faults.add(failure, options)
    },
    rateLimit: (limit = {}) => core.limiter.set(limit),
    reset() {
      core.reset()
      received.length = 0
      begin()
    },
    async listen() {
      const server = await core.listen()
      const hosts = [new URL(server.url).host]
      const apiUrl = `${server.url}/api`
      return { ...server, options: { apiUrl, webhookHosts: hosts }, webhook: { hosts }, oauth: { ...app, apiUrl } }
    },
    issueToken: (wanted = {}) => state.issue(wanted.team ?? team, wanted.scopes ?? scopes, now(), rotation),
    issueCode,
    approve(authorizeUrl, approval = {}) {
      return approveUrl(authorizeUrl, app, (query) => {
        const asked = (query.get('scope') ?? '').split(/[ ,]/).filter((scope) => scope !== '')
        if (asked.length === 0) throw invalidInput('authorizeUrl', 'asks for no scope')
        return issueCode({ ...approval, scopes: asked, redirectUri: query.get('redirect_uri') ?? redirectUri })
      })
    },
    addChannel: (channel) => state.addChannel(channel),
    archive: (id) => state.change(id, { archived: true }),
    unarchive: (id) => state.change(id, { archived: false }),
    removeChannel(id) {
      if (!state.channels.delete(id)) throw invalidInput('id', 'no channel has this id')
    },
    join: (id) => state.change(id, { member: true }),
    leave: (id) => state.change(id, { member: false }),
    addWebhook: (channelId) => state.addWebhook(channelId).url,
    expireTokens() {
      for (const one of state.tokens.values()) one.fault ??= 'token_expired'
    },
    revokeTokens: () => state.uninstall(),
  }
}

const OPTIONS: readonly string[] = [
  'team',
  'channels',
  'scopes',
  'clientId',
  'clientSecret',
  'redirectUri',
  'rotation',
  'pageSize',
  'now',
] satisfies (keyof SlackFakeOptions)[]

function failure({ failure, retryAfter }: Fault<SlackFailure>, operation: SlackOperation): Reply {
  if (failure === 'network_error') return NETWORK_ERROR
  const headers = retryAfter === undefined ? {} : { headers: { 'retry-after': String(retryAfter) } }
  const limited = failure === 429 || failure === 'ratelimited' || failure === 'rate_limited'
  if (operation === 'incoming-webhook') {
    if (limited) return { ...webhookError('rate_limited'), ...headers }
    return { ...(typeof failure === 'string' ? webhookError(failure) : httpStatus(failure)), ...headers }
  }
  if (limited) return rateLimited(retryAfter)
  if (typeof failure === 'string') return { ...slackError(failure), ...headers }
  return { ...httpStatus(failure), ...headers }
}
