import { randomUUID } from 'node:crypto'
import { checkOptions, invalidInput } from '../../errors.ts'
import { approveUrl, type Redirect } from './approve.ts'
import { createFakeCore, type Fake } from './fake.ts'
import { callGraph, type GraphParts, graphOperation, type TeamsReceived } from './graph.ts'
import type { Loopback } from './loopback.ts'
import {
  createMicrosoftState,
  MICROSOFT_TOKEN_LIFETIME_MS,
  type MicrosoftState,
  type MicrosoftUser,
  type TeamsChannel,
  type TeamsChannelInput,
  type TeamsTeam,
  type TeamsTeamInput,
} from './microsoft-state.ts'
import { type MicrosoftApp, shortScope, tokenEndpoint } from './microsoft-token.ts'
import { checkTeamsFailure, type TeamsFailure, type TeamsOperation, teamsFailure } from './teams-failure.ts'
import { postToWorkflow } from './teams-workflow.ts'
import { randomHex } from './values.ts'
import { cardText } from './visible-text.ts'

export interface TeamsFakeOptions {
  /** @default one team `{ id: 'team-1', displayName: 'Privacy' }` with the channel `19:general@thread.tacv2`, General */
  readonly teams?: readonly TeamsTeamInput[]
  /** The directory. @default generated */
  readonly tenantId?: string
  readonly user?: MicrosoftUser
  /** Of tokens and codes for which nothing else is said; without `https://graph.microsoft.com/`. @default all that signalbox uses */
  readonly scopes?: readonly string[]
  /** @default generated */
  readonly clientId?: string
  /** @default generated */
  readonly clientSecret?: string
  /** @default 'https://app.example.com/oauth/microsoft' */
  readonly redirectUri?: string
  /** At most so many entries on a page of a list; more come by `@odata.nextLink`. @default 1000 */
  readonly pageSize?: number
  /** Epoch ms. @default Date.now */
  readonly now?: () => number
}

export interface TeamsListening extends Loopback {
  /** For `teamsTransport`. */
  readonly options: { readonly graphUrl: string }
  /** For `teamsWorkflowTransport`; `link` turns the URL of a workflow into its address here. */
  readonly workflow: { readonly hosts: readonly string[] }
  /** For `microsoftOAuth`. */
  readonly oauth: MicrosoftApp & { readonly loginUrl: string }
}

export interface TeamsFake extends Fake<TeamsReceived, TeamsFailure, TeamsOperation, TeamsListening> {
  /** An access token of the user with `scopes`, good for an hour. */
  readonly token: string
  readonly tenantId: string
  readonly user: Required<MicrosoftUser>
  /** For `microsoftOAuth`. */
  readonly oauth: MicrosoftApp
  issueToken(options?: { readonly scopes?: readonly string[] }): {
    readonly accessToken: string
    readonly expiresAt: number
  }
  /** The code that comes back when a person approved, good for ten minutes and one use. */
  issueCode(options?: {
    readonly scopes?: readonly string[]
    readonly redirectUri?: string
    /** S256 (RFC 7636): the exchange then needs the verifier. */
    readonly codeChallenge?: string
  }): string
  /**
   * Plays the person to whom the app showed its authorize URL, and who approves.
   * @throws SignalboxError `invalid_input` where Microsoft would show an error instead of the form.
   */
  approve(authorizeUrl: string): Redirect
  addTeam(team: TeamsTeamInput): TeamsTeam
  addChannel(teamId: string, channel: TeamsChannelInput): TeamsChannel
  removeTeam(teamId: string): void
  removeChannel(teamId: string, channelId: string): void
  /** A Workflows webhook; answers its URL at logic.azure.com. */
  addWorkflow(): string
  removeWorkflow(url: string): void
  /** Every access token that is out has expired. Refresh tokens stay. */
  expireTokens(): void
  /** The person's consent was taken back: access and refresh tokens are dead. */
  revokeTokens(): void
}

const SCOPES = [
  'openid',
  'profile',
  'offline_access',
  'User.Read',
  'Team.ReadBasic.All',
  'Channel.ReadBasic.All',
  'ChannelMessage.Send',
]

/**
 * A Microsoft that lives in the test: Graph's joined teams, channels and channel messages, the token endpoint with PKCE,
 * and Workflows webhooks. It refuses what Microsoft refuses, in Graph's form: tokens, scopes, teams and channels that are
 * not there, attachments without marker, cards that Teams can't show, messages above 28 KB.
 *
 * @example
 * ```ts
 * const teams = teamsFake()
 * const server = setupServer(...teams.handlers)
 * server.listen()
 * const dispatcher = createDispatcher({
 *   store: memoryStore(),
 *   transports: [teamsTransport()],
 *   tokens: { get: async () => ({ ok: true, token: teams.token }) },
 *   http: fetchHttp(),
 * })
 * await dispatcher.connections.create({
 *   orgId: 'org_1',
 *   transport: 'teams',
 *   config: { teamId: 'team-1', channelId: '19:general@thread.tacv2' },
 * })
 * const event = { orgId: 'org_1', type: 'policy_published', title: 'Published', body: '', href: 'https://app.example.com' }
 * await dispatcher.dispatch(event, { wait: true })
 * console.log(teams.received.map(({ text }) => text)) // [ 'Published\norg_1\nOpen' ]
 * ```
 * @throws SignalboxError `invalid_input` for options that break a rule.
 */
export function teamsFake(options: TeamsFakeOptions = {}): TeamsFake {
  checkOptions(options, OPTIONS)
  const {
    teams = [
      { id: 'team-1', displayName: 'Privacy', channels: [{ id: '19:general@thread.tacv2', displayName: 'General' }] },
    ],
    tenantId = randomUUID(),
    scopes = SCOPES,
    clientId = randomUUID(),
    clientSecret = randomHex(40),
    redirectUri = 'https://app.example.com/oauth/microsoft',
    pageSize = 1000,
    now = () => Date.now(),
  } = options
  if (!Number.isInteger(pageSize) || pageSize < 1) throw invalidInput('pageSize', 'must be a whole number above 0')
  const user: Required<MicrosoftUser> = {
    id: randomUUID(),
    displayName: 'Alex Wilber',
    userPrincipalName: 'alex@acme.example',
    ...options.user,
  }
  const app: MicrosoftApp = { clientId, clientSecret, redirectUri }
  const token = `eyJ0eXAiOiJKV1QifQ.${randomHex(64)}.${randomHex(64)}`
  const received: TeamsReceived[] = []
  let state: MicrosoftState

  const begin = (): void => {
    state = createMicrosoftState(teams)
    state.tokens.set(token, { scopes, expiresAt: now() + MICROSOFT_TOKEN_LIFETIME_MS, revoked: false })
  }
  begin()

  const post = (message: Parameters<GraphParts['post']>[0], at: number): string => {
    // Graph's ids are the instant; two of one millisecond differ all the same
    const latest = Number(received.at(-1)?.id ?? 0)
    const id = String(Math.max(at, latest + 1))
    received.push({ ...message, text: cardText(message.card), id, at })
    return id
  }

  const core = createFakeCore<TeamsFailure, TeamsOperation>({
    patterns: [
      'https://graph.microsoft.com/v1.0/*',
      'https://login.microsoftonline.com/*',
      'https://*.logic.azure.com/*',
      'https://*.environment.api.powerplatform.com/*',
    ],
    now,
    locate(path) {
      if (path.startsWith('/v1.0/')) return 'https://graph.microsoft.com'
      if (path.startsWith('/workflows/')) return 'https://prod-00.westeurope.logic.azure.com'
      return 'https://login.microsoftonline.com'
    },
    operation(call) {
      if (call.url.hostname === 'graph.microsoft.com') return graphOperation(call)
      return call.url.hostname === 'login.microsoftonline.com' ? 'token' : 'workflow'
    },
    isMessage: (operation) => operation === 'send-message' || operation === 'workflow',
    failure: teamsFailure,
    reply(call, operation, limiter) {
      const parts = {
        state,
        call,
        limiter,
        user,
        pageSize,
        post: (message: Parameters<typeof post>[0]) => post(message, call.at),
      }
      if (operation === 'workflow') return postToWorkflow(parts)
      if (operation !== 'token') return callGraph(operation, parts)
      if (!/^\/[^/]+\/oauth2\/v2\.0\/token$/.test(call.url.pathname)) return { status: 404, error: 'NotFound' }
      return tokenEndpoint({ state, app, tenantId, user, call })
    },
  })

  const issueCode: TeamsFake['issueCode'] = (approval = {}) => {
    checkOptions(approval, ['scopes', 'redirectUri', 'codeChallenge'])
    const code = `0.A${randomHex(60)}`
    state.codes.set(code, {
      scopes: approval.scopes ?? scopes,
      redirectUri: approval.redirectUri ?? redirectUri,
      codeChallenge: approval.codeChallenge,
      issuedAt: now(),
      used: false,
    })
    return code
  }

  return {
    handlers: core.handlers,
    received,
    requests: core.requests,
    token,
    tenantId,
    user,
    oauth: app,
    fail(failure, options) {
      checkTeamsFailure(failure)
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
      return {
        ...server,
        options: { graphUrl: `${server.url}/v1.0` },
        workflow: { hosts: [new URL(server.url).host] },
        oauth: { ...app, loginUrl: server.url },
      }
    },
    issueToken: (wanted = {}) => state.issueToken(wanted.scopes ?? scopes, now()),
    issueCode,
    approve(authorizeUrl) {
      return approveUrl(authorizeUrl, app, (query) => {
        const asked = (query.get('scope') ?? '').split(' ').filter((scope) => scope !== '')
        if (asked.length === 0) throw invalidInput('authorizeUrl', 'asks for no scope')
        if (query.get('response_type') !== 'code') throw invalidInput('authorizeUrl', 'must have response_type=code')
        const challenge = query.get('code_challenge')
        if (challenge !== null && query.get('code_challenge_method') !== 'S256') {
          throw invalidInput('authorizeUrl', 'must have code_challenge_method=S256')
        }
        return issueCode({
          scopes: asked.map(shortScope),
          redirectUri: query.get('redirect_uri') ?? redirectUri,
          ...(challenge === null ? {} : { codeChallenge: challenge }),
        })
      })
    },
    addTeam: (team) => state.addTeam(team),
    addChannel: (teamId, channel) => state.addChannel(teamId, channel),
    removeTeam(teamId) {
      if (!state.teams.delete(teamId)) throw invalidInput('teamId', 'no team has this id')
    },
    removeChannel(teamId, channelId) {
      if (state.teams.get(teamId)?.channels.delete(channelId) !== true) {
        throw invalidInput('channelId', 'no channel of the team has this id')
      }
    },
    addWorkflow: () => state.addWorkflow(),
    removeWorkflow(url) {
      if (!state.workflows.delete(new URL(url).pathname)) throw invalidInput('url', 'no workflow has this URL')
    },
    expireTokens() {
      for (const one of state.tokens.values()) one.expiresAt = Number.NEGATIVE_INFINITY
    },
    revokeTokens() {
      for (const one of state.tokens.values()) one.revoked = true
      for (const one of state.refreshTokens.values()) one.revoked = true
    },
  }
}

const OPTIONS: readonly string[] = [
  'teams',
  'tenantId',
  'user',
  'scopes',
  'clientId',
  'clientSecret',
  'redirectUri',
  'pageSize',
  'now',
] satisfies (keyof TeamsFakeOptions)[]
