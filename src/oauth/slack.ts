import { z } from 'zod'
import type { HttpPort } from '../contracts/http.ts'
import type { OAuthCallOptions, OAuthGrant, OAuthProvider, RefreshResult } from '../contracts/oauth.ts'
import type { OutcomeCode } from '../contracts/outcome.ts'
import { checkOptions } from '../errors.ts'
import { isHttpError } from '../http/http-error.ts'
import { authorizeUrlOf, checkAuthorizeCall } from './authorize-url.ts'
import { advised, exchangeError, type OAuthFailure, providerWord, retryLater, unanswered } from './failures.ts'
import {
  checkBaseUrl,
  checkClient,
  checkParameter,
  checkScopes,
  checkUrl,
  type OAuthClientOptions,
} from './provider-options.ts'
import { type FormAnswer, formPoster } from './token-request.ts'

export interface SlackOAuthOptions extends OAuthClientOptions {
  /**
   * Scopes of the bot. `incoming-webhook` makes Slack ask for a channel; `chat:write.public` lets the bot post to public
   * channels that it is no member of. `connections.channels`, for a choice of channels on a settings page, needs
   * `channels:read`, and `groups:read` for private ones: without, it throws `conflict`.
   * @default ['chat:write', 'incoming-webhook']
   */
  readonly scopes?: readonly string[]
  /** @default 'https://slack.com/api' */
  readonly apiUrl?: string
  /** @default 'https://slack.com/oauth/v2/authorize' */
  readonly authorizeUrl?: string
  /** @default an `undiciHttp()` of its own, made at the first call */
  readonly http?: HttpPort
}

/**
 * OAuth with Slack (v2, bot tokens, with or without token rotation): `slackTransport` posts with what it grants.
 *
 * `exchange` answers a grant of the workspace (`externalId`: the team's id, or the enterprise's where the app was
 * installed for a whole organisation), whose `config` has the workspace and the channel that was picked.
 *
 * `refresh` uses a refresh token up: where nobody knows whether Slack got that far, the outcome is `ambiguous`. What
 * Slack says against the client itself (`bad_client_secret`, `invalid_client_id` …) is `retry`: a wrong setting would
 * else suspend every connection of every organisation, and each of them would have to approve again.
 *
 * `revoke` ends one token: of two connections to one workspace both stop. `storedTokens` sees to that.
 *
 * @throws SignalboxError `invalid_input` for an option; no message has the secret.
 * @example
 * const slack = slackOAuth({
 *   clientId: process.env.SLACK_CLIENT_ID ?? '',
 *   clientSecret: process.env.SLACK_CLIENT_SECRET ?? '',
 *   redirectUri: 'https://app.example.com/oauth/slack',
 * })
 * const location = slack.authorizeUrl({ state: 'a state of oauthStates' }) // send the browser there
 * const grant = await slack.exchange('the code that it brings back')
 * const renewed = await slack.refresh(grant.refreshToken ?? '') // with token rotation, before grant.expiresAt
 * if (!renewed.ok) console.error(renewed.outcome.kind, renewed.outcome.providerCode)
 */
export function slackOAuth(options: SlackOAuthOptions): OAuthProvider {
  checkOptions(options, OPTIONS)
  checkClient(options)
  const { clientId, clientSecret, redirectUri } = options
  const scopes = checkScopes(options.scopes ?? ['chat:write', 'incoming-webhook'])
  const apiUrl = checkBaseUrl(options.apiUrl ?? 'https://slack.com/api', 'apiUrl')
  const authorizeUrl = checkUrl(options.authorizeUrl ?? 'https://slack.com/oauth/v2/authorize', 'authorizeUrl')
  const post = formPoster(options.http)
  const authorization = `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`

  const access = (form: Readonly<Record<string, string>>, now: number, call: OAuthCallOptions): Promise<FormAnswer> =>
    post({ url: `${apiUrl}/oauth.v2.access`, form, headers: { authorization } }, now, call)

  async function refresh(refreshToken: string, call: OAuthCallOptions = {}): Promise<RefreshResult> {
    if (refreshToken === '') return { ok: false, outcome: { kind: 'reauthorize', code: 'token_missing' } }
    const now = call.now ?? Date.now()
    try {
      const answer = await access({ grant_type: 'refresh_token', refresh_token: refreshToken }, now, call)
      const tokens = answer.body.ok === true ? Tokens.safeParse(answer.body) : undefined
      if (tokens?.success === true) return { ok: true, ...fromTokens(tokens.data, now) }
      const failed = failure(answer, now, [clientSecret, refreshToken])
      return { ok: false, outcome: advised(failed, OPTION_AT_FAULT.get(failed.providerCode ?? '')) }
    } catch (error) {
      if (isHttpError(error)) return { ok: false, outcome: unanswered(error) }
      throw error
    }
  }

  /** The error word of `auth.revoke`; `''`: it is revoked. */
  async function revokeToken(token: string, now: number, call: OAuthCallOptions): Promise<unknown> {
    try {
      const url = `${apiUrl}/auth.revoke`
      const { body } = await post({ url, form: {}, headers: { authorization: `Bearer ${token}` } }, now, call)
      return body.ok === true && body.revoked !== false ? '' : body.error
    } catch (error) {
      if (isHttpError(error)) return undefined
      throw error
    }
  }

  return {
    name: NAME,
    authorizeUrl(call) {
      checkAuthorizeCall(call)
      const scope = (call.scopes === undefined ? scopes : checkScopes(call.scopes)).join(',')
      const own = { client_id: clientId, scope, redirect_uri: redirectUri, state: call.state }
      return authorizeUrlOf(authorizeUrl, own, call.parameters)
    },
    async exchange(code, call = {}) {
      checkParameter(code, 'code')
      const now = call.now ?? Date.now()
      const answer = await access({ code, redirect_uri: redirectUri }, now, call)
      const installed = answer.body.ok === true ? Installation.safeParse(answer.body) : undefined
      const account = installed?.data?.team ?? installed?.data?.enterprise
      if (installed?.success === true && account) return grantOf(installed.data, account, now)
      const failed = failure(answer, now, [clientSecret, code])
      throw exchangeError('Slack', failed, fieldOf(failed))
    },
    refresh,
    async revoke({ accessToken, refreshToken }, call = {}) {
      const now = call.now ?? Date.now()
      let word = await revokeToken(accessToken, now, call)
      // With rotation the token that was kept has often expired, while the grant lives on in its refresh token.
      if (word === 'token_expired' && refreshToken !== undefined) {
        const renewed = await refresh(refreshToken, call)
        if (!renewed.ok) return renewed.outcome.kind === 'reauthorize'
        word = await revokeToken(renewed.accessToken, now, call)
      }
      return word === '' || word === 'token_revoked' || word === 'account_inactive'
    },
  }
}

const NAME = 'slack'

const OPTIONS: readonly string[] = [
  'clientId',
  'clientSecret',
  'redirectUri',
  'scopes',
  'apiUrl',
  'authorizeUrl',
  'http',
] satisfies (keyof SlackOAuthOptions)[]

const text = z.string().min(1)
const Account = z.object({ id: text, name: z.string().nullish() })
const Tokens = z.object({
  access_token: text,
  /** With token rotation only, both. */
  refresh_token: text.nullish(),
  expires_in: z.number().positive().nullish(),
  scope: z.string().nullish(),
})
const Installation = Tokens.extend({
  /** `null` where the app was installed for a whole organisation. */
  team: Account.nullish(),
  enterprise: Account.nullish(),
  incoming_webhook: z.object({ channel: z.string().nullish(), channel_id: text, url: text }).nullish(),
})

type RefreshedTokens = Omit<Extract<RefreshResult, { ok: true }>, 'ok'>

function fromTokens(tokens: z.output<typeof Tokens>, now: number): RefreshedTokens {
  return {
    accessToken: tokens.access_token,
    ...(tokens.refresh_token ? { refreshToken: tokens.refresh_token } : {}),
    ...(tokens.expires_in ? { expiresAt: now + tokens.expires_in * 1000 } : {}),
    ...(tokens.scope ? { scopes: tokens.scope.split(',') } : {}),
  }
}

function grantOf(installed: z.output<typeof Installation>, account: z.output<typeof Account>, now: number): OAuthGrant {
  const { incoming_webhook: webhook } = installed
  const name = account.name ? account.name : undefined
  const channel = webhook && {
    channelId: webhook.channel_id,
    ...(webhook.channel ? { channelName: webhook.channel } : {}),
    webhookUrl: webhook.url,
    // The URL posts to this channel for good, also when the connection is given another one.
    webhookChannelId: webhook.channel_id,
  }
  return {
    provider: NAME,
    externalId: account.id,
    ...(name === undefined ? {} : { accountName: name }),
    scopes: [],
    ...fromTokens(installed, now),
    config: { workspaceId: account.id, ...(name === undefined ? {} : { workspaceName: name }), ...channel },
  }
}

/** The grant is dead: nothing but a new approval helps. */
const DEAD: ReadonlyMap<string, OutcomeCode> = new Map([
  ['invalid_refresh_token', 'token_revoked'],
  ['invalid_grant', 'token_revoked'],
  ['token_revoked', 'token_revoked'],
  ['token_expired', 'token_expired'],
  ['invalid_auth', 'token_revoked'],
  ['not_authed', 'token_revoked'],
  ['account_inactive', 'token_revoked'],
  ['missing_scope', 'missing_scope'],
  ['no_permission', 'missing_scope'],
  ['not_allowed_token_type', 'token_revoked'],
  ['two_factor_setup_required', 'token_revoked'],
  ['app_access_restricted', 'token_revoked'],
])

/** It says of itself that part of it may have been done. */
const MAYBE_DONE: ReadonlySet<string> = new Set(['fatal_error', 'internal_error'])

const RATE_LIMITED: ReadonlySet<string> = new Set(['ratelimited', 'rate_limited'])

/** The workspace is being moved, or its new organisation waits for a login. */
const LONG: ReadonlySet<string> = new Set(['team_added_to_org', 'org_login_required'])
const LONG_WAIT_MS = 3_600_000

/** Refusals for the moment, which say nothing of the code. */
const PASSING: ReadonlySet<string> = new Set([
  ...MAYBE_DONE,
  ...RATE_LIMITED,
  ...LONG,
  'service_unavailable',
  'request_timeout',
])

/** What the host set up wrongly: its options or its app at Slack. */
const OPTION_AT_FAULT: ReadonlyMap<string, keyof SlackOAuthOptions> = new Map([
  ['bad_client_secret', 'clientSecret'],
  ['invalid_client_id', 'clientId'],
  ['bad_redirect_uri', 'redirectUri'],
  ['oauth_authorization_url_mismatch', 'authorizeUrl'],
  ['invalid_scope', 'scopes'],
  ['no_scopes', 'scopes'],
])

/** Slack answers 200 also where it refuses: then `ok` is false, and `error` a word. */
function failure(answer: FormAnswer, now: number, secrets: readonly string[]): OAuthFailure {
  const { status } = answer
  const word = answer.body.ok === true ? undefined : providerWord(answer.body.error, secrets)
  const dead = word === undefined ? undefined : DEAD.get(word)
  if (word !== undefined && dead !== undefined) return { kind: 'reauthorize', code: dead, status, providerCode: word }

  const later = retryLater(answer, word, now, undefined)
  if (word !== undefined && RATE_LIMITED.has(word)) return { ...later, code: 'rate_limited' }
  if (word !== undefined && LONG.has(word)) return { retryAfterMs: LONG_WAIT_MS, ...later }
  return isMaybeDone(status, word) ? { ...later, ambiguous: true } : later
}

function isMaybeDone(status: number, word: string | undefined): boolean {
  if (word !== undefined) return MAYBE_DONE.has(word)
  // 503: it was not taken on (RFC 9110, 15.6.4). A success that cannot be read is one all the same.
  return (status >= 500 && status !== 503) || (status >= 200 && status < 300)
}

/** What of the call or the options a refused exchange is about; `undefined`: about none, it was refused for the moment. */
function fieldOf({ code, providerCode }: OAuthFailure): string | undefined {
  if (providerCode === undefined || PASSING.has(providerCode)) return undefined
  if (code === 'http_5xx' || code === 'rate_limited') return undefined
  return OPTION_AT_FAULT.get(providerCode) ?? 'code'
}
