import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { type TeamsFake, type TeamsFakeOptions, teamsFake } from '../../../src/testing/msw.ts'
import { call, intercept, postForm, postJson, refusalOf } from './support.ts'

function start(options?: TeamsFakeOptions): TeamsFake {
  const teams = teamsFake(options)
  intercept(teams)
  return teams
}

describe('the token endpoint', () => {
  const VERIFIER = 'v'.repeat(43)
  const CHALLENGE = createHash('sha256').update(VERIFIER).digest('base64url')
  const token = (teams: TeamsFake, form: Record<string, string>, tenant = 'organizations') => {
    const { clientId: client_id, clientSecret: client_secret } = teams.oauth
    return postForm(`https://login.microsoftonline.com/${tenant}/oauth2/v2.0/token`, {
      client_id,
      client_secret,
      ...form,
    })
  }
  const redeem = (teams: TeamsFake, code: string, more: Record<string, string> = {}) =>
    token(teams, {
      grant_type: 'authorization_code',
      code,
      redirect_uri: teams.oauth.redirectUri,
      code_verifier: VERIFIER,
      ...more,
    })

  it('turns a code into tokens and the person’s identity', async () => {
    const teams = start()
    const { status, json } = await redeem(teams, teams.issueCode({ codeChallenge: CHALLENGE }))
    expect(status).toBe(200)
    expect(json).toMatchObject({ token_type: 'Bearer', expires_in: 3600 })
    expect(json.scope.split(' ')).toContain('https://graph.microsoft.com/ChannelMessage.Send')
    const claims = JSON.parse(Buffer.from(json.id_token.split('.')[1], 'base64url').toString())
    expect(claims).toMatchObject({ tid: teams.tenantId, oid: teams.user.id, aud: teams.oauth.clientId })
    const headers = { authorization: `Bearer ${json.access_token}` }
    expect((await call('https://graph.microsoft.com/v1.0/me/joinedTeams', { headers })).status).toBe(200)
  })

  it('gives a refresh token for offline_access only, and an identity for openid only', async () => {
    const teams = start()
    const { json } = await redeem(teams, teams.issueCode({ scopes: ['User.Read'] }))
    expect(Object.keys(json)).not.toContain('refresh_token')
    expect(Object.keys(json)).not.toContain('id_token')
  })

  it.each<[string, string, Record<string, string>]>([
    ['a wrong verifier', 'invalid_grant', { code_verifier: 'w'.repeat(43) }],
    ['another redirect URI', 'invalid_grant', { redirect_uri: 'https://evil.example' }],
    ['an unknown code', 'invalid_grant', { code: 'x' }],
    ['another client', 'unauthorized_client', { client_id: 'x' }],
    ['a wrong secret', 'invalid_client', { client_secret: 'x' }],
    ['another grant type', 'unsupported_grant_type', { grant_type: 'password' }],
  ])('refuses %s with %s', async (_what, error, more) => {
    const teams = start()
    const { status, json } = await redeem(teams, teams.issueCode({ codeChallenge: CHALLENGE }), more)
    expect(status).toBe(error === 'invalid_client' ? 401 : 400)
    expect(json).toMatchObject({ error, error_description: expect.stringMatching(/^AADSTS\d+: /) })
    expect(teams.requests).toEqual([expect.objectContaining({ operation: 'token', error })])
  })

  it('refuses a code without its verifier, a second time, and after ten minutes', async () => {
    let now = 1_780_000_000_000
    const teams = start({ now: () => now })
    const [code, late] = [teams.issueCode({ codeChallenge: CHALLENGE }), teams.issueCode()]
    const bare = { grant_type: 'authorization_code', code, redirect_uri: teams.oauth.redirectUri }
    expect((await token(teams, bare)).json.error_codes).toEqual([501481])
    expect((await redeem(teams, code)).status).toBe(200)
    expect((await redeem(teams, code)).json.error_codes).toEqual([54005])
    now += 600_000
    expect((await redeem(teams, late)).json.error_codes).toEqual([70008])
  })

  it('refreshes; old refresh tokens stay valid until consent is taken back', async () => {
    const teams = start()
    const first = (await redeem(teams, teams.issueCode())).json
    const refresh = (more: Record<string, string> = {}) =>
      token(teams, { grant_type: 'refresh_token', refresh_token: first.refresh_token, ...more })
    const [one, two] = [await refresh(), await refresh({ scope: 'offline_access User.Read' })]
    expect([one.status, two.status]).toEqual([200, 200])
    expect(one.json.refresh_token).not.toBe(first.refresh_token)
    expect((await refresh({ scope: 'Mail.Read' })).json.error_codes).toEqual([65001])
    teams.revokeTokens()
    expect((await refresh()).json).toMatchObject({ error: 'invalid_grant', error_codes: [50173] })
    expect((await token(teams, { grant_type: 'refresh_token', refresh_token: 'x' })).json.error).toBe('invalid_grant')
  })

  it('belongs to a directory, and takes forms', async () => {
    const teams = start()
    expect((await token(teams, {}, 'another')).json.error_codes).toEqual([90002])
    expect((await token(teams, { grant_type: 'x' }, teams.tenantId)).json.error).toBe('unsupported_grant_type')
    const json = await postJson('https://login.microsoftonline.com/common/oauth2/v2.0/token', {})
    expect(json.json.error_codes).toEqual([900144])
    expect((await call('https://login.microsoftonline.com/common/oauth2/v2.0/keys')).status).toBe(404)
  })

  it('fails as ordered', async () => {
    const teams = start()
    teams.fail('interaction_required', { on: 'token' })
    teams.fail(503, { on: 'token' })
    expect(await token(teams, {})).toMatchObject({ status: 400, json: { error: 'interaction_required' } })
    expect((await token(teams, {})).status).toBe(503)
  })

  it('plays the person who approves', async () => {
    const teams = start()
    const query = new URLSearchParams({
      client_id: teams.oauth.clientId,
      response_type: 'code',
      redirect_uri: teams.oauth.redirectUri,
      scope: 'openid offline_access https://graph.microsoft.com/User.Read',
      state: 's1',
      code_challenge: CHALLENGE,
      code_challenge_method: 'S256',
    })
    const authorize = () => `https://login.microsoftonline.com/organizations/oauth2/v2.0/authorize?${query}`
    const { code, state } = teams.approve(authorize())
    expect(state).toBe('s1')
    expect((await redeem(teams, code, { code_verifier: 'w'.repeat(43) })).status).toBe(400)
    expect((await redeem(teams, code)).json.scope).toBe('openid https://graph.microsoft.com/User.Read')
    query.set('code_challenge_method', 'plain')
    expect(refusalOf(() => teams.approve(authorize()))).toMatch(/S256/)
    query.delete('response_type')
    expect(refusalOf(() => teams.approve(authorize()))).toMatch(/response_type/)
  })
})
