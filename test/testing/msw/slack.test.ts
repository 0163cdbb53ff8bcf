import { describe, expect, it } from 'vitest'
import { type SlackFake, type SlackFakeOptions, slackFake } from '../../../src/testing/msw.ts'
import { type Answered, call, intercept, postForm, postJson, refusalOf } from './support.ts'

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

const section = (text: string) => ({ type: 'section', text: { type: 'plain_text', text } })
const button = (more: object = {}) => ({ type: 'button', text: { type: 'plain_text', text: 'Open' }, ...more })

describe('chat.postMessage', () => {
  it('keeps what it accepts, and answers with a ts', async () => {
    const slack = start()
    const { json } = await post(slack, { text: 'Hello', blocks: [section('Hello')] })
    expect(json).toMatchObject({ ok: true, channel: 'C0001', ts: expect.stringMatching(/^\d+\.\d{6}$/) })
    expect(slack.received).toEqual([
      expect.objectContaining({
        via: 'chat.postMessage',
        channel: 'C0001',
        channelName: 'general',
        text: 'Hello',
        blocks: [section('Hello')],
        token: slack.token,
        ts: json.ts,
      }),
    ])
  })

  it('takes forms too, with blocks as JSON text and the token in the form', async () => {
    const slack = start()
    const blocks = JSON.stringify([section('Hello')])
    const { json } = await postForm(`${API}/chat.postMessage`, { token: slack.token, channel: '#general', blocks })
    expect(json.ok).toBe(true)
    expect(slack.received[0]?.blocks).toEqual([section('Hello')])
  })

  it('warns of JSON without a charset', async () => {
    const slack = start()
    const headers = { authorization: `Bearer ${slack.token}`, 'content-type': 'application/json' }
    const { json } = await postJson(`${API}/chat.postMessage`, { channel: 'C0001', text: 'hi' }, headers)
    expect(json).toMatchObject({ ok: true, warning: 'missing_charset' })
  })

  it.each([
    ['invalid_post_type', { 'content-type': 'text/plain' }, '{}'],
    ['invalid_json', {}, '{'],
    ['json_not_object', {}, '[]'],
    ['not_authed', { authorization: '' }, '{}'],
    ['invalid_auth', { authorization: 'Bearer xoxb-of-nobody' }, '{}'],
    // a token in JSON is not looked at
    ['not_authed', { authorization: '' }, '{"token":"xoxb-of-nobody"}'],
  ])('answers %s with status 200', async (error, headers, body) => {
    const slack = start()
    const auth = { authorization: `Bearer ${slack.token}` }
    const answer = await postJson(`${API}/chat.postMessage`, body, { ...auth, ...headers })
    expect(answer).toMatchObject({ status: 200, json: { ok: false, error } })
    expect(slack.received).toEqual([])
    expect(slack.requests).toEqual([
      expect.objectContaining({ operation: 'chat.postMessage', method: 'POST', status: 200, error }),
    ])
  })

  it('answers missing_post_type to a body without a content type', async () => {
    const slack = start()
    const answer = await call(`${API}/chat.postMessage`, {
      method: 'POST',
      headers: { authorization: `Bearer ${slack.token}` },
      body: new TextEncoder().encode('{}'),
    })
    expect(answer.json).toEqual({ ok: false, error: 'missing_post_type' })
  })

  it('knows expired and revoked tokens, and those without the scope', async () => {
    const slack = start()
    const { accessToken } = slack.issueToken({ scopes: ['channels:read'] })
    expect((await post(slack, {}, accessToken)).json).toEqual({
      ok: false,
      error: 'missing_scope',
      needed: 'chat:write',
      provided: 'channels:read',
    })
    slack.expireTokens()
    expect((await post(slack, {})).json.error).toBe('token_expired')
    const fresh = slack.issueToken().accessToken
    expect((await post(slack, {}, fresh)).json.ok).toBe(true)
    slack.revokeTokens()
    expect((await post(slack, {}, fresh)).json.error).toBe('token_revoked')
  })

  it('ends rotated tokens after twelve hours', async () => {
    let now = 1_780_000_000_000
    const slack = start({ rotation: true, now: () => now })
    const { accessToken } = slack.issueToken()
    now += 43_200_000 - 1
    expect((await post(slack, {}, accessToken)).json.ok).toBe(true)
    now += 1
    expect((await post(slack, {}, accessToken)).json.error).toBe('token_expired')
  })

  it('knows which channels there are, and who is in them', async () => {
    const slack = start({
      channels: [
        { id: 'C0001', name: 'general' },
        { id: 'C2', name: 'quiet', member: false },
        { id: 'C3', name: 'secret', private: true, member: false },
        { id: 'C4', name: 'old', archived: true },
        { id: 'C5', name: 'elsewhere', teamId: 'T2' },
      ],
    })
    const to = async (channel: string, token?: string) => (await post(slack, { channel }, token)).json.error
    expect(await Promise.all(['C9', 'C2', 'C3', 'C4', 'C5'].map((channel) => to(channel)))).toEqual([
      'channel_not_found',
      'not_in_channel',
      'channel_not_found',
      'is_archived',
      'channel_not_found',
    ])
    const everywhere = slack.issueToken({ scopes: ['chat:write', 'chat:write.public'] }).accessToken
    expect(await to('C2', everywhere)).toBeUndefined()
    slack.join('C2')
    slack.join('C3')
    slack.unarchive('C4')
    expect([await to('C2'), await to('C3'), await to('C4')]).toEqual([undefined, undefined, undefined])
    slack.leave('C2')
    slack.archive('C3')
    slack.removeChannel('C4')
    expect([await to('C2'), await to('C3'), await to('C4')]).toEqual([
      'not_in_channel',
      'is_archived',
      'channel_not_found',
    ])
    const added = slack.addChannel({ name: 'new' })
    expect(await to(added.id)).toBeUndefined()
  })

  it.each([
    ['no_text', { text: '' }],
    ['no_text', { text: undefined, blocks: [] }],
    ['invalid_blocks_format', { blocks: { type: 'divider' } }],
    ['invalid_blocks_format', { blocks: '{' }],
    ['msg_too_long', { text: 'x'.repeat(40_001) }],
    ['msg_blocks_too_long', { blocks: Array.from({ length: 5 }, () => section('x'.repeat(2700))) }],
  ])('answers %s', async (error, body) => {
    const slack = start()
    expect((await post(slack, body)).json).toMatchObject({ ok: false, error })
    expect(slack.received).toEqual([])
  })

  it.each<[string, object | object[]]>([
    ['must be less than 151 characters [json-pointer:/blocks/0/text/text]', header('x'.repeat(151))],
    ['must be more than 0 characters [json-pointer:/blocks/0/text/text]', header('')],
    ['must be a valid enum value [json-pointer:/blocks/0/text/type]', { type: 'header', text: mrkdwn('x') }],
    ['missing required field: text [json-pointer:/blocks/0]', { type: 'header' }],
    ['must be less than 3001 characters [json-pointer:/blocks/0/text/text]', section('x'.repeat(3001))],
    ['missing required field: text [json-pointer:/blocks/0]', { type: 'section' }],
    ['no more than 10 items allowed [json-pointer:/blocks/0/fields]', fields(11, 'x')],
    ['must be less than 2001 characters [json-pointer:/blocks/0/fields/0/text]', fields(1, 'x'.repeat(2001))],
    ['no more than 25 items allowed [json-pointer:/blocks/0/elements]', actions(Array(26).fill(button()))],
    ['no less than 1 items allowed [json-pointer:/blocks/0/elements]', actions([])],
    [
      'must be less than 76 characters [json-pointer:/blocks/0/elements/0/text/text]',
      actions([{ type: 'button', text: { type: 'plain_text', text: 'x'.repeat(76) } }]),
    ],
    [
      'must be less than 3001 characters [json-pointer:/blocks/0/elements/0/url]',
      actions([button({ url: `https://example.com/${'x'.repeat(3000)}` })]),
    ],
    ['invalid url [json-pointer:/blocks/0/elements/0/url]', actions([button({ url: 'example' })])],
    ['must be a valid enum value [json-pointer:/blocks/0/elements/0/style]', actions([button({ style: 'red' })])],
    [
      '`action_id` "a" already exists for another action [json-pointer:/blocks/0/elements/1/action_id]',
      actions([button({ action_id: 'a' }), button({ action_id: 'a' })]),
    ],
    ['unsupported type: input_x [json-pointer:/blocks/0/elements/0/type]', actions([{ type: 'input_x' }])],
    [
      'no more than 10 items allowed [json-pointer:/blocks/0/elements]',
      { type: 'context', elements: Array(11).fill(mrkdwn('x')) },
    ],
    [
      'missing required field: alt_text [json-pointer:/blocks/0]',
      { type: 'image', image_url: 'https://example.com/a' },
    ],
    ['unsupported type: banner [json-pointer:/blocks/0/type]', { type: 'banner' }],
    ['missing required field: type [json-pointer:/blocks/0]', {}],
    ['invalid additional property: colour [json-pointer:/blocks/0]', { type: 'divider', colour: 'red' }],
    [
      'must be less than 256 characters [json-pointer:/blocks/0/block_id]',
      { type: 'divider', block_id: 'x'.repeat(256) },
    ],
    [
      '`block_id` "a" already exists for another block [json-pointer:/blocks/1/block_id]',
      [
        { type: 'divider', block_id: 'a' },
        { type: 'divider', block_id: 'a' },
      ],
    ],
    ['no more than 50 items allowed [json-pointer:/blocks]', Array(51).fill({ type: 'divider' })],
  ])('refuses blocks: %s', async (problem, blocks) => {
    const slack = start()
    const { json } = await post(slack, { blocks: [blocks].flat() })
    expect(json).toEqual({
      ok: false,
      error: 'invalid_blocks',
      errors: [problem],
      response_metadata: { messages: [`[ERROR] ${problem}`] },
    })
  })

  it('takes blocks at their limits', async () => {
    const slack = start()
    const url = `https://example.com/${'x'.repeat(2980)}`
    const blocks = [
      header('x'.repeat(150)),
      section('x'.repeat(3000)),
      fields(1, 'x'.repeat(2000)),
      actions([button({ url, action_id: 'x'.repeat(255) })]),
      { type: 'context', elements: [mrkdwn('x')] },
      ...Array.from({ length: 45 }, () => ({ type: 'divider' })),
    ]
    expect(url).toHaveLength(3000)
    expect(blocks).toHaveLength(50)
    expect((await post(slack, { blocks })).json.ok).toBe(true)
  })

  it('limits messages a channel when told to', async () => {
    let now = 1_780_000_000_000
    const slack = start({
      channels: [
        { id: 'C0001', name: 'a' },
        { id: 'C2', name: 'b' },
      ],
      now: () => now,
    })
    slack.rateLimit()
    const to = async (channel: string) => (await post(slack, { channel })).status
    expect([await to('C0001'), await to('C0001'), await to('C2')]).toEqual([200, 429, 200])
    const limited = await post(slack, {})
    expect(limited.headers.get('retry-after')).toBe('1')
    expect(limited.json).toEqual({ ok: false, error: 'ratelimited' })
    now += 1000
    expect(await to('C0001')).toBe(200)
    slack.rateLimit(false)
    expect([await to('C0001'), await to('C0001')]).toEqual([200, 200])
  })
})

describe('failures that are ordered', () => {
  it('come once, before anything else is looked at', async () => {
    const slack = start()
    slack.fail('channel_not_found')
    expect((await post(slack, {})).json).toEqual({ ok: false, error: 'channel_not_found' })
    expect((await post(slack, {})).json.ok).toBe(true)
    expect(slack.received).toHaveLength(1)
  })

  it('come as often as is said, in their order', async () => {
    const slack = start()
    slack.fail('ratelimited', { retryAfter: 3, times: 2 })
    slack.fail(503)
    const answers = [await post(slack, {}), await post(slack, {}), await post(slack, {}), await post(slack, {})]
    expect(answers.map((one) => [one.status, one.headers.get('retry-after')])).toEqual([
      [429, '3'],
      [429, '3'],
      [503, null],
      [200, null],
    ])
  })

  it('are for the operation that is named', async () => {
    const slack = start()
    slack.fail('fatal_error', { on: 'auth.test', times: Number.POSITIVE_INFINITY })
    expect((await post(slack, {})).json.ok).toBe(true)
    const authorization = `Bearer ${slack.token}`
    const test = () => postForm(`${API}/auth.test`, {}, { authorization })
    expect([(await test()).json.error, (await test()).json.error]).toEqual(['fatal_error', 'fatal_error'])
    slack.reset()
    expect((await test()).json).toMatchObject({ ok: true, team_id: 'T0001' })
  })

  it('may leave the message posted, which is what ambiguous means', async () => {
    const slack = start()
    slack.fail('internal_error', { afterPosting: true })
    expect((await post(slack, { text: 'twice?' })).json.error).toBe('internal_error')
    expect(slack.received.map((one) => one.text)).toEqual(['twice?'])
    slack.fail('internal_error', { afterPosting: true })
    expect((await post(slack, { channel: 'C9' })).json.error).toBe('channel_not_found')
  })

  it('may be a connection that breaks off', async () => {
    const slack = start()
    slack.fail('network_error')
    await expect(post(slack, {})).rejects.toThrow(TypeError)
    expect(slack.requests).toEqual([expect.objectContaining({ status: 0, error: 'network_error' })])
  })

  it('must follow the rules', () => {
    const slack = slackFake()
    expect(refusalOf(() => slack.fail('x', { times: 0 }))).toMatch(/^times: /)
    expect(refusalOf(() => slack.fail('x', { retryAfter: -1 }))).toMatch(/^retryAfter: /)
    expect(refusalOf(() => slack.fail(99))).toMatch(/^failure: /)
    expect(refusalOf(() => slack.rateLimit({ perSecond: 0 }))).toMatch(/^perSecond: /)
    expect(refusalOf(() => slack.archive('C9'))).toMatch(/^id: /)
    // @ts-expect-error not an option
    expect(refusalOf(() => slackFake({ chanels: [] }))).toMatch(/^chanels: /)
  })
})

describe('incoming webhooks', () => {
  const post = (url: string, body: unknown, headers?: Record<string, string>) => postJson(url, body, headers)

  it('take text and blocks, and answer ok in plain text', async () => {
    const slack = start({ channels: [{ id: 'C1', name: 'alerts', member: false }] })
    const url = slack.addWebhook('C1')
    expect(await post(url, { text: 'Hello' })).toMatchObject({ status: 200, text: 'ok' })
    expect(slack.received).toEqual([
      expect.objectContaining({ via: 'incoming-webhook', channel: 'C1', channelName: 'alerts', text: 'Hello' }),
    ])
    expect(slack.received[0]).not.toHaveProperty('token')
  })

  it.each([
    [400, 'invalid_payload', '{'],
    [400, 'no_text', {}],
    [400, 'invalid_blocks', { blocks: [section('')] }],
  ])('answer %i %s to a bad body', async (status, text, body) => {
    const slack = start()
    expect(await post(slack.addWebhook('C0001'), body)).toMatchObject({ status, text })
    expect(slack.received).toEqual([])
  })

  it('need a content type that says JSON', async () => {
    const slack = start()
    const url = slack.addWebhook('C0001')
    expect(await post(url, { text: 'x' }, { 'content-type': 'text/plain' })).toMatchObject({ text: 'invalid_payload' })
    expect(await postForm(url, { payload: '{"text":"x"}' })).toMatchObject({ status: 200 })
  })

  it('end with their channel, their secret and their app', async () => {
    const slack = start({
      channels: [
        { id: 'C1', name: 'a' },
        { id: 'C2', name: 'b' },
      ],
    })
    const [one, two] = [slack.addWebhook('C1'), slack.addWebhook('C2')]
    slack.archive('C1')
    slack.removeChannel('C2')
    expect(await post(one, { text: 'x' })).toMatchObject({ status: 410, text: 'channel_is_archived' })
    expect(await post(two, { text: 'x' })).toMatchObject({ status: 404, text: 'channel_not_found' })
    expect(await post(`${one}x`, { text: 'x' })).toMatchObject({ status: 403, text: 'invalid_token' })
    slack.revokeTokens()
    expect(await post(one, { text: 'x' })).toMatchObject({ status: 404, text: 'no_service' })
  })

  it('fail as ordered, with the status that belongs to the word', async () => {
    const slack = start()
    const url = slack.addWebhook('C0001')
    slack.fail('rollup_error')
    slack.fail('ratelimited', { retryAfter: 2 })
    slack.fail('action_prohibited', { on: 'incoming-webhook' })
    const answers = [await post(url, { text: 'x' }), await post(url, { text: 'x' }), await post(url, { text: 'x' })]
    expect(answers.map((one) => [one.status, one.text, one.headers.get('retry-after')])).toEqual([
      [500, 'rollup_error', null],
      [429, 'rate_limited', '2'],
      [403, 'action_prohibited', null],
    ])
  })
})

describe('conversations.list', () => {
  const list = (slack: SlackFake, query: string, token = slack.token) =>
    call(`${API}/conversations.list?${query}`, { headers: { authorization: `Bearer ${token}` } })

  it('pages with a cursor', async () => {
    const slack = start({ channels: [1, 2, 3, 4, 5].map((i) => ({ id: `C${i}`, name: `c${i}` })), pageSize: 2 })
    const ids: string[] = []
    let cursor = ''
    let pages = 0
    do {
      const { json } = await list(slack, `limit=1000&cursor=${encodeURIComponent(cursor)}`)
      for (const channel of json.channels) ids.push(channel.id)
      cursor = json.response_metadata.next_cursor
      pages += 1
    } while (cursor !== '')
    expect([ids, pages]).toEqual([['C1', 'C2', 'C3', 'C4', 'C5'], 3])
  })

  it('shows private channels to their members only, and leaves archived ones out when asked', async () => {
    const slack = start({
      channels: [
        { id: 'C1', name: 'a' },
        { id: 'C2', name: 'b', archived: true },
        { id: 'C3', name: 'c', private: true },
        { id: 'C4', name: 'd', private: true, member: false },
      ],
    })
    const ids = async (query: string) =>
      (await list(slack, query)).json.channels.map((channel: { id: string }) => channel.id)
    expect(await ids('')).toEqual(['C1', 'C2'])
    expect(await ids('types=public_channel,private_channel&exclude_archived=true')).toEqual(['C1', 'C3'])
  })

  it.each([
    ['invalid_types', 'types=secret'],
    ['invalid_limit', 'limit=1001'],
    ['invalid_cursor', 'cursor=x'],
  ])('answers %s', async (error, query) => {
    expect((await list(start(), query)).json).toMatchObject({ ok: false, error })
  })

  it('needs a scope for each kind of channel', async () => {
    const slack = start()
    const { accessToken } = slack.issueToken({ scopes: ['channels:read'] })
    const { json } = await list(slack, 'types=public_channel,private_channel', accessToken)
    expect(json).toMatchObject({ error: 'missing_scope', needed: 'groups:read' })
    expect((await list(slack, 'types=public_channel', accessToken)).json.ok).toBe(true)
  })
})

it('a method that does not exist is unknown', async () => {
  start()
  expect((await call(`${API}/chat.shout`)).json).toMatchObject({ ok: false, error: 'unknown_method' })
})

it('reset brings everything back', async () => {
  const slack = start()
  slack.archive('C0001')
  slack.expireTokens()
  slack.rateLimit()
  slack.fail(500)
  await post(slack, {})
  slack.reset()
  expect([slack.received, slack.requests]).toEqual([[], []])
  expect([(await post(slack, {})).json.ok, (await post(slack, {})).json.ok]).toEqual([true, true])
})

function header(text: string) {
  return { type: 'header', text: { type: 'plain_text', text } }
}

function mrkdwn(text: string) {
  return { type: 'mrkdwn', text }
}

function fields(count: number, text: string) {
  return { type: 'section', fields: Array.from({ length: count }, () => mrkdwn(text)) }
}

function actions(elements: readonly object[]) {
  return { type: 'actions', elements }
}
