import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { HttpPort } from '../../src/contracts/http.ts'
import { outcomeText } from '../../src/delivery/reasons.ts'
import { createDispatcher } from '../../src/index.ts'
import { discordMessage } from '../../src/payloads/discord.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'
import { type DiscordTransportOptions, discordTransport } from '../../src/transports/discord.ts'
import { eventMessage, testMessage } from '../payloads/messages.ts'
import { LOOPBACK, startReceiver, status } from '../support/receiver.ts'
import { connectionOf, hangUp, json, PORTS, sendOnce } from '../support/sending.ts'

const ID = '1098765432109876543'
const TOKEN = 'oM6Yx2-kJ7_Zq9Wv4Tt1Rr8Ss5Pp3Nn0Ll6Hh2Ff9Dd4Bb7Aa1Cc8Ee5Gg3Ii0Kk6Mm'
const PATH = `/api/v10/webhooks/${ID}/${TOKEN}`
const THREAD = '1100000000000000001'
const MESSAGE = { id: '1200000000000000001', channel_id: '1300000000000000001', content: '', embeds: [] }

const gone = (detail: string | undefined) => ({ kind: 'gone', code: 'target_gone', detail })

const cleanups: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

describe.each(PORTS)('Discord over %s', (_name, port) => {
  let receiver: Awaited<ReturnType<typeof startReceiver>>
  let http: HttpPort
  beforeEach(async () => {
    receiver = await startReceiver(json(200, MESSAGE))
    http = port(LOOPBACK)
    cleanups.push(receiver.close, http.close)
  })

  const hosts = () => [new URL(receiver.url).host]
  const send = (options: DiscordTransportOptions = {}, query = '') =>
    sendOnce(discordTransport({ hosts: hosts(), ...options }), {
      http,
      config: { url: `${receiver.url}${PATH}${query}` },
      message: eventMessage(),
    })

  it('posts JSON, asks for a confirmation, and pings nobody', async () => {
    await send({ render: () => ({ content: '@everyone “Héllo”' }) })
    const [request] = receiver.requests
    expect([request?.method, request?.path]).toEqual(['POST', `${PATH}?wait=true`])
    expect(request?.headers['content-type']).toBe('application/json')
    expect(request?.headers).not.toHaveProperty('authorization')
    expect(request?.body.toString()).toBe('{"content":"@everyone “Héllo”","allowed_mentions":{"parse":[]}}')
  })

  it('posts into one thread', async () => {
    await send({}, `?thread_id=${THREAD}`)
    expect(receiver.requests[0]?.path).toBe(`${PATH}?thread_id=${THREAD}&wait=true`)
  })

  it('draws the message as embeds, the same bytes at every try', async () => {
    await send()
    await send()
    const [first, second] = receiver.requests.map((request) => request.body.toString())
    expect(second).toBe(first)
    expect(JSON.parse(first ?? '')).toEqual(JSON.parse(JSON.stringify(discordMessage(eventMessage()))))
    expect(JSON.parse(first ?? '')).toMatchObject({ allowed_mentions: { parse: [] } })
  })

  it('gives back what finds the message again, also in an answer that repeats large embeds', async () => {
    const receipt = { id: MESSAGE.id, channel_id: MESSAGE.channel_id }
    expect(await send()).toEqual({ kind: 'delivered', status: 200, receipt })
    receiver.answerWith(json(200, { content: 'x'.repeat(30_000), ...receipt }))
    expect(await send()).toEqual({ kind: 'delivered', status: 200, receipt })
    receiver.answerWith(status(204))
    expect(await send()).toEqual({ kind: 'delivered', status: 204 })
  })

  it.each([
    [404, 10003, 'Unknown Channel', gone('The channel was deleted (Unknown Channel)')],
    [404, 10015, 'Unknown Webhook', gone('The webhook was deleted (Unknown Webhook)')],
    [403, 50013, 'Missing Permissions', gone('The webhook may not post in this channel (Missing Permissions)')],
    [401, 50027, 'Invalid Webhook Token', gone('The webhook URL is not valid any more (Invalid Webhook Token)')],
    [400, 10015, 'Unknown Webhook', gone('The webhook was deleted (Unknown Webhook)')],
    [400, 50006, 'Cannot send an empty message', { kind: 'rejected', code: 'invalid_payload' }],
    [400, 50035, 'Invalid Form Body', { kind: 'rejected', code: 'invalid_payload' }],
    [400, 50109, 'The request body contains invalid JSON.', { kind: 'rejected', code: 'invalid_payload' }],
    [413, 40005, 'Request entity too large', { kind: 'rejected', code: 'payload_too_large' }],
    [403, 50035, 'Invalid Form Body', { kind: 'rejected', code: 'invalid_payload' }],
    [401, 0, '401: Unauthorized', gone(undefined)],
    [403, 40333, 'internal network error', gone(`${outcomeText('target_gone')} (internal network error)`)],
    [404, 0, '404: Not Found', gone(undefined)],
    [
      400,
      220001,
      'Webhooks posted to forum channels must have a thread',
      { kind: 'rejected', code: 'invalid_payload' },
    ],
    [405, 0, '405: Method Not Allowed', { kind: 'rejected', code: 'http_4xx' }],
    [408, 0, 'timeout', { kind: 'retry', code: 'timeout' }],
    [500, 0, '500: Internal Server Error', { kind: 'retry', code: 'http_5xx', ambiguous: true }],
    [503, 10015, 'not believed of a server that fails', { kind: 'retry', code: 'http_5xx' }],
  ])('takes %i with code %i, %s, for what it is', async (httpStatus, code, message, outcome) => {
    const body = { code, message }
    receiver.answerWith(json(httpStatus, body))
    expect(await send()).toEqual({
      status: httpStatus,
      providerCode: String(code),
      detail: message,
      ...outcome,
      snippet: JSON.stringify(body),
    })
  })

  it.each([
    [307, { kind: 'retry', code: 'redirect' }],
    [400, { kind: 'rejected', code: 'invalid_payload' }],
    [401, { kind: 'gone', code: 'target_gone' }],
    [403, { kind: 'gone', code: 'target_gone' }],
    [404, { kind: 'gone', code: 'target_gone' }],
    [410, { kind: 'gone', code: 'target_gone' }],
    [413, { kind: 'rejected', code: 'payload_too_large' }],
    [418, { kind: 'rejected', code: 'http_4xx' }],
    [429, { kind: 'retry', code: 'rate_limited' }],
    [502, { kind: 'retry', code: 'http_5xx', ambiguous: true }],
    [503, { kind: 'retry', code: 'http_5xx' }],
    [504, { kind: 'retry', code: 'http_5xx', ambiguous: true }],
  ])('goes by the status %i alone where the answer is no JSON', async (code, outcome) => {
    receiver.answerWith(status(code, {}, '<html>error code: 1010</html>'))
    expect(await send()).toEqual({ ...outcome, status: code, snippet: '<html>error code: 1010</html>' })
  })

  it('says of an invalid message which fields were wrong', async () => {
    const error = (message: string) => ({ _errors: [{ code: 'BASE_TYPE_MAX_LENGTH', message }] })
    const errors = {
      embeds: { 0: { title: error('Must be 256 or fewer in length.'), fields: { 2: { value: error('Required.') } } } },
      username: error('Not allowed.'),
    }
    receiver.answerWith(json(400, { code: 50035, message: 'Invalid Form Body', errors }))
    expect(await send()).toMatchObject({
      kind: 'rejected',
      providerCode: '50035',
      detail:
        'Invalid Form Body; embeds[0].title: Must be 256 or fewer in length.; embeds[0].fields[2].value: Required.; username: Not allowed.',
    })
  })

  it.each([
    ['the body’s fraction of seconds', { retry_after: 0.3, global: false }, { 'retry-after': '1' }, 300],
    ['rounded up', { retry_after: 64.57011, global: true }, {}, 64_571],
    ['the header where the body says nothing', {}, { 'retry-after': '7' }, 7_000],
    ['the header where the body makes no sense', { retry_after: '5' }, { 'retry-after': '1.5' }, 1_500],
    ['nothing', {}, {}, undefined],
  ])('waits after a 429 as Discord says: %s', async (_case, told, headers, retryAfterMs) => {
    const body = { message: 'You are being rate limited.', ...told }
    receiver.answerWith(json(429, body, headers))
    expect(await send()).toEqual({
      kind: 'retry',
      code: 'rate_limited',
      status: 429,
      detail: 'You are being rate limited.',
      snippet: JSON.stringify(body),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    })
  })

  it.each([
    ['used up', { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset-after': '1.234' }, 1_234],
    ['not used up', { 'x-ratelimit-remaining': '1', 'x-ratelimit-reset-after': '1.234' }, undefined],
    ['used up, for nobody knows how long', { 'x-ratelimit-remaining': '0' }, undefined],
    ['unknown', { 'x-ratelimit-reset-after': '1.234' }, undefined],
  ])('rests once the allowance is used up: %s', async (_case, headers, cooldownMs) => {
    receiver.answerWith(json(200, MESSAGE, headers))
    const outcome = await send()
    expect(outcome.kind === 'delivered' ? outcome.cooldownMs : 'failed').toBe(cooldownMs)
  })

  it('says whether a message may have arrived that got no answer', async () => {
    receiver.answerWith(hangUp)
    expect(await send()).toMatchObject({ kind: 'retry', code: 'connection_reset', ambiguous: true })
    await receiver.close()
    const refused = await send()
    expect(refused).toMatchObject({ kind: 'retry', code: 'connection_refused' })
    expect(refused).not.toHaveProperty('ambiguous')
  })

  describe('in a dispatcher', () => {
    const EVENT = {
      orgId: 'org_1',
      type: 'breach_logged',
      title: 'Breach logged',
      body: 'A laptop was lost',
      href: 'https://app.example.com/breaches/1',
    } as const
    const ref = { orgId: 'org_1', id: 'con_discord' }

    const setup = async () => {
      const clock = fakeClock()
      const clocked = port({ ...LOOPBACK, clock })
      const transport = discordTransport({ hosts: hosts() })
      const dispatcher = createDispatcher({ store: memoryStore(), transports: [transport], http: clocked, clock })
      cleanups.push(clocked.close, () => dispatcher.close({ graceMs: 1000 }))
      const url = `${receiver.url}/api/webhooks/${ID}/${TOKEN}?x=1`
      const { connection } = await dispatcher.connections.create({ ...ref, transport: 'discord', config: { url } })
      return { dispatcher, clock, connection }
    }

    it('a used-up allowance holds the next message back until it is new', async () => {
      const { dispatcher, clock } = await setup()
      receiver.answerWith(json(200, MESSAGE, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset-after': '1.5' }))
      await dispatcher.dispatch(EVENT)
      await dispatcher.drain()
      await dispatcher.dispatch(EVENT)
      await dispatcher.drain()
      expect(receiver.requests).toHaveLength(1)
      clock.set(clock.now() + 1_499)
      await dispatcher.drain()
      expect(receiver.requests).toHaveLength(1)
      clock.set(clock.now() + 1)
      expect(await dispatcher.tick()).toMatchObject({ delivered: 1, nextDueAt: null })
      expect(receiver.requests.map((request) => request.path)).toEqual([`${PATH}?wait=true`, `${PATH}?wait=true`])
    })

    it('a deleted webhook suspends the connection, and nothing more is sent to it', async () => {
      const { dispatcher } = await setup()
      receiver.answerWith(json(404, { code: 10015, message: 'Unknown Webhook' }))
      await dispatcher.dispatch(EVENT)
      await dispatcher.drain()
      await dispatcher.dispatch(EVENT)
      await dispatcher.drain()
      expect(receiver.requests).toHaveLength(1)
      expect(await dispatcher.connections.get(ref)).toMatchObject({
        status: 'suspended',
        reason: { code: 'target_gone', text: 'The webhook was deleted (Unknown Webhook)' },
      })
    })

    it('gives its URL away nowhere, not even where the answer quotes it', async () => {
      const { dispatcher, connection } = await setup()
      expect(connection).toMatchObject({ label: hosts()[0], destination: `${receiver.url}/…`, config: {} })
      receiver.answerWith((request, response, count) => {
        const message = `no such webhook: ${receiver.url}${request.path}`
        json(404, { code: 10015, message, token: TOKEN })(request, response, count)
      })
      const result = await dispatcher.connections.test({ ...ref, href: 'https://app.example.com' })
      const delivery = await dispatcher.deliveries.get({ orgId: 'org_1', id: result.deliveryId })
      const shown = JSON.stringify([result, delivery, await dispatcher.connections.get(ref)])
      expect(shown).toContain('no such webhook: ')
      for (const secret of [TOKEN, ID]) expect(shown).not.toContain(secret)
    })
  })
})

describe('the Discord transport', () => {
  const parse = async (url: string, options: DiscordTransportOptions = {}) => {
    const result = await discordTransport(options).config['~standard'].validate({ url })
    return result.issues === undefined ? result.value.url : new Error(result.issues[0]?.message)
  }

  it.each([
    [`https://discord.com/api/webhooks/${ID}/${TOKEN}`, ''],
    [`https://discord.com/api/v10/webhooks/${ID}/${TOKEN}`, ''],
    [`https://discord.com/api/v6/webhooks/${ID}/${TOKEN}/`, ''],
    [`https://discordapp.com/api/webhooks/${ID}/${TOKEN}`, ''],
    [`https://canary.discord.com/api/v9/webhooks/${ID}/${TOKEN}`, ''],
    [`https://ptb.discordapp.com/api/webhooks/${ID}/${TOKEN}?wait=false&utm=1`, ''],
    [`https://DISCORD.com:443/api/webhooks/${ID}/${TOKEN}?thread_id=${THREAD}&x=1#y`, `?thread_id=${THREAD}`],
  ])('stores %s as one of version 10', async (url, query) => {
    const stored = `https://discord.com${PATH}${query}`
    expect(await parse(url)).toBe(stored)
    expect(await parse(stored)).toBe(stored)
  })

  it.each([
    ['discord.com/api/webhooks/1/x', 'absolute URL'],
    [`https://discord.com.evil.example/api/webhooks/${ID}/${TOKEN}`, 'one of: discord.com'],
    [`https://evil-discord.com/api/webhooks/${ID}/${TOKEN}`, 'one of: discord.com'],
    [`https://discord.com@evil.example/api/webhooks/${ID}/${TOKEN}`, 'one of: discord.com'],
    [`https://discord.com:8443/api/webhooks/${ID}/${TOKEN}`, 'one of: discord.com'],
    [`https://discord.com/api/webhooks/${ID}`, 'webhook URL'],
    [`https://discord.com/api/webhooks/${ID}/${TOKEN}/slack`, 'webhook URL'],
    [`https://discord.com/api/webhooks/${ID}/${TOKEN}%2F..`, 'webhook URL'],
    [`https://discord.com/api/webhooks/abc/${TOKEN}`, 'webhook URL'],
    [`https://discord.com/api/webhooks/${ID}/../channels`, 'webhook URL'],
    [`https://discord.com/api/webhooks/${ID}/${TOKEN}?thread_id=a%26wait=false`, 'thread_id'],
  ])('refuses %s, without repeating it', async (url, rule) => {
    const refusal = await parse(url)
    expect(refusal).toBeInstanceOf(Error)
    expect(String(refusal)).toContain(rule)
    expect(String(refusal)).not.toContain(TOKEN)
  })

  it('keeps the host of a proxy that it was told of', async () => {
    const hosts = ['discord-proxy.example.com:8443']
    const url = `https://discord-proxy.example.com:8443${PATH}`
    expect(await parse(url, { hosts })).toBe(url)
    expect(await parse(`https://discord.com${PATH}`, { hosts })).toBeInstanceOf(Error)
  })

  it('shows of its URL the origin only', () => {
    const { describe: shown, defaultLabel, fields } = discordTransport()
    const config = { url: `https://discord.com${PATH}` }
    expect([shown?.(config), defaultLabel?.(config)]).toEqual(['https://discord.com/…', 'discord.com'])
    expect(fields).toMatchObject([{ name: 'url', kind: 'url', required: true, secret: true }])
  })

  it('shares one build of a message, unless the host draws', () => {
    const a = { url: `https://discord.com${PATH}` }
    expect(discordTransport().variant?.(a)).toBe(discordTransport().variant?.({ url: 'https://discord.com/b' }))
    const mention = { content: '<@1>', allowed_mentions: { users: ['1'] } }
    const drawn = discordTransport({ render: (message) => (message.kind === 'test' ? mention : undefined) })
    expect(drawn.variant).toBeUndefined()
    const connection = connectionOf('discord', a)
    expect(JSON.parse(drawn.build(testMessage, connection))).toEqual(mention)
    expect(drawn.build(eventMessage(), connection)).toBe(discordTransport().build(eventMessage(), connection))
  })

  it('has no pace of its own, unless told otherwise', () => {
    expect(discordTransport().pace).toBeUndefined()
    const pace = { perSecond: 2, burst: 5 }
    const options = { name: 'discord-eu', pace, deadlineMs: 5000, retry: { delaysMs: [1] } } as const
    expect(discordTransport(options)).toMatchObject(options)
  })

  it.each([
    [{ hosts: ['Discord.com'] }, 'hosts[0]'],
    [{ hosts: 'discord.com' }, 'hosts'],
    [{ name: '' }, 'name'],
    [{ deadlineMs: 60_001 }, 'deadlineMs'],
    [{ pace: true }, 'pace'],
    [{ wait: false }, 'wait'],
  ])('refuses the option %j', (options, field) => {
    expect(() => discordTransport(options as never)).toThrow(expect.objectContaining({ code: 'invalid_input', field }))
  })
})
