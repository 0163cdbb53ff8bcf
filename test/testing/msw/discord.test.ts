import { describe, expect, it } from 'vitest'
import { type DiscordFake, discordFake } from '../../../src/testing/msw.ts'
import { type Answered, call, intercept, postJson, refusalOf } from './support.ts'

function start(now?: () => number): DiscordFake {
  const discord = discordFake(now === undefined ? {} : { now })
  intercept(discord)
  return discord
}

const post = (discord: DiscordFake, body: unknown, query = '?wait=true') => postJson(discord.webhookUrl + query, body)
const x = (length: number) => 'x'.repeat(length)

describe('webhooks', () => {
  it('keep what they accept, and answer with the message when waited for', async () => {
    const discord = start()
    const body = { content: 'Hello', embeds: [{ title: 'T' }], username: 'Bot', allowed_mentions: { parse: [] } }
    const { status, json } = await post(discord, body)
    expect(status).toBe(200)
    expect(json).toMatchObject({ id: expect.stringMatching(/^\d+$/), content: 'Hello', author: { username: 'Bot' } })
    expect(discord.received).toEqual([
      expect.objectContaining({
        text: 'Hello\nT',
        content: 'Hello',
        embeds: [{ title: 'T' }],
        username: 'Bot',
        allowedMentions: { parse: [] },
        pingsEveryone: false,
        waited: true,
        id: json.id,
        channelId: json.channel_id,
      }),
    ])
  })

  it('answer 204 when not waited for, in every version of the API and on both hosts', async () => {
    const discord = start()
    expect(await post(discord, { content: 'a' }, '')).toMatchObject({ status: 204, text: '' })
    const versioned = discord.webhookUrl.replace('/api/', '/api/v10/').replace('discord.com', 'discordapp.com')
    expect((await postJson(versioned, { content: 'b' })).status).toBe(204)
    expect(discord.received.map((one) => [one.content, one.waited])).toEqual([
      ['a', false],
      ['b', false],
    ])
  })

  it('tell whether everybody would have been pinged', async () => {
    const discord = start()
    await post(discord, { content: 'Hi @everyone' })
    await post(discord, { content: 'Hi @here', allowed_mentions: { parse: ['everyone'] } })
    await post(discord, { content: 'Hi @everyone', allowed_mentions: { parse: [] } })
    expect(discord.received.map((one) => one.pingsEveryone)).toEqual([true, true, false])
  })

  it.each<[string, unknown]>([
    ['neither text nor embed', {}],
    ['blank text', { content: ' \n' }],
    ['an empty embed', { embeds: [{}] }],
  ])('refuse %s with 50006', async (_what, body) => {
    expect(await post(start(), body)).toMatchObject({
      status: 400,
      json: { code: 50006, message: 'Cannot send an empty message' },
    })
  })

  it.each<[path: string, code: string, body: object]>([
    ['content', 'BASE_TYPE_MAX_LENGTH', { content: x(2001) }],
    ['username', 'BASE_TYPE_MAX_LENGTH', { content: 'a', username: x(81) }],
    ['username', 'USERNAME_INVALID_CONTAINS', { content: 'a', username: 'My Discord' }],
    ['username', 'BASE_TYPE_BAD_LENGTH', { content: 'a', username: '' }],
    ['embeds', 'BASE_TYPE_MAX_LENGTH', { embeds: Array(11).fill({ title: 'a' }) }],
    ['embeds', 'LIST_TYPE_CONVERT', { embeds: { title: 'a' } }],
    ['embeds', 'MAX_EMBED_SIZE_EXCEEDED', { embeds: [{ description: x(3001) }, { description: x(3000) }] }],
    ['embeds.0.title', 'BASE_TYPE_MAX_LENGTH', { embeds: [{ title: x(257) }] }],
    ['embeds.0.description', 'BASE_TYPE_MAX_LENGTH', { embeds: [{ description: x(4097) }] }],
    ['embeds.0.url', 'URL_TYPE_INVALID_URL', { embeds: [{ title: 'a', url: 'example' }] }],
    ['embeds.0.url', 'URL_TYPE_INVALID_SCHEME', { embeds: [{ title: 'a', url: 'ftp://example.com' }] }],
    ['embeds.0.timestamp', 'DATE_TIME_TYPE_PARSE', { embeds: [{ title: 'a', timestamp: 'today' }] }],
    ['embeds.0.color', 'NUMBER_TYPE_MAX', { embeds: [{ title: 'a', color: 0x1000000 }] }],
    ['embeds.0.footer.text', 'BASE_TYPE_MAX_LENGTH', { embeds: [{ footer: { text: x(2049) } }] }],
    ['embeds.0.author.name', 'BASE_TYPE_REQUIRED', { embeds: [{ title: 'a', author: {} }] }],
    ['embeds.0.author.name', 'BASE_TYPE_MAX_LENGTH', { embeds: [{ author: { name: x(257) } }] }],
    ['embeds.0.fields', 'BASE_TYPE_MAX_LENGTH', { embeds: [{ fields: Array(26).fill({ name: 'a', value: 'b' }) }] }],
    ['embeds.0.fields.1.name', 'BASE_TYPE_MAX_LENGTH', fields({ name: x(257), value: 'b' })],
    ['embeds.0.fields.1.value', 'BASE_TYPE_MAX_LENGTH', fields({ name: 'a', value: x(1025) })],
    ['embeds.0.fields.1.value', 'BASE_TYPE_REQUIRED', fields({ name: 'a' })],
  ])('refuse %s with 50035 and %s in the tree of errors', async (path, code, body) => {
    const discord = start()
    const { status, json } = await post(discord, body)
    expect([status, json.code, json.message]).toEqual([400, 50035, 'Invalid Form Body'])
    const place = path.split('.').reduce((tree, name) => tree[name], json.errors)
    expect(place).toEqual({ _errors: [{ code, message: expect.any(String) }] })
    expect(discord.received).toEqual([])
  })

  it('take a message at its limits', async () => {
    const discord = start()
    const embed = { title: x(256), description: x(4096), footer: { text: x(1000) }, author: { name: x(256) } }
    const full = { ...embed, fields: [{ name: x(256), value: x(136) }] }
    const body = { content: x(2000), username: x(80), embeds: [full, ...Array(9).fill({ color: 0xffffff })] }
    expect((await post(discord, body)).status).toBe(200)
  })

  it('need JSON and its content type', async () => {
    const discord = start()
    expect(await post(discord, '{')).toMatchObject({ status: 400, json: { code: 50109 } })
    const answer = await call(discord.webhookUrl, { method: 'POST', body: '{"content":"a"}' })
    expect(answer.json).toMatchObject({ code: 50035, errors: { _errors: [{ code: 'CONTENT_TYPE_INVALID' }] } })
  })

  it('end when they are deleted; their token is checked', async () => {
    const discord = start()
    const added = discord.addWebhook({ name: 'Alerts' })
    expect((await postJson(added.url, { content: 'a' })).status).toBe(204)
    expect((await call(added.url)).json).toMatchObject({ id: added.id, channel_id: added.channelId, name: 'Alerts' })
    expect(await postJson(`${added.url}x`, { content: 'a' })).toMatchObject({ status: 401, json: { code: 50027 } })
    discord.removeWebhook(added.url)
    expect(await postJson(added.url, { content: 'a' })).toMatchObject({
      status: 404,
      json: { code: 10015, message: 'Unknown Webhook' },
    })
    expect(refusalOf(() => discord.removeWebhook(added.id))).toMatch(/^urlOrId: /)
    expect((await call('https://discord.com/api/v10/users/@me')).json).toEqual({ message: '404: Not Found', code: 0 })
  })

  it('say what is left of their limit, and hold to it when told to', async () => {
    let now = 1_780_000_000_000
    const discord = start(() => now)
    const headers = ({ headers }: Answered) =>
      ['limit', 'remaining', 'reset-after'].map((name) => headers.get(`x-ratelimit-${name}`))
    expect(headers(await post(discord, { content: 'a' }))).toEqual(['5', '4', '2.000'])
    discord.rateLimit({ perSecond: 0.5, burst: 2 })
    expect(headers(await post(discord, { content: 'a' }))).toEqual(['2', '1', '0.000'])
    expect(headers(await post(discord, { content: 'a' }))).toEqual(['2', '0', '2.000'])
    now += 500
    const limited = await post(discord, { content: 'a' })
    expect(limited.json).toEqual({ message: 'You are being rate limited.', retry_after: 1.5, global: false })
    expect([limited.status, limited.headers.get('retry-after'), ...headers(limited)]).toEqual([
      429,
      '2',
      '2',
      '0',
      '1.500',
    ])
    now += 1500
    expect((await post(discord, { content: 'a' })).status).toBe(200)
  })

  it('fail as ordered', async () => {
    const discord = start()
    discord.fail(50027)
    discord.fail(429, { retryAfter: 0.25 })
    discord.fail(503)
    discord.fail('network_error')
    expect(await post(discord, { content: 'a' })).toMatchObject({ status: 401, json: { code: 50027 } })
    expect(await post(discord, { content: 'a' })).toMatchObject({ status: 429, json: { retry_after: 0.25 } })
    expect((await post(discord, { content: 'a' })).status).toBe(503)
    await expect(post(discord, { content: 'a' })).rejects.toThrow(TypeError)
    expect(discord.requests.map((one) => one.error)).toEqual(['50027', '429', 'http_503', 'network_error'])
    expect(refusalOf(() => discord.fail(600))).toMatch(/^failure: /)
  })

  it('are as they were after reset', async () => {
    const discord = start()
    const added = discord.addWebhook()
    discord.removeWebhook(discord.webhookUrl)
    discord.reset()
    expect((await postJson(added.url, { content: 'a' })).status).toBe(404)
    discord.reset()
    expect(discord.requests).toEqual([])
    expect((await post(discord, { content: 'a' })).status).toBe(200)
  })
})

function fields(second: object) {
  return { embeds: [{ fields: [{ name: 'a', value: 'b' }, second] }] }
}
