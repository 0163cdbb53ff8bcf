import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import type { HttpPort } from '../../src/contracts/http.ts'
import { httpError } from '../../src/http/index.ts'
import { type SlackOAuthOptions, slackOAuth } from '../../src/oauth/index.ts'
import type { Answer } from '../support/receiver.ts'
import {
  ACCESS_TOKEN,
  CLIENT_ID,
  CLIENT_SECRET,
  CODE,
  holdNoSecrets,
  json,
  NOW,
  PORTS,
  REDIRECT_URI,
  REFRESH_TOKEN,
  rejection,
  service,
  shown,
} from './support.ts'

const BASIC = `Basic ${Buffer.from(`${CLIENT_ID}:${CLIENT_SECRET}`).toString('base64')}`
const HOOK = 'https://hooks.slack.com/services/T1/B1/canary'

/** As in Slack's documentation of oauth.v2.access. */
const INSTALLED = {
  ok: true,
  access_token: ACCESS_TOKEN,
  token_type: 'bot',
  scope: 'chat:write,incoming-webhook',
  bot_user_id: 'U0KRQLJ9H',
  app_id: 'A0KRD7HC3',
  team: { name: 'Acme', id: 'T9TK3CUKW' },
  enterprise: null,
  is_enterprise_install: false,
  authed_user: { id: 'U1234' },
  incoming_webhook: {
    channel: '#general',
    channel_id: 'C05002EAE',
    configuration_url: 'https://acme.slack.com/services/B1',
    url: HOOK,
  },
}
const ROTATED = {
  ok: true,
  access_token: 'xoxe.xoxb-1-new',
  expires_in: 43_200,
  refresh_token: 'xoxe-1-new',
  token_type: 'bot',
  scope: 'chat:write,incoming-webhook',
}

holdNoSecrets([CLIENT_SECRET, CODE, REFRESH_TOKEN, ACCESS_TOKEN, HOOK])

const OPTIONS: SlackOAuthOptions = { clientId: CLIENT_ID, clientSecret: CLIENT_SECRET, redirectUri: REDIRECT_URI }
const [, undici] = PORTS[0] ?? []

async function slackAt(...answers: readonly Answer[]) {
  const port = undici?.()
  if (port === undefined) throw new Error('no port')
  const { url, requests } = await service(...answers)
  return { slack: slackOAuth({ ...OPTIONS, apiUrl: `${url}/api/`, http: port.http }), requests, advance: port.advance }
}

const refusal = (word: string): Answer => json({ ok: false, error: word })
const refreshed = async (...answers: readonly Answer[]) => {
  const { slack } = await slackAt(...answers)
  return shown(await slack.refresh(REFRESH_TOKEN, { now: NOW }))
}

describe('where people approve at Slack', () => {
  const query = (url: string) => Object.fromEntries(new URL(url).searchParams)

  it('names the client, the scopes, the way back and the state, no secret, and nothing that is for the browser', () => {
    const url = shown(slackOAuth(OPTIONS).authorizeUrl({ state: 'a b.c', codeChallenge: 'unused', nonce: 'n' }))
    expect(url.split('?')[0]).toBe('https://slack.com/oauth/v2/authorize')
    expect(query(url)).toEqual({
      client_id: CLIENT_ID,
      scope: 'chat:write,incoming-webhook',
      redirect_uri: REDIRECT_URI,
      state: 'a b.c',
    })
    expect(url).toContain('state=a%20b.c')
  })

  it('takes other scopes and further parameters, but not in place of its own', () => {
    const slack = slackOAuth({
      ...OPTIONS,
      scopes: ['chat:write'],
      authorizeUrl: 'https://slack-gov.com/authorize?x=1',
    })
    expect(query(slack.authorizeUrl({ state: 's', parameters: { team: 'T1', user_scope: '' } }))).toEqual({
      x: '1',
      team: 'T1',
      user_scope: '',
      client_id: CLIENT_ID,
      scope: 'chat:write',
      redirect_uri: REDIRECT_URI,
      state: 's',
    })
    expect(query(slack.authorizeUrl({ state: 's', scopes: ['chat:write', 'channels:read'] })).scope).toBe(
      'chat:write,channels:read',
    )
    const call = (options: object) => () => slack.authorizeUrl({ state: 's', ...options })
    expect(call({ parameters: { state: 'other' } })).toThrow('parameters.state')
    expect(call({ scopes: [] })).toThrow('scopes')
    expect(call({ state: '' })).toThrow('state')
    expect(call({ scope: 'x' })).toThrow('scope: is not an option')
  })
})

describe.each(PORTS)('a code of Slack, over %s', (_name, makePort) => {
  it('becomes a grant of the workspace with the channel that was picked', async () => {
    const { url, requests } = await service(json(INSTALLED))
    const slack = slackOAuth({ ...OPTIONS, apiUrl: `${url}/api` })
    const grant = await slack.exchange(CODE, { now: NOW, http: makePort().http, codeVerifier: 'unused' })

    expect(grant).toEqual({
      provider: 'slack',
      externalId: 'T9TK3CUKW',
      accountName: 'Acme',
      accessToken: ACCESS_TOKEN,
      scopes: ['chat:write', 'incoming-webhook'],
      config: {
        workspaceId: 'T9TK3CUKW',
        workspaceName: 'Acme',
        channelId: 'C05002EAE',
        channelName: '#general',
        webhookUrl: HOOK,
        webhookChannelId: 'C05002EAE',
      },
    })
    expect(requests).toHaveLength(1)
    expect(requests[0]).toMatchObject({
      method: 'POST',
      path: '/api/oauth.v2.access',
      headers: {
        authorization: BASIC,
        accept: 'application/json',
        'content-type': 'application/x-www-form-urlencoded',
      },
    })
    expect(requests[0]?.body.toString()).toBe(
      'code=4724469134.code%2B%2F%3D%2520-canary' +
        '&redirect_uri=https%3A%2F%2Fapp.example.com%2Foauth%2Fcallback%3Ffrom%3Dapp',
    )
  })

  it('is refreshed with the same client, by a form of the grant type and the token', async () => {
    const { url, requests } = await service(json(ROTATED))
    const slack = slackOAuth({ ...OPTIONS, apiUrl: `${url}/api`, http: makePort().http })
    expect(await slack.refresh(REFRESH_TOKEN, { now: NOW, scopes: ['chat:write'] })).toEqual({
      ok: true,
      accessToken: 'xoxe.xoxb-1-new',
      refreshToken: 'xoxe-1-new',
      expiresAt: NOW + 43_200_000,
      scopes: ['chat:write', 'incoming-webhook'],
    })
    expect(requests[0]).toMatchObject({
      method: 'POST',
      path: '/api/oauth.v2.access',
      headers: { authorization: BASIC },
    })
    expect(requests[0]?.body.toString()).toBe('grant_type=refresh_token&refresh_token=xoxe-1-refresh-canary')
  })

  it('is not known to be used up where the answer did not come in time', async () => {
    const { http, advance } = makePort()
    const { url } = await service(() => void advance(10_000))
    const slack = slackOAuth({ ...OPTIONS, apiUrl: url, http })
    expect(shown(await slack.refresh(REFRESH_TOKEN, { now: NOW }))).toMatchObject({
      ok: false,
      outcome: { kind: 'retry', code: 'timeout', ambiguous: true },
    })
    const { http: other, advance: advanceOther } = makePort()
    const silent = await service(() => void advanceOther(10_000))
    const late = rejection(slackOAuth({ ...OPTIONS, apiUrl: silent.url, http: other }).exchange(CODE, { now: NOW }))
    expect(await late).toMatchObject({ name: 'HttpError', code: 'timeout' })
  })

  it('is not known to be used up where the connection broke', async () => {
    const { url } = await service((_request, response) => response.destroy())
    const slack = slackOAuth({ ...OPTIONS, apiUrl: url, http: makePort().http })
    expect(shown(await slack.refresh(REFRESH_TOKEN, { now: NOW }))).toMatchObject({
      ok: false,
      outcome: { kind: 'retry', code: 'connection_reset', ambiguous: true },
    })
  })

  it('is surely not used up where nothing listens', async () => {
    const nobody = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => nobody.once('listening', resolve))
    const { port } = nobody.address() as AddressInfo
    await new Promise((resolve) => nobody.close(resolve))
    const slack = slackOAuth({ ...OPTIONS, apiUrl: `http://127.0.0.1:${port}`, http: makePort().http })
    const result = shown(await slack.refresh(REFRESH_TOKEN, { now: NOW }))
    expect(result).toMatchObject({ ok: false, outcome: { kind: 'retry', code: 'connection_refused' } })
    expect(result).not.toHaveProperty('outcome.ambiguous')
  })

  it('follows no redirect, and takes no credentials along', async () => {
    const other = await service(json(ROTATED))
    const { url } = await service(json('', 307, { location: `${other.url}/api/oauth.v2.access` }))
    const slack = slackOAuth({ ...OPTIONS, apiUrl: url, http: makePort().http })
    const result = shown(await slack.refresh(REFRESH_TOKEN, { now: NOW }))
    expect(result).toMatchObject({ ok: false, outcome: { kind: 'retry', code: 'redirect', status: 307 } })
    expect(await rejection(slack.exchange(CODE, { now: NOW }))).toMatchObject({ name: 'HttpError', code: 'redirect' })
    expect(other.requests).toEqual([])
  })

  it('is left at shutdown, with the reason of the signal', async () => {
    const shutdown = new AbortController()
    const reason = new Error('shutdown')
    const { url } = await service(() => shutdown.abort(reason))
    const slack = slackOAuth({ ...OPTIONS, apiUrl: url, http: makePort().http })
    const call = { now: NOW, signal: shutdown.signal }
    await expect(slack.refresh(REFRESH_TOKEN, call)).rejects.toBe(reason)
    await expect(slack.exchange(CODE, call)).rejects.toBe(reason)
    await expect(slack.revoke?.({ accessToken: ACCESS_TOKEN }, call)).rejects.toBe(reason)
  })
})

describe('what Slack grants', () => {
  const granted = async (body: object) => {
    const { slack } = await slackAt(json(body))
    return slack.exchange(CODE, { now: NOW })
  }

  it('expires where the app rotates its tokens', async () => {
    expect(await granted({ ...INSTALLED, expires_in: 43_200, refresh_token: REFRESH_TOKEN })).toMatchObject({
      refreshToken: REFRESH_TOKEN,
      expiresAt: NOW + 43_200_000,
    })
  })

  it('has no channel where the scopes ask for none', async () => {
    const { incoming_webhook: _, ...plain } = INSTALLED
    expect((await granted(plain)).config).toEqual({ workspaceId: 'T9TK3CUKW', workspaceName: 'Acme' })
  })

  it('is of the enterprise where the app was installed for a whole organisation', async () => {
    const organisation = {
      ...INSTALLED,
      team: null,
      enterprise: { id: 'E1', name: 'Acme Group' },
      is_enterprise_install: true,
    }
    expect(await granted(organisation)).toMatchObject({
      externalId: 'E1',
      accountName: 'Acme Group',
      config: { workspaceId: 'E1', workspaceName: 'Acme Group' },
    })
  })

  it('is of the workspace where that is one of an enterprise', async () => {
    const { externalId } = await granted({ ...INSTALLED, enterprise: { id: 'E1', name: 'Acme Group' } })
    expect(externalId).toBe('T9TK3CUKW')
  })

  it('does without names', async () => {
    const grant = await granted({ ...INSTALLED, team: { id: 'T1' }, incoming_webhook: { channel_id: 'C1', url: HOOK } })
    expect(grant).not.toHaveProperty('accountName')
    expect(grant.config).toEqual({ workspaceId: 'T1', channelId: 'C1', webhookUrl: HOOK, webhookChannelId: 'C1' })
  })

  it.each([
    ['without a token', { ...INSTALLED, access_token: undefined }],
    ['with an empty token', { ...INSTALLED, access_token: '' }],
    ['without an account', { ...INSTALLED, team: null }],
    ['with a webhook without URL', { ...INSTALLED, incoming_webhook: { channel_id: 'C1' } }],
    ['that is not JSON', '<html>'],
    ['that is too long', { ...INSTALLED, padding: 'x'.repeat(70_000) }],
  ])('is nothing where the answer is one %s', async (_name, body) => {
    const { slack } = await slackAt(json(body))
    expect(await rejection(slack.exchange(CODE, { now: NOW }))).toMatchObject({
      name: 'HttpError',
      code: 'invalid_response',
      message: 'Slack answered something that cannot be read',
    })
  })
})

describe('a code that Slack refuses', () => {
  const refused = async (answer: Answer) => {
    const { slack } = await slackAt(answer)
    return rejection(slack.exchange(CODE, { now: NOW }))
  }

  it.each([
    ['invalid_code', 'code'],
    ['code_already_used', 'code'],
    ['access_denied', 'code'],
    ['invalid_auth', 'code'],
    ['bad_redirect_uri', 'redirectUri'],
    ['bad_client_secret', 'clientSecret'],
    ['invalid_client_id', 'clientId'],
    ['oauth_authorization_url_mismatch', 'authorizeUrl'],
    ['invalid_scope', 'scopes'],
    ['no_scopes', 'scopes'],
  ])('for %s is invalid input, naming %s', async (word, field) => {
    expect(await refused(refusal(word))).toMatchObject({
      name: 'SignalboxError',
      code: 'invalid_input',
      field,
      message: `${field}: Slack answered ${word}`,
    })
  })

  it.each([
    ['ratelimited', json({ ok: false, error: 'ratelimited' }, 429, { 'retry-after': '3' }), 'rate_limited'],
    ['rate_limited', refusal('rate_limited'), 'rate_limited'],
    ['service_unavailable', refusal('service_unavailable'), 'provider_error'],
    ['request_timeout', refusal('request_timeout'), 'provider_error'],
    ['internal_error', refusal('internal_error'), 'provider_error'],
    ['fatal_error', refusal('fatal_error'), 'provider_error'],
    ['team_added_to_org', refusal('team_added_to_org'), 'provider_error'],
    ['org_login_required', refusal('org_login_required'), 'provider_error'],
    ['status 503', json('busy', 503), 'http_5xx'],
    ['status 404', json('', 404), 'http_4xx'],
    ['odd_word', json({ ok: false, error: 'odd_word' }, 500), 'http_5xx'],
  ])('for the moment only (%s) is not its fault', async (said, answer, code) => {
    expect(await refused(answer)).toMatchObject({ name: 'HttpError', code, message: `Slack answered ${said}` })
  })

  it('is asked for before anything is sent', async () => {
    const { slack, requests } = await slackAt(json(INSTALLED))
    for (const code of ['', 'a\nb', 'é', 'x'.repeat(8193), null as unknown as string]) {
      expect(await rejection(slack.exchange(code))).toMatchObject({ code: 'invalid_input', field: 'code' })
    }
    expect(requests).toEqual([])
  })
})

describe('a refresh that Slack refuses', () => {
  it.each([
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
  ])('for %s wants a new approval', async (word, code) => {
    expect(await refreshed(refusal(word))).toEqual({
      ok: false,
      outcome: { kind: 'reauthorize', code, status: 200, providerCode: word },
    })
    expect(await refreshed(json({ ok: false, error: word }, 400))).toMatchObject({
      outcome: { kind: 'reauthorize', status: 400 },
    })
  })

  it.each([
    ['bad_client_secret', 'clientSecret'],
    ['invalid_client_id', 'clientId'],
    ['bad_redirect_uri', 'redirectUri'],
  ])('for %s is for the host to mend: no grant dies of it', async (word, option) => {
    expect(await refreshed(refusal(word))).toEqual({
      ok: false,
      outcome: {
        kind: 'retry',
        code: 'provider_error',
        status: 200,
        providerCode: word,
        detail: `the provider refuses the client: check the option ${option}`,
      },
    })
  })

  it.each([
    ['service_unavailable', {}],
    ['request_timeout', {}],
    ['invalid_arg_name', {}],
    ['internal_error', { ambiguous: true }],
    ['fatal_error', { ambiguous: true }],
    ['ratelimited', { code: 'rate_limited' }],
    ['rate_limited', { code: 'rate_limited' }],
    ['team_added_to_org', { retryAfterMs: 3_600_000 }],
    ['org_login_required', { retryAfterMs: 3_600_000 }],
  ])('for %s may work later', async (word, more) => {
    expect(await refreshed(refusal(word))).toEqual({
      ok: false,
      outcome: { kind: 'retry', code: 'provider_error', status: 200, providerCode: word, ...more },
    })
  })

  it('waits as long as Slack says', async () => {
    const limited = json({ ok: false, error: 'ratelimited' }, 429, { 'retry-after': '30' })
    expect(await refreshed(limited)).toEqual({
      ok: false,
      outcome: { kind: 'retry', code: 'rate_limited', status: 429, providerCode: 'ratelimited', retryAfterMs: 30_000 },
    })
    expect(await refreshed(json('', 503, { 'retry-after': '7.5' }))).toEqual({
      ok: false,
      outcome: { kind: 'retry', code: 'http_5xx', status: 503, retryAfterMs: 7_500 },
    })
  })

  it.each([
    [500, 'http_5xx', true],
    [502, 'http_5xx', true],
    [503, 'http_5xx', undefined],
    [504, 'http_5xx', true],
    [429, 'rate_limited', undefined],
    [404, 'http_4xx', undefined],
    [410, 'http_4xx', undefined],
  ])('with a bare %i may work later', async (status, code, ambiguous) => {
    expect(await refreshed(json('<html>', status))).toEqual({
      ok: false,
      outcome: { kind: 'retry', code, status, ...(ambiguous ? { ambiguous } : {}) },
    })
  })

  it.each([
    ['not JSON', 'ok'],
    ['no object', '[1]'],
    ['null', 'null'],
    ['without ok', '{"access_token":"x"}'],
    ['without a token', '{"ok":true}'],
    ['too long', JSON.stringify({ ...ROTATED, padding: 'x'.repeat(70_000) })],
  ])('by a success that is %s may have used the token up', async (_name, body) => {
    expect(await refreshed(json(body))).toEqual({
      ok: false,
      outcome: { kind: 'retry', code: 'invalid_response', status: 200, ambiguous: true },
    })
  })

  it('keeps the old refresh token where it gives no new one', async () => {
    const { refresh_token: _, ...plain } = ROTATED
    expect(await refreshed(json(plain))).not.toHaveProperty('refreshToken')
  })

  it('sends nothing without a refresh token', async () => {
    const { slack, requests } = await slackAt(json(ROTATED))
    expect(await slack.refresh('')).toEqual({ ok: false, outcome: { kind: 'reauthorize', code: 'token_missing' } })
    expect(requests).toEqual([])
  })

  it('shows no word that repeats a secret, or is none', async () => {
    for (const word of [
      CLIENT_SECRET,
      REFRESH_TOKEN,
      `bad_${CLIENT_SECRET}`,
      'two words',
      'a'.repeat(65),
      7,
      { a: 1 },
      '__proto__',
    ]) {
      const result = await refreshed(json({ ok: false, error: word }))
      expect(result).toMatchObject({ ok: false, outcome: { kind: 'retry' } })
      expect(result).not.toHaveProperty('outcome.providerCode')
    }
    const { slack } = await slackAt(json({ ok: false, error: CLIENT_SECRET }))
    await rejection(slack.exchange(CODE, { now: NOW }))
  })

  it('is never the message’s fault, not even where the guard refuses the address', async () => {
    const slack = slackOAuth({ ...OPTIONS, apiUrl: 'https://10.0.0.1/api' })
    expect(shown(await slack.refresh(REFRESH_TOKEN))).toMatchObject({ outcome: { kind: 'retry', code: 'blocked_url' } })
  })

  it('keeps to itself what a broken port of the host throws', async () => {
    const broken: HttpPort = {
      request: (request) => Promise.reject(new TypeError(`cannot send ${JSON.stringify(request)}`)),
      check() {},
      close: async () => {},
    }
    const slack = slackOAuth({ ...OPTIONS, http: broken })
    expect(shown(await slack.refresh(REFRESH_TOKEN))).toMatchObject({
      outcome: { kind: 'retry', code: 'network_error', ambiguous: true },
    })
    expect(await rejection(slack.exchange(CODE))).toMatchObject({ name: 'HttpError', code: 'network_error' })
  })

  it('goes over the port of the call where there is one', async () => {
    const unused: HttpPort = { request: () => Promise.reject(new Error('asked')), check() {}, close: async () => {} }
    const http: HttpPort = {
      ...unused,
      request: () => Promise.reject(httpError({ code: 'dns_error', written: false, message: 'no name' })),
    }
    const result = await slackOAuth({ ...OPTIONS, http: unused }).refresh(REFRESH_TOKEN, { http })
    expect(result).toEqual({ ok: false, outcome: { kind: 'retry', code: 'dns_error', detail: 'no name' } })
  })
})

describe('ending a grant of Slack', () => {
  const TOKENS = { accessToken: ACCESS_TOKEN, refreshToken: REFRESH_TOKEN }
  const revoked = json({ ok: true, revoked: true })

  it('revokes the token, with the token', async () => {
    const { slack, requests } = await slackAt(revoked)
    expect(await slack.revoke?.(TOKENS, { now: NOW })).toBe(true)
    expect(requests).toHaveLength(1)
    expect(requests[0]).toMatchObject({
      method: 'POST',
      path: '/api/auth.revoke',
      headers: { authorization: `Bearer ${ACCESS_TOKEN}` },
    })
    expect(requests[0]?.body.toString()).toBe('')
  })

  it.each([
    ['token_revoked', true],
    ['account_inactive', true],
    ['invalid_auth', false],
    ['ratelimited', false],
    ['token_expired', false],
  ])('answered by %s is %s', async (word, expected) => {
    const { slack } = await slackAt(refusal(word))
    expect(await slack.revoke?.({ accessToken: ACCESS_TOKEN }, { now: NOW })).toBe(expected)
  })

  it('is not confirmed by anything else', async () => {
    for (const answer of [json({ ok: true, revoked: false }), json('<html>'), json('', 500)]) {
      const { slack } = await slackAt(answer)
      expect(await slack.revoke?.(TOKENS, { now: NOW })).toBe(false)
    }
    const { slack } = await slackAt((_request, response) => response.destroy())
    expect(await slack.revoke?.(TOKENS, { now: NOW })).toBe(false)
  })

  it('renews a token that has expired, to revoke the new one', async () => {
    const { slack, requests } = await slackAt(refusal('token_expired'), json(ROTATED), revoked)
    expect(await slack.revoke?.(TOKENS, { now: NOW })).toBe(true)
    expect(requests.map(({ path, headers }) => [path, headers.authorization])).toEqual([
      ['/api/auth.revoke', `Bearer ${ACCESS_TOKEN}`],
      ['/api/oauth.v2.access', BASIC],
      ['/api/auth.revoke', 'Bearer xoxe.xoxb-1-new'],
    ])
  })

  it('is done where the refresh token is dead too, and is not where that is unknown', async () => {
    const dead = await slackAt(refusal('token_expired'), refusal('invalid_refresh_token'))
    expect(await dead.slack.revoke?.(TOKENS, { now: NOW })).toBe(true)
    const busy = await slackAt(refusal('token_expired'), json('', 503))
    expect(await busy.slack.revoke?.(TOKENS, { now: NOW })).toBe(false)
  })
})

describe('options of slackOAuth', () => {
  it.each([
    ['clientId', ''],
    ['clientId', 'a:b'],
    ['clientSecret', ''],
    ['clientSecret', 'a\nb'],
    ['clientSecret', undefined],
    ['redirectUri', '/oauth'],
    ['redirectUri', 'https://app.example.com/#a'],
    ['redirectUri', 'ftp://app.example.com/'],
    ['scopes', []],
    ['scopes[0]', ['chat:write,users:read']],
    ['scopes[0]', 'chat:write'],
    ['apiUrl', 'https://slack.com/api?x'],
    ['apiUrl', 'https://u:p@slack.com/api'],
    ['authorizeUrl', 'slack.com'],
    ['clientSecrets', 'x'],
  ])('refuses %s = %j, naming it', (field, value) => {
    const name = field.replace(/\[.*/, '')
    const make = () => slackOAuth({ ...OPTIONS, [name]: value })
    const named = value === 'chat:write' ? 'scopes' : field
    expect(make).toThrow(expect.objectContaining({ name: 'SignalboxError', code: 'invalid_input', field: named }))
  })

  it('shows no secret of the client', () => {
    shown(slackOAuth(OPTIONS))
  })
})
