import { createHash, randomUUID } from 'node:crypto'
import type { Call, Reply } from './fake.ts'
import type { MicrosoftState } from './microsoft-state.ts'
import { clientCredentials, formOf, type JsonObject, mediaType } from './values.ts'

/** The app's registration in Entra ID. */
export interface MicrosoftApp {
  readonly clientId: string
  readonly clientSecret: string
  readonly redirectUri: string
}

export interface MicrosoftTokenParts {
  readonly state: MicrosoftState
  readonly app: MicrosoftApp
  readonly tenantId: string
  readonly user: { readonly id: string; readonly displayName: string; readonly userPrincipalName: string }
  readonly call: Call
}

/** Codes are good for ten minutes (learn.microsoft.com, "OAuth 2.0 authorization code flow"). */
const CODE_LIFETIME_MS = 600_000

/** An error of the token endpoint; `number`: Entra's own (`AADSTS…`). */
export function loginError(error: string, number: number, description: string, status = 400): Reply {
  const json = {
    error,
    error_description: `AADSTS${number}: ${description}`,
    error_codes: [number],
    timestamp: '2026-01-01 00:00:00Z',
    trace_id: randomUUID(),
    correlation_id: randomUUID(),
  }
  return { status, json, error }
}

/** `POST /{tenant}/oauth2/v2.0/token`: a code or a refresh token becomes tokens. */
export function tokenEndpoint(parts: MicrosoftTokenParts): Reply {
  const { call, app, tenantId } = parts
  const tenant = decodeURIComponent(call.url.pathname.split('/')[1] ?? '')
  if (!['organizations', 'common', tenantId].includes(tenant)) {
    return loginError('invalid_request', 90002, `Tenant '${tenant}' not found.`)
  }
  if (call.method !== 'POST' || mediaType(call.headers) !== 'application/x-www-form-urlencoded') {
    return loginError('invalid_request', 900144, 'The request body must be a form with the parameter grant_type.')
  }
  const form = formOf(call.text)
  const client = clientCredentials(call.headers, form)
  if (client.id !== app.clientId) return loginError('unauthorized_client', 700016, 'Application was not found.')
  if (client.secret !== app.clientSecret) {
    return loginError('invalid_client', 7000215, 'Invalid client secret provided.', 401)
  }
  const grantType = form.get('grant_type')
  if (grantType === 'authorization_code') return redeem(parts, form)
  if (grantType === 'refresh_token') return refresh(parts, form)
  return loginError('unsupported_grant_type', 70003, 'The app requested an unsupported grant type.')
}

function redeem(parts: MicrosoftTokenParts, form: URLSearchParams): Reply {
  const code = parts.state.codes.get(form.get('code') ?? '')
  if (code === undefined) return loginError('invalid_grant', 9002313, 'The code is malformed or unknown.')
  if (code.used) return loginError('invalid_grant', 54005, 'OAuth2 Authorization code was already redeemed.')
  if (code.issuedAt + CODE_LIFETIME_MS <= parts.call.at) {
    return loginError('invalid_grant', 70008, 'The provided authorization code is expired.')
  }
  if (form.get('redirect_uri') !== code.redirectUri) {
    return loginError('invalid_grant', 500112, 'The reply address does not match that of the authorization request.')
  }
  const verifier = form.get('code_verifier')
  if (code.codeChallenge !== undefined && verifier === null) {
    return loginError('invalid_grant', 501481, 'The code_verifier is missing.')
  }
  if ((code.codeChallenge ?? challengeOf(verifier)) !== challengeOf(verifier)) {
    return loginError('invalid_grant', 501481, 'The code_verifier does not match the code_challenge.')
  }
  code.used = true
  return tokens(parts, code.scopes)
}

function refresh(parts: MicrosoftTokenParts, form: URLSearchParams): Reply {
  const held = parts.state.refreshTokens.get(form.get('refresh_token') ?? '')
  if (held === undefined) return loginError('invalid_grant', 9002313, 'The refresh token is malformed or unknown.')
  if (held.revoked) return loginError('invalid_grant', 50173, 'The provided grant has been revoked.')
  const asked = (form.get('scope') ?? '').split(' ').filter((scope) => scope !== '')
  const more = asked.map(shortScope).filter((scope) => !held.scopes.includes(scope))
  if (more.length > 0)
    return loginError('invalid_grant', 65001, 'The user has not consented to the permissions asked for.')
  return tokens(parts, held.scopes)
}

function challengeOf(verifier: string | null): string | undefined {
  return verifier === null ? undefined : createHash('sha256').update(verifier).digest('base64url')
}

function tokens({ state, app, tenantId, user, call }: MicrosoftTokenParts, scopes: readonly string[]): Reply {
  const { accessToken, expiresAt } = state.issueToken(scopes, call.at)
  const seconds = Math.round((expiresAt - call.at) / 1000)
  const claims = {
    aud: app.clientId,
    iss: `https://login.microsoftonline.com/${tenantId}/v2.0`,
    iat: Math.floor(call.at / 1000),
    exp: Math.floor(expiresAt / 1000),
    tid: tenantId,
    oid: user.id,
    name: user.displayName,
    preferred_username: user.userPrincipalName,
    ver: '2.0',
  }
  const json = {
    token_type: 'Bearer',
    scope: scopes
      .filter((scope) => scope !== 'offline_access')
      .map(longScope)
      .join(' '),
    expires_in: seconds,
    ext_expires_in: seconds,
    access_token: accessToken,
    ...(scopes.includes('offline_access') ? { refresh_token: state.issueRefreshToken(scopes) } : {}),
    ...(scopes.includes('openid') ? { id_token: unsignedJwt(claims) } : {}),
  }
  return { status: 200, json, headers: { 'cache-control': 'no-store, no-cache' } }
}

function unsignedJwt(claims: JsonObject): string {
  const part = (value: JsonObject): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ typ: 'JWT', alg: 'none' })}.${part(claims)}.`
}

const GRAPH_SCOPE = 'https://graph.microsoft.com/'

export function shortScope(scope: string): string {
  return scope.startsWith(GRAPH_SCOPE) ? scope.slice(GRAPH_SCOPE.length) : scope
}

/** Those of OpenID Connect have no resource. */
function longScope(scope: string): string {
  return ['openid', 'profile', 'email'].includes(scope) ? scope : GRAPH_SCOPE + scope
}
