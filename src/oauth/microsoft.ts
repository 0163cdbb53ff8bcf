import { z } from 'zod'
import type { HttpPort } from '../contracts/http.ts'
import type { OAuthCallOptions, OAuthProvider } from '../contracts/oauth.ts'
import { checkOptions, invalidInput } from '../errors.ts'
import { httpError, isHttpError } from '../http/http-error.ts'
import { authorizeUrlOf, checkAuthorizeCall } from './authorize-url.ts'
import { advised, exchangeError, type OAuthFailure, providerWord, retryLater, unanswered } from './failures.ts'
import { checkBaseUrl, checkClient, checkParameter, checkScopes, type OAuthClientOptions } from './provider-options.ts'
import { type FormAnswer, formPoster } from './token-request.ts'

export interface MicrosoftOAuthOptions extends OAuthClientOptions {
  /** Who may approve: `organizations`, `common`, or one tenant by its id or domain. @default 'organizations' */
  readonly tenant?: string
  /**
   * Delegated permissions of one resource. `openid`, `profile` and `offline_access` are always asked for beside them.
   * @default of https://graph.microsoft.com/: Team.ReadBasic.All, Channel.ReadBasic.All, ChannelMessage.Send
   */
  readonly scopes?: readonly string[]
  /** @default 'https://login.microsoftonline.com' */
  readonly loginUrl?: string
  /** @default an `undiciHttp()` of its own, made at the first call */
  readonly http?: HttpPort
}

/**
 * OAuth with Microsoft's identity platform (v2.0, authorization code with PKCE and a client secret): `teamsTransport`
 * posts with what it grants, in the name of the person who approved.
 *
 * `exchange` answers a grant of the account: `externalId` is `<tenant id>.<object id>`, `accountName` the user name.
 * Both are read from the ID token. It comes from the token endpoint over TLS, which may stand in for the check of its
 * signature (OpenID Connect Core 1.0, 3.1.3.7, item 6); its audience and expiry are checked.
 *
 * `refresh`: each use gives a new refresh token, the old one stays valid, so that no outcome is `ambiguous`. What
 * Microsoft says against the client itself (`invalid_client`: a secret that has expired …) is `retry`: it is for the host
 * to mend, and no reason to have everybody approve again.
 *
 * There is no `revoke`: Microsoft can end all sessions of a person, or none. People remove the app at
 * https://myapps.microsoft.com.
 *
 * @throws SignalboxError `invalid_input` for an option; no message has the secret.
 * @example
 * const microsoft = microsoftOAuth({
 *   clientId: process.env.MICROSOFT_CLIENT_ID ?? '',
 *   clientSecret: process.env.MICROSOFT_CLIENT_SECRET ?? '',
 *   redirectUri: 'https://app.example.com/oauth/microsoft',
 * })
 * const codeVerifier = pkceVerifier() // or that of oauthStates, which has nothing to remember
 * const codeChallenge = pkceChallenge(codeVerifier)
 * const location = microsoft.authorizeUrl({ state: 'a state of oauthStates', codeChallenge }) // send the browser there
 * const grant = await microsoft.exchange('the code that it brings back', { codeVerifier })
 * const renewed = await microsoft.refresh(grant.refreshToken ?? '', { scopes: grant.scopes }) // before grant.expiresAt
 * if (!renewed.ok) console.error(renewed.outcome.kind, renewed.outcome.providerCode)
 */
export function microsoftOAuth(options: MicrosoftOAuthOptions): OAuthProvider {
  checkOptions(options, OPTIONS)
  checkClient(options)
  const { clientId, clientSecret, redirectUri, tenant = 'organizations' } = options
  if (typeof tenant !== 'string' || !/^[A-Za-z0-9][A-Za-z0-9.-]{0,252}$/.test(tenant)) {
    throw invalidInput('tenant', "must be a tenant's id or domain, 'organizations' or 'common'")
  }
  const scopes = checkScopes(options.scopes ?? GRAPH_SCOPES)
  const loginUrl = checkBaseUrl(options.loginUrl ?? 'https://login.microsoftonline.com', 'loginUrl')
  const endpoint = `${loginUrl}/${tenant}/oauth2/v2.0`
  const post = formPoster(options.http)

  const token = (form: Readonly<Record<string, string>>, now: number, call: OAuthCallOptions): Promise<FormAnswer> =>
    post({ url: `${endpoint}/token`, form: { client_id: clientId, client_secret: clientSecret, ...form } }, now, call)

  return {
    name: NAME,
    authorizeUrl(call) {
      checkAuthorizeCall(call)
      if (call.codeChallenge === undefined) {
        throw invalidInput('codeChallenge', 'is missing: Microsoft needs PKCE; `issue` of oauthStates gives it')
      }
      if (typeof call.codeChallenge !== 'string' || !/^[\w-]{43}$/.test(call.codeChallenge)) {
        throw invalidInput('codeChallenge', 'must be the S256 challenge of a PKCE verifier: 43 characters of base64url')
      }
      const own = {
        client_id: clientId,
        response_type: 'code',
        redirect_uri: redirectUri,
        response_mode: 'query',
        scope: withIdentity(call.scopes === undefined ? scopes : checkScopes(call.scopes)),
        state: call.state,
        code_challenge: call.codeChallenge,
        code_challenge_method: 'S256',
      }
      return authorizeUrlOf(`${endpoint}/authorize`, own, call.parameters)
    },
    async exchange(code, call = {}) {
      checkParameter(code, 'code')
      if (call.codeVerifier === undefined) {
        throw invalidInput('codeVerifier', 'is missing: Microsoft needs PKCE; `consume` of oauthStates gives it')
      }
      const codeVerifier = checkParameter(call.codeVerifier, 'codeVerifier', 128)
      const now = call.now ?? Date.now()
      const answer = await token(
        { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: codeVerifier },
        now,
        call,
      )
      const tokens = tokensOf(answer, now)
      if (tokens === undefined) {
        const failed = failure(answer, now, [clientSecret, code, codeVerifier])
        throw exchangeError('Microsoft', failed, fieldOf(failed))
      }
      const identity = identityOf(answer.body.id_token, clientId, now)
      if (identity === undefined) {
        const message = 'Microsoft answered without an ID token that names the account and is for this client'
        throw httpError({ code: 'invalid_response', written: true, message })
      }
      return { provider: NAME, ...identity, scopes: [], ...tokens }
    },
    async refresh(refreshToken, call = {}) {
      if (refreshToken === '') return { ok: false, outcome: { kind: 'reauthorize', code: 'token_missing' } }
      const now = call.now ?? Date.now()
      // The grant's own scopes, not those of the options: an app that has come to want more must not lose its grants.
      const scope = call.scopes === undefined || call.scopes.length === 0 ? {} : { scope: renewable(call.scopes) }
      try {
        const answer = await token({ grant_type: 'refresh_token', refresh_token: refreshToken, ...scope }, now, call)
        const tokens = tokensOf(answer, now)
        if (tokens !== undefined) return { ok: true, ...tokens }
        const failed = failure(answer, now, [clientSecret, refreshToken])
        return { ok: false, outcome: advised(failed, OPTION_AT_FAULT.get(failed.providerCode ?? '')) }
      } catch (error) {
        if (!isHttpError(error)) throw error
        const { ambiguous: _, ...outcome } = unanswered(error)
        return { ok: false, outcome }
      }
    },
  }
}

const NAME = 'microsoft'

const OPTIONS: readonly string[] = [
  'clientId',
  'clientSecret',
  'redirectUri',
  'tenant',
  'scopes',
  'loginUrl',
  'http',
] satisfies (keyof MicrosoftOAuthOptions)[]

const GRAPH_SCOPES = ['Team.ReadBasic.All', 'Channel.ReadBasic.All', 'ChannelMessage.Send'].map(
  (permission) => `https://graph.microsoft.com/${permission}`,
)

/** `openid` gives an ID token, `profile` the claims `oid` and `preferred_username`, `offline_access` a refresh token. */
const IDENTITY_SCOPES = ['openid', 'profile', 'offline_access']

function withIdentity(scopes: readonly string[]): string {
  return [...new Set([...IDENTITY_SCOPES, ...scopes])].join(' ')
}

/** Answers do not name `offline_access` among the granted scopes, but without it there is no new refresh token. */
function renewable(scopes: readonly string[]): string {
  return [...new Set([...scopes, 'offline_access'])].join(' ')
}

const text = z.string().min(1)
const Tokens = z.object({
  access_token: text,
  refresh_token: text.nullish(),
  expires_in: z.number().positive().nullish(),
  scope: z.string().nullish(),
})

interface TokenFields {
  readonly accessToken: string
  readonly refreshToken?: string
  readonly expiresAt?: number
  readonly scopes?: readonly string[]
}

function tokensOf({ status, body }: FormAnswer, now: number): TokenFields | undefined {
  const { data } = Tokens.safeParse(status === 200 ? body : undefined)
  if (data === undefined) return undefined
  const scopes = data.scope?.split(' ').filter((scope) => scope !== '') ?? []
  return {
    accessToken: data.access_token,
    ...(data.refresh_token ? { refreshToken: data.refresh_token } : {}),
    ...(data.expires_in ? { expiresAt: now + data.expires_in * 1000 } : {}),
    ...(scopes.length === 0 ? {} : { scopes }),
  }
}

const Claims = z.object({
  aud: text,
  exp: z.number(),
  tid: z.string().regex(/^[\w-]{1,64}$/),
  oid: z.string().regex(/^[\w-]{1,64}$/),
  preferred_username: z.string().nullish(),
  name: z.string().nullish(),
})

/** How far clocks may differ. */
const CLOCK_SKEW_MS = 300_000

function identityOf(
  idToken: unknown,
  clientId: string,
  now: number,
): { readonly externalId: string; readonly accountName?: string } | undefined {
  const payload = typeof idToken === 'string' ? idToken.split('.')[1] : undefined
  const { data } = Claims.safeParse(payload === undefined ? undefined : jsonOf(payload))
  if (data === undefined || data.aud !== clientId || data.exp * 1000 + CLOCK_SKEW_MS <= now) return undefined
  const accountName = data.preferred_username || data.name
  return { externalId: `${data.tid}.${data.oid}`, ...(accountName ? { accountName } : {}) }
}

function jsonOf(base64url: string): unknown {
  try {
    return JSON.parse(Buffer.from(base64url, 'base64url').toString('utf8'))
  } catch {
    return undefined
  }
}

/** The grant is dead, or wants its person: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow */
const DEAD: ReadonlySet<string> = new Set([
  'invalid_grant',
  'interaction_required',
  'consent_required',
  'login_required',
])

/** `LoopDetected`: too many equal requests in a short time. It comes as `invalid_grant`, but says nothing of the grant. */
const LOOP_DETECTED = 50196

/** Refusals for the moment. */
const PASSING: ReadonlySet<string> = new Set(['temporarily_unavailable', 'server_error'])

/** What the host set up wrongly: its options, or its app at Microsoft. */
const OPTION_AT_FAULT: ReadonlyMap<string, keyof MicrosoftOAuthOptions> = new Map([
  ['invalid_client', 'clientSecret'],
  ['unauthorized_client', 'clientId'],
  ['invalid_scope', 'scopes'],
  ['invalid_resource', 'scopes'],
])

function failure(answer: FormAnswer, now: number, secrets: readonly string[]): OAuthFailure {
  const { status, body } = answer
  const word = status === 200 ? undefined : providerWord(body.error, secrets)
  const number = errorNumber(body.error_codes)
  // The description itself names people, and tenants: the number says as much, and can be looked up.
  const detail = number === undefined ? undefined : `AADSTS${number}`
  if (word !== undefined && DEAD.has(word) && number !== LOOP_DETECTED) {
    const code = word === 'consent_required' ? 'missing_scope' : 'token_revoked'
    return { kind: 'reauthorize', code, status, providerCode: word, ...(detail === undefined ? {} : { detail }) }
  }
  const later = retryLater(answer, word, now, detail)
  return number === LOOP_DETECTED ? { ...later, code: 'rate_limited' } : later
}

function errorNumber(codes: unknown): number | undefined {
  const first: unknown = Array.isArray(codes) ? codes[0] : undefined
  return typeof first === 'number' && Number.isSafeInteger(first) && first > 0 ? first : undefined
}

/** What of the call or the options a refused exchange is about; `undefined`: about none, it was refused for the moment. */
function fieldOf({ code, providerCode }: OAuthFailure): string | undefined {
  if (providerCode === undefined || PASSING.has(providerCode)) return undefined
  if (code === 'http_5xx' || code === 'rate_limited') return undefined
  return OPTION_AT_FAULT.get(providerCode) ?? 'code'
}
