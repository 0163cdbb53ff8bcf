import { describe, expect, it } from 'vitest'
import { outcomeText } from '../../src/delivery/reasons.ts'
import { type MicrosoftOAuthOptions, microsoftOAuth, oauthStates, pkceChallenge } from '../../src/oauth/index.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import type { Answer } from '../support/receiver.ts'
import {
  CLIENT_SECRET,
  CODE,
  holdNoSecrets,
  json,
  NOW,
  PORTS,
  REDIRECT_URI,
  rejection,
  service,
  shown,
} from './support.ts'

const CLIENT_ID = '6731de76-14a6-49ae-97bc-6eba6914391e'
const TENANT = '3f2b8a53-1d6e-4c0a-9c58-8c2b7d9f0a11'
const PERSON = '00000000-0000-0000-66f3-3332eca7ea81'
const VERIFIER = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'
const ACCESS_TOKEN = 'eyJ0eXAi.access-canary'
const REFRESH_TOKEN = '0.AAAA-refresh-canary'
const GRAPH = 'https://graph.microsoft.com/'
const PERMISSIONS = ['Team.ReadBasic.All', 'Channel.ReadBasic.All', 'ChannelMessage.Send'].map((name) => GRAPH + name)

holdNoSecrets([CLIENT_SECRET, CODE, VERIFIER, REFRESH_TOKEN, ACCESS_TOKEN])

const OPTIONS: MicrosoftOAuthOptions = { clientId: CLIENT_ID, clientSecret: CLIENT_SECRET, redirectUri: REDIRECT_URI }
const [, undici] = PORTS[0] ?? []

const CLAIMS = {
  aud: CLIENT_ID,
  exp: NOW / 1000 + 3600,
  tid: TENANT,
  oid: PERSON,
  preferred_username: 'ada@example.com',
  name: 'Ada Lovelace',
}
const idToken = (claims: unknown) =>
  ['{"alg":"RS256"}', typeof claims === 'string' ? claims : JSON.stringify(claims), 'signature']
    .map((part) => Buffer.from(part).toString('base64url'))
    .join('.')
const TOKENS = {
  token_type: 'Bearer',
  scope: `openid profile ${PERMISSIONS.join(' ')}`,
  expires_in: 4_215,
  ext_expires_in: 4_215,
  access_token: ACCESS_TOKEN,
  refresh_token: REFRESH_TOKEN,
  id_token: idToken(CLAIMS),
}
/** As in Microsoft's documentation. */
const refusal = (error: string, number = 70_000, status = 400): Answer =>
  json(
    {
      error,
      error_description: `AADSTS${number}: of ada@example.com, code ${CODE}.\r\nTrace ID: 0000aaaa`,
      error_codes: [number],
      timestamp: '2026-05-28 20:26:40Z',
      trace_id: '0000aaaa',
      correlation_id: 'aaaa0000',
    },
    status,
  )

async function microsoftAt(...answers: readonly Answer[]) {
  const port = undici?.()
  if (port === undefined) throw new Error('no port')
  const { url, requests } = await service(...answers)
  return { microsoft: microsoftOAuth({ ...OPTIONS, loginUrl: `${url}/`, http: port.http }), requests }
}
const exchanged = async (body: object) => {
  const { microsoft } = await microsoftAt(json(body))
  return microsoft.exchange(CODE, { codeVerifier: VERIFIER, now: NOW })
}
const refreshed = async (...answers: readonly Answer[]) => {
  const { microsoft } = await microsoftAt(...answers)
  return shown(await microsoft.refresh(REFRESH_TOKEN, { now: NOW }))
}

describe('where people approve at Microsoft', () => {
  const challenge = pkceChallenge(VERIFIER)

  it('asks for a code, an identity and the permissions, bound to a challenge', () => {
    const url = shown(microsoftOAuth(OPTIONS).authorizeUrl({ state: 's', codeChallenge: challenge }))
    expect(url.split('?')[0]).toBe('https://login.microsoftonline.com/organizations/oauth2/v2.0/authorize')
    expect(Object.fromEntries(new URL(url).searchParams)).toEqual({
      client_id: CLIENT_ID,
      response_type: 'code',
      redirect_uri: REDIRECT_URI,
      response_mode: 'query',
      scope: `openid profile offline_access ${PERMISSIONS.join(' ')}`,
      state: 's',
      code_challenge: challenge,
      code_challenge_method: 'S256',
    })
    expect(url).not.toContain('+')
  })

  it('takes another tenant, cloud, scopes and further parameters', () => {
    const microsoft = microsoftOAuth({
      ...OPTIONS,
      tenant: 'contoso.onmicrosoft.com',
      loginUrl: 'https://login.microsoftonline.us',
      scopes: ['User.Read', 'openid'],
    })
    const call = { state: 's', codeChallenge: challenge }
    const url = new URL(microsoft.authorizeUrl({ ...call, parameters: { prompt: 'select_account' } }))
    expect(url.origin + url.pathname).toBe(
      'https://login.microsoftonline.us/contoso.onmicrosoft.com/oauth2/v2.0/authorize',
    )
    expect(url.searchParams.get('scope')).toBe('openid profile offline_access User.Read')
    expect(url.searchParams.get('prompt')).toBe('select_account')
    const other = new URL(microsoft.authorizeUrl({ ...call, scopes: ['Mail.Send'] }))
    expect(other.searchParams.get('scope')).toBe('openid profile offline_access Mail.Send')
  })

  it('is told only with a challenge, and without parameters in place of its own', () => {
    const url = (options: object) => () => microsoftOAuth(OPTIONS).authorizeUrl({ state: 's', ...options })
    const naming = (field: string) => expect.objectContaining({ code: 'invalid_input', field })
    expect(url({})).toThrow(/codeChallenge: is missing: .*PKCE/)
    expect(url({ codeChallenge: `${challenge}=` })).toThrow(naming('codeChallenge'))
    expect(url({ codeChallenge: challenge, parameters: { response_mode: 'form_post' } })).toThrow(
      naming('parameters.response_mode'),
    )
  })
})

describe.each(PORTS)('a code of Microsoft, over %s', (_name, makePort) => {
  it('becomes a grant of the account', async () => {
    const { url, requests } = await service(json(TOKENS))
    const microsoft = microsoftOAuth({ ...OPTIONS, loginUrl: url })
    const call = { codeVerifier: VERIFIER, now: NOW, http: makePort().http }
    expect(await microsoft.exchange(CODE, call)).toEqual({
      provider: 'microsoft',
      externalId: `${TENANT}.${PERSON}`,
      accountName: 'ada@example.com',
      accessToken: ACCESS_TOKEN,
      refreshToken: REFRESH_TOKEN,
      expiresAt: NOW + 4_215_000,
      scopes: ['openid', 'profile', ...PERMISSIONS],
    })
    expect(requests).toHaveLength(1)
    expect(requests[0]).toMatchObject({
      method: 'POST',
      path: '/organizations/oauth2/v2.0/token',
      headers: { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
    })
    expect(requests[0]?.headers).not.toHaveProperty('authorization')
    expect(requests[0]?.body.toString()).toBe(
      `client_id=${CLIENT_ID}&client_secret=${CLIENT_SECRET}&grant_type=authorization_code` +
        '&code=4724469134.code%2B%2F%3D%2520-canary' +
        '&redirect_uri=https%3A%2F%2Fapp.example.com%2Foauth%2Fcallback%3Ffrom%3Dapp' +
        `&code_verifier=${VERIFIER}`,
    )
  })

  it('is refreshed with the scopes of the grant, never with those of the options', async () => {
    const { url, requests } = await service(json(TOKENS))
    const microsoft = microsoftOAuth({ ...OPTIONS, scopes: ['Wanted.Later'], loginUrl: url, http: makePort().http })
    expect(await microsoft.refresh('old token', { now: NOW })).toEqual({
      ok: true,
      accessToken: ACCESS_TOKEN,
      refreshToken: REFRESH_TOKEN,
      expiresAt: NOW + 4_215_000,
      scopes: ['openid', 'profile', ...PERMISSIONS],
    })
    await microsoft.refresh('old token', { now: NOW, scopes: ['openid', `${GRAPH}ChannelMessage.Send`] })
    const common = `client_id=${CLIENT_ID}&client_secret=${CLIENT_SECRET}&grant_type=refresh_token&refresh_token=old+token`
    expect(requests.map(({ body }) => body.toString())).toEqual([
      common,
      `${common}&scope=openid+https%3A%2F%2Fgraph.microsoft.com%2FChannelMessage.Send+offline_access`,
    ])
  })

  it('leaves no doubt where the answer did not come: the old refresh token stays valid', async () => {
    const { http, advance } = makePort()
    const { url } = await service(() => void advance(10_000))
    const microsoft = microsoftOAuth({ ...OPTIONS, loginUrl: url, http })
    const result = shown(await microsoft.refresh(REFRESH_TOKEN, { now: NOW }))
    expect(result).toMatchObject({ ok: false, outcome: { kind: 'retry', code: 'timeout' } })
    expect(result).not.toHaveProperty('outcome.ambiguous')
  })

  it('follows no redirect', async () => {
    const other = await service(json(TOKENS))
    const { url } = await service(json('', 308, { location: other.url }))
    const microsoft = microsoftOAuth({ ...OPTIONS, loginUrl: url, http: makePort().http })
    const call = { codeVerifier: VERIFIER, now: NOW }
    expect(await rejection(microsoft.exchange(CODE, call))).toMatchObject({ name: 'HttpError', code: 'redirect' })
    expect(other.requests).toEqual([])
  })

  it('is left at shutdown, with the reason of the signal', async () => {
    const shutdown = new AbortController()
    const reason = new Error('shutdown')
    const { url } = await service(() => shutdown.abort(reason))
    const microsoft = microsoftOAuth({ ...OPTIONS, loginUrl: url, http: makePort().http })
    const call = { now: NOW, signal: shutdown.signal, codeVerifier: VERIFIER }
    await expect(microsoft.refresh(REFRESH_TOKEN, call)).rejects.toBe(reason)
    await expect(microsoft.exchange(CODE, call)).rejects.toBe(reason)
  })
})

it('proves with a state of oauthStates that it is the client that began', async () => {
  const { microsoft, requests } = await microsoftAt(json(TOKENS))
  const store = memoryStore()
  await store.setup()
  const states = oauthStates({ store, key: new Uint8Array(32).fill(7) })

  const begun = states.issue({ orgId: 'org_1', provider: microsoft.name, data: { from: '/settings' } })
  const sent = new URL(microsoft.authorizeUrl(begun)).searchParams
  expect(sent.toString()).not.toContain(begun.nonce)
  const cookie = states.cookie(begun.nonce).split(';')[0]

  const ended = await states.consume({ state: sent.get('state'), nonce: states.nonceOf(cookie) })
  await microsoft.exchange(CODE, { codeVerifier: ended.codeVerifier, now: NOW })
  const form = new URLSearchParams(requests[0]?.body.toString())
  expect(pkceChallenge(form.get('code_verifier') ?? '')).toBe(sent.get('code_challenge'))
  expect(ended).toMatchObject({ orgId: 'org_1', provider: 'microsoft', data: { from: '/settings' } })
})

describe('the account of a grant', () => {
  it.each([
    ['its user name', {}, 'ada@example.com'],
    ['its name, without one', { preferred_username: undefined }, 'Ada Lovelace'],
    ['its name, where the other is empty', { preferred_username: '' }, 'Ada Lovelace'],
    ['nothing, without both', { preferred_username: undefined, name: undefined }, undefined],
  ])('is called by %s', async (_name, claims, accountName) => {
    const grant = await exchanged({ ...TOKENS, id_token: idToken({ ...CLAIMS, ...claims }) })
    expect(grant.accountName).toBe(accountName)
  })

  it.each([
    ['is missing', undefined],
    ['is no token', 'e30'],
    ['is not JSON', idToken('{')],
    ['is an array', idToken([])],
    ['is for another client', idToken({ ...CLAIMS, aud: 'other' })],
    ['has no tenant', idToken({ ...CLAIMS, tid: undefined })],
    ['has no person', idToken({ ...CLAIMS, oid: '' })],
    ['has a tenant with a dot', idToken({ ...CLAIMS, tid: 'a.b' })],
    ['has no expiry', idToken({ ...CLAIMS, exp: undefined })],
    ['has expired, by more than clocks differ', idToken({ ...CLAIMS, exp: NOW / 1000 - 300 })],
  ])('is unknown where the ID token %s', async (_name, id_token) => {
    const error = await rejection(exchanged({ ...TOKENS, id_token }))
    expect(error).toMatchObject({ name: 'HttpError', code: 'invalid_response' })
    expect(error.message).toContain('ID token')
  })

  it('is known where the clocks differ a little', async () => {
    const claims = { ...CLAIMS, exp: NOW / 1000 - 299 }
    expect(await exchanged({ ...TOKENS, id_token: idToken(claims) })).toHaveProperty('externalId')
  })

  it('is not asked about without a verifier or a code', async () => {
    const { microsoft, requests } = await microsoftAt(json(TOKENS))
    expect(await rejection(microsoft.exchange(CODE))).toMatchObject({
      code: 'invalid_input',
      field: 'codeVerifier',
      message: expect.stringMatching(/is missing: .*PKCE/),
    })
    const codeless = microsoft.exchange('', { codeVerifier: VERIFIER })
    expect(await rejection(codeless)).toMatchObject({ code: 'invalid_input', field: 'code' })
    expect(requests).toEqual([])
  })
})

describe('a code that Microsoft refuses', () => {
  const refused = async (answer: Answer) => {
    const { microsoft } = await microsoftAt(answer)
    return rejection(microsoft.exchange(CODE, { codeVerifier: VERIFIER, now: NOW }))
  }

  it.each([
    ['invalid_grant', 'code'],
    ['invalid_request', 'code'],
    ['interaction_required', 'code'],
    ['consent_required', 'code'],
    ['invalid_client', 'clientSecret'],
    ['unauthorized_client', 'clientId'],
    ['invalid_scope', 'scopes'],
    ['invalid_resource', 'scopes'],
  ])('for %s is invalid input, naming %s and the number, not the person', async (word, field) => {
    expect(await refused(refusal(word, 54_005))).toMatchObject({
      name: 'SignalboxError',
      code: 'invalid_input',
      field,
      message: `${field}: Microsoft answered ${word} (AADSTS54005)`,
    })
  })

  it.each([
    ['temporarily_unavailable', refusal('temporarily_unavailable'), 'provider_error'],
    ['server_error', refusal('server_error'), 'provider_error'],
    ['invalid_grant', refusal('invalid_grant', 50_196), 'rate_limited'],
    ['invalid_request', refusal('invalid_request', 1, 429), 'rate_limited'],
    ['status 502', json('<html>', 502), 'http_5xx'],
    ['status 400', json('<html>', 400), 'http_4xx'],
    ['something that cannot be read', json('<html>'), 'invalid_response'],
  ])('for the moment only (%s) is not its fault', async (said, answer, code) => {
    const error = await refused(answer)
    expect(error).toMatchObject({ name: 'HttpError', code })
    expect(error.message).toContain(`Microsoft answered ${said}`)
  })
})

describe('a refresh that Microsoft refuses', () => {
  it.each([
    ['invalid_grant', 'token_revoked'],
    ['interaction_required', 'token_revoked'],
    ['consent_required', 'missing_scope'],
    ['login_required', 'token_revoked'],
  ] as const)('for %s wants a new approval', async (word, code) => {
    expect(await refreshed(refusal(word, 700_082))).toEqual({
      ok: false,
      outcome: {
        kind: 'reauthorize',
        code,
        status: 400,
        providerCode: word,
        detail: `${outcomeText(code)} (AADSTS700082)`,
      },
    })
  })

  it.each([
    ['invalid_client', 'clientSecret', 7_000_222],
    ['unauthorized_client', 'clientId', 700_016],
    ['invalid_scope', 'scopes', 70_011],
  ])('for %s is for the host to mend: no grant dies of it', async (word, option, number) => {
    expect(await refreshed(refusal(word, number, 401))).toEqual({
      ok: false,
      outcome: {
        kind: 'retry',
        code: 'provider_error',
        status: 401,
        providerCode: word,
        detail: `the provider refuses the client: check the option ${option} (AADSTS${number})`,
      },
    })
  })

  it.each(['temporarily_unavailable', 'server_error', 'invalid_request', 'unsupported_grant_type', 'unheard_of'])(
    'for %s may work later',
    async (word) => {
      expect(await refreshed(refusal(word))).toMatchObject({ outcome: { kind: 'retry', providerCode: word } })
    },
  )

  it('for asking too often in a row says nothing of the grant', async () => {
    expect(await refreshed(refusal('invalid_grant', 50_196))).toMatchObject({
      outcome: { kind: 'retry', code: 'rate_limited', providerCode: 'invalid_grant', detail: 'AADSTS50196' },
    })
  })

  it('waits as long as Microsoft says', async () => {
    expect(await refreshed(json('', 429, { 'retry-after': '12' }))).toEqual({
      ok: false,
      outcome: { kind: 'retry', code: 'rate_limited', status: 429, retryAfterMs: 12_000 },
    })
  })

  it.each([
    [500, 'http_5xx'],
    [503, 'http_5xx'],
    [404, 'http_4xx'],
    [200, 'invalid_response'],
    [204, 'invalid_response'],
  ])('with a bare %i may work later, without doubt', async (status, code) => {
    expect(await refreshed(json('', status))).toEqual({ ok: false, outcome: { kind: 'retry', code, status } })
  })

  it('gives nothing, whatever its answer holds', async () => {
    expect(await refreshed(json(TOKENS, 500))).toMatchObject({ ok: false, outcome: { kind: 'retry', status: 500 } })
  })

  it('keeps the old refresh token and scopes where it gives no new ones', async () => {
    expect(await refreshed(json({ access_token: 'new', expires_in: 60 }))).toEqual({
      ok: true,
      accessToken: 'new',
      expiresAt: NOW + 60_000,
    })
  })

  it('sends nothing without a refresh token', async () => {
    const { microsoft, requests } = await microsoftAt(json(TOKENS))
    expect(await microsoft.refresh('')).toEqual({ ok: false, outcome: { kind: 'reauthorize', code: 'token_missing' } })
    expect(requests).toEqual([])
  })

  it('shows no word and no number that is none', async () => {
    const odd = json({ error: CLIENT_SECRET, error_codes: ['x', CODE] }, 400)
    expect(await refreshed(odd)).toEqual({ ok: false, outcome: { kind: 'retry', code: 'http_4xx', status: 400 } })
  })
})

describe('options of microsoftOAuth', () => {
  it.each([
    ['clientId', 7],
    ['clientSecret', ''],
    ['redirectUri', 'app.example.com'],
    ['tenant', ''],
    ['tenant', 'a/b'],
    ['scopes', []],
    ['scopes[0]', ['a b']],
    ['loginUrl', 'https://login.example.com/?a'],
    ['authority', 'x'],
  ])('refuses %s = %j, naming it', (field, value) => {
    const make = () => microsoftOAuth({ ...OPTIONS, [field.replace(/\[.*/, '')]: value })
    expect(make).toThrow(expect.objectContaining({ name: 'SignalboxError', code: 'invalid_input', field }))
  })

  it('shows no secret, and has no way to revoke', () => {
    expect(shown(microsoftOAuth(OPTIONS))).not.toHaveProperty('revoke')
  })
})
