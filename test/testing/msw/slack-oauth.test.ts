import { describe, expect, it } from 'vitest'
import { type SlackFake, type SlackFakeOptions, slackFake } from '../../../src/testing/msw.ts'
import { type Answered, basic, intercept, postForm, postJson, refusalOf } from './support.ts'

const API = 'https://slack.com/api'

function start(options?: SlackFakeOptions): SlackFake {
  const slack = slackFake(options)
  intercept(slack)
  return slack
}

function post(slack: SlackFake, body: object, token: string = slack.token): Promise<Answered> {
  const message = { channel: 'C0001', text: 'hi', ...body }
  return postJson(`${API}/chat.postMessage`, message, { authorization: `Bearer ${token}` })
}

describe('oauth.v2.access', () => {
  const access = (slack: SlackFake, form: Record<string, string>, headers?: Record<string, string>) =>
    postForm(`${API}/oauth.v2.access`, form, headers ?? basic(slack.oauth.clientId, slack.oauth.clientSecret))
  const redeem = (slack: SlackFake, code: string) => access(slack, { code, redirect_uri: slack.oauth.redirectUri })

  it('turns a code into the token of the workspace and the webhook of the channel that was picked', async () => {
    const slack = start({
      channels: [
        { id: 'C1', name: 'a' },
        { id: 'C2', name: 'alerts' },
      ],
    })
    const { json } = await redeem(slack, slack.issueCode({ channelId: 'C2' }))
    expect(json).toMatchObject({
      ok: true,
      token_type: 'bot',
      scope: 'chat:write,incoming-webhook,channels:read,groups:read',
      team: { id: 'T0001', name: 'Acme' },
      incoming_webhook: { channel: '#alerts', channel_id: 'C2', url: expect.stringContaining('hooks.slack.com') },
    })
    expect(json).not.toHaveProperty('refresh_token')
    expect((await post(slack, { channel: 'C2' }, json.access_token)).json.ok).toBe(true)
    expect(await postJson(json.incoming_webhook.url, { text: 'x' })).toMatchObject({ text: 'ok' })
  })

  it('gives a workspace the same token each time, as long as it lives', async () => {
    const slack = start()
    const [one, two] = [await redeem(slack, slack.issueCode()), await redeem(slack, slack.issueCode())]
    expect(one.json.access_token).toBe(two.json.access_token)
    slack.revokeTokens()
    const three = await redeem(slack, slack.issueCode())
    expect(three.json.access_token).not.toBe(one.json.access_token)
  })

  it('plays the person who approves', async () => {
    const slack = start()
    const query = new URLSearchParams({ client_id: slack.oauth.clientId, scope: 'chat:write', state: 's1' })
    const redirect = slack.approve(`https://slack.com/oauth/v2/authorize?${query}`)
    expect(redirect.url).toBe(`https://app.example.com/oauth/slack?code=${redirect.code}&state=s1`)
    const { json } = await redeem(slack, redirect.code)
    expect(json.scope).toBe('chat:write')
    expect(json).not.toHaveProperty('incoming_webhook')
    query.set('client_id', 'other')
    expect(refusalOf(() => slack.approve(`https://slack.com/oauth/v2/authorize?${query}`))).toMatch(/client_id/)
    query.set('client_id', slack.oauth.clientId)
    query.set('redirect_uri', 'https://evil.example')
    expect(refusalOf(() => slack.approve(`https://slack.com/oauth/v2/authorize?${query}`))).toMatch(/redirect_uri/)
  })

  it('takes a code once, for ten minutes', async () => {
    let now = 1_780_000_000_000
    const slack = start({ now: () => now })
    const [used, late] = [slack.issueCode(), slack.issueCode()]
    expect((await redeem(slack, used)).json.ok).toBe(true)
    expect((await redeem(slack, used)).json).toEqual({ ok: false, error: 'invalid_code' })
    now += 600_000
    expect((await redeem(slack, late)).json.error).toBe('invalid_code')
  })

  it('knows its client and its redirect URI', async () => {
    const slack = start()
    const code = slack.issueCode()
    const { clientId, clientSecret, redirectUri } = slack.oauth
    const form = { code, redirect_uri: redirectUri }
    const error = async (...args: [form: Record<string, string>, headers?: Record<string, string>]) =>
      (await access(slack, ...args)).json.error
    expect(await error(form, basic('other', clientSecret))).toBe('invalid_client_id')
    expect(await error(form, basic(clientId, 'wrong'))).toBe('bad_client_secret')
    expect(await error({ code, redirect_uri: 'https://evil.example' })).toBe('bad_redirect_uri')
    expect(await error({ ...form, grant_type: 'password' })).toBe('invalid_grant_type')
    const json = await postJson(`${API}/oauth.v2.access`, form, basic(clientId, clientSecret))
    expect(json.json.error).toBe('invalid_post_type')
    expect(await error({ ...form, client_id: clientId, client_secret: clientSecret }, {})).toBeUndefined()
  })

  it('rotates: a refresh token is good for one use', async () => {
    const slack = start({ rotation: true })
    const first = (await redeem(slack, slack.issueCode())).json
    expect(first).toMatchObject({ expires_in: 43_200, refresh_token: expect.stringMatching(/^xoxe-1-/) })
    const refresh = (token: string) => access(slack, { grant_type: 'refresh_token', refresh_token: token })
    const second = (await refresh(first.refresh_token)).json
    expect(second).toMatchObject({ ok: true, team: { id: 'T0001' }, expires_in: 43_200 })
    expect((await post(slack, {}, second.access_token)).json.ok).toBe(true)
    expect((await refresh(first.refresh_token)).json.error).toBe('invalid_refresh_token')
    slack.revokeTokens()
    expect((await refresh(second.refresh_token)).json.error).toBe('invalid_refresh_token')
  })
})

describe('auth.revoke', () => {
  it('ends the token, and with the last one the app’s webhooks', async () => {
    const slack = start()
    const other = slack.issueToken().accessToken
    const webhook = slack.addWebhook('C0001')
    const revoke = (token: string, test = '') =>
      postForm(`${API}/auth.revoke`, test === '' ? {} : { test }, { authorization: `Bearer ${token}` })
    expect((await revoke(other, 'true')).json).toEqual({ ok: true, revoked: false })
    expect((await revoke(other)).json).toEqual({ ok: true, revoked: true })
    expect((await revoke(other)).json.error).toBe('token_revoked')
    expect((await postJson(webhook, { text: 'x' })).text).toBe('ok')
    expect((await revoke(slack.token)).json.ok).toBe(true)
    expect((await postJson(webhook, { text: 'x' })).text).toBe('no_service')
  })
})

it('two workspaces keep apart', async () => {
  const slack = start({
    channels: [
      { id: 'C1', name: 'a' },
      { id: 'C2', name: 'a', teamId: 'T2' },
    ],
  })
  const other = slack.issueToken({ team: { id: 'T2', name: 'Other' } }).accessToken
  expect((await post(slack, { channel: 'C2' }, other)).json.ok).toBe(true)
  expect((await post(slack, { channel: 'C1' }, other)).json.error).toBe('channel_not_found')
  expect(refusalOf(() => slack.issueCode({ channelId: 'C2' }))).toMatch(/^channelId: /)
})
