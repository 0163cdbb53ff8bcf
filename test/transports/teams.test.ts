import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { HttpPort } from '../../src/contracts/http.ts'
import type { OutcomeCode } from '../../src/contracts/outcome.ts'
import type { ChannelsContext } from '../../src/contracts/transport.ts'
import { outcomeText } from '../../src/delivery/reasons.ts'
import { createDispatcher, isSignalboxError } from '../../src/index.ts'
import { adaptiveCard } from '../../src/payloads/adaptive-card.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'
import { type TeamsConfig, type TeamsTransportOptions, teamsTransport } from '../../src/transports/teams.ts'
import { eventMessage, testMessage } from '../payloads/messages.ts'
import { type Answer, LOOPBACK, type Received, startReceiver, status } from '../support/receiver.ts'
import { connectionOf, hangUp, json, PORTS, sendOnce } from '../support/sending.ts'

const CONFIG = {
  teamId: '172b0cce-e65d-44ce-9a49-91d9f2e8493a',
  teamName: 'Contoso',
  channelId: '19:09fc54a3141a45d0bc769cf506d2e079@thread.skype',
  channelName: 'General',
} as const
const PATH = `/v1.0/teams/${CONFIG.teamId}/channels/19%3A09fc54a3141a45d0bc769cf506d2e079%40thread.skype/messages`
const TOKEN = 'eyJ0eXAiOiJKV1QifQ.teams-token'
const CARD = { type: 'AdaptiveCard', version: '1.5', body: [{ type: 'TextBlock', text: '“Héllo” \\ ✓' }] } as const
const MICROSOFT_ERROR = (code: string, message: string) => ({
  error: { code, message, innerError: { date: '2026-11-21T09:00:00', 'request-id': 'c1c1' } },
})
/** What the end of a connection means, in words for people, and Graph's behind them. */
const ended = (code: OutcomeCode) => `${outcomeText(code)} (Said by Graph)`

const cleanups: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

describe.each(PORTS)('Teams over %s', (_name, port) => {
  let receiver: Awaited<ReturnType<typeof startReceiver>>
  let http: HttpPort
  beforeEach(async () => {
    receiver = await startReceiver(json(201, { id: '1616990032035', webUrl: 'https://teams.example.com/l/message/1' }))
    http = port(LOOPBACK)
    cleanups.push(receiver.close, http.close)
  })

  const teams = (options: TeamsTransportOptions = {}) =>
    teamsTransport({ graphUrl: `${receiver.url}/v1.0`, ...options })
  const send = (config: TeamsConfig = CONFIG, options: TeamsTransportOptions = {}) =>
    sendOnce(teams(options), { http, config, message: eventMessage(), token: TOKEN })

  it('posts the message that Graph documents: an attachment named in the HTML, the card as a JSON string', async () => {
    await send(CONFIG, { render: () => CARD })
    const [request] = receiver.requests
    expect([request?.method, request?.path]).toEqual(['POST', PATH])
    expect(request?.headers).toMatchObject({ authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' })
    const id = '116b88f1-7300-8be5-b05d-f2a87105f095'
    expect(request?.body.toString()).toBe(
      `{"body":{"contentType":"html","content":"<attachment id=\\"${id}\\"></attachment>"},` +
        `"attachments":[{"id":"${id}","contentType":"application/vnd.microsoft.card.adaptive","contentUrl":null,` +
        `"content":"{\\"type\\":\\"AdaptiveCard\\",\\"version\\":\\"1.5\\",\\"body\\":[{\\"type\\":\\"TextBlock\\",` +
        `\\"text\\":\\"“Héllo” \\\\\\\\ ✓\\"}]}"}]}`,
    )
  })

  it('draws the message as an Adaptive Card, the same bytes at every try', async () => {
    await send()
    await send()
    const [first, second] = receiver.requests.map((request) => request.body.toString())
    expect(second).toBe(first)
    const [attachment] = JSON.parse(first ?? '').attachments
    expect(JSON.parse(attachment.content)).toEqual(JSON.parse(JSON.stringify(adaptiveCard(eventMessage()))))
    expect(attachment.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })

  it('gives back what finds the message again', async () => {
    expect(await send()).toEqual({
      kind: 'delivered',
      status: 201,
      receipt: { id: '1616990032035', webUrl: 'https://teams.example.com/l/message/1' },
    })
  })

  it('finds it in an answer that repeats a large card', async () => {
    receiver.answerWith(json(201, { attachments: [{ content: 'x'.repeat(40_000) }], id: '1', webUrl: 'https://t/1' }))
    expect(await send()).toMatchObject({ kind: 'delivered', receipt: { id: '1', webUrl: 'https://t/1' } })
  })

  it('counts a 201 that cannot be read as delivered', async () => {
    receiver.answerWith(status(201, {}, 'created'))
    expect(await send()).toEqual({ kind: 'delivered', status: 201 })
  })

  it('encodes ids as one path segment each', async () => {
    await send({ teamId: 'a/b?c#d', channelId: '19:é %2e@x' })
    expect(receiver.requests[0]?.path).toBe('/v1.0/teams/a%2Fb%3Fc%23d/channels/19%3A%C3%A9%20%252e%40x/messages')
  })

  it.each([
    [400, 'BadRequest', { kind: 'rejected', code: 'invalid_payload' }],
    [401, 'InvalidAuthenticationToken', { kind: 'retry', code: 'token_expired', detail: ended('token_expired') }],
    [402, 'PaymentRequired', { kind: 'rejected', code: 'http_4xx' }],
    [403, 'Forbidden', { kind: 'reauthorize', code: 'missing_scope', detail: ended('missing_scope') }],
    [404, 'NotFound', { kind: 'gone', code: 'target_gone', detail: ended('target_gone') }],
    [408, 'RequestTimeout', { kind: 'retry', code: 'timeout' }],
    [409, 'Conflict', { kind: 'rejected', code: 'http_4xx' }],
    [410, 'Gone', { kind: 'gone', code: 'target_gone', detail: ended('target_gone') }],
    [412, 'PreconditionFailed', { kind: 'rejected', code: 'http_4xx' }],
    [413, 'RequestEntityTooLarge', { kind: 'rejected', code: 'payload_too_large' }],
    [429, 'TooManyRequests', { kind: 'retry', code: 'rate_limited' }],
    [500, 'InternalServerError', { kind: 'retry', code: 'http_5xx', ambiguous: true }],
    [502, 'BadGateway', { kind: 'retry', code: 'http_5xx', ambiguous: true }],
    [503, 'ServiceUnavailable', { kind: 'retry', code: 'http_5xx' }],
    [504, 'GatewayTimeout', { kind: 'retry', code: 'http_5xx', ambiguous: true }],
    [509, 'BandwidthLimitExceeded', { kind: 'retry', code: 'http_5xx' }],
  ])('takes %i %s for what it is, with the service’s own words', async (code, providerCode, outcome) => {
    const body = MICROSOFT_ERROR(providerCode, 'Said by Graph.')
    receiver.answerWith(json(code, body))
    const told = { status: code, providerCode, detail: 'Said by Graph.', snippet: JSON.stringify(body) }
    expect(await send()).toEqual({ ...told, ...outcome })
  })

  it.each([
    ['2', 2_000],
    ['0.5', 500],
    ['1.2345', 1_235],
    [undefined, undefined],
  ])('waits after a 429 as Retry-After says: %s', async (header, retryAfterMs) => {
    receiver.answerWith(status(429, header === undefined ? {} : { 'retry-after': header }))
    expect(await send()).toEqual({
      kind: 'retry',
      code: 'rate_limited',
      status: 429,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    })
  })

  it('never follows a redirect, which would take the token along', async () => {
    receiver.answerWith(status(307, { location: `${receiver.url}/elsewhere` }))
    expect(await send()).toMatchObject({ kind: 'retry', code: 'redirect' })
    expect(receiver.requests).toHaveLength(1)
  })

  it('keeps an answer that is no JSON as the snippet only', async () => {
    receiver.answerWith(status(503, {}, '<html>busy</html>'))
    expect(await send()).toEqual({ kind: 'retry', code: 'http_5xx', status: 503, snippet: '<html>busy</html>' })
  })

  it('says whether a message may have arrived that got no answer', async () => {
    receiver.answerWith(hangUp)
    expect(await send()).toMatchObject({ kind: 'retry', code: 'connection_reset', ambiguous: true })
    await receiver.close()
    const refused = await send()
    expect(refused).toMatchObject({ kind: 'retry', code: 'connection_refused' })
    expect(refused).not.toHaveProperty('ambiguous')
  })

  it('ends with the reason of an abort', async () => {
    const controller = new AbortController()
    receiver.answerWith(() => controller.abort('shutting down'))
    const sending = sendOnce(teams(), {
      http,
      config: CONFIG,
      message: testMessage,
      token: TOKEN,
      signal: controller.signal,
    })
    await expect(sending).rejects.toBe('shutting down')
  })

  it('sends nothing without a channel or a token', async () => {
    expect(await send({})).toMatchObject({ kind: 'rejected', code: 'config_invalid' })
    expect(await sendOnce(teams(), { http, config: CONFIG, message: testMessage })).toMatchObject({
      kind: 'reauthorize',
      code: 'token_missing',
    })
    expect(receiver.requests).toEqual([])
  })

  describe('lists channels', () => {
    const listed = (context: Partial<ChannelsContext<TeamsConfig>> = {}, options: TeamsTransportOptions = {}) => {
      const now = Date.now()
      const connection = connectionOf('teams', {})
      const signal = new AbortController().signal
      const whole = { connection, token: TOKEN, http, now, deadlineAt: now + 10_000, signal, ...context }
      return teams(options).channels?.(whole) ?? []
    }
    /** Answers by path; what is not listed is 404. */
    const graph = (pages: Readonly<Record<string, object>>): Answer => {
      return (request, response, count) => {
        const page = pages[request.path]
        const answer = page === undefined ? json(404, MICROSOFT_ERROR('NotFound', 'no such page')) : json(200, page)
        answer(request, response, count)
      }
    }
    const select = '?$select=id,displayName'
    const failure = async (promise: unknown): Promise<string> => {
      try {
        await promise
      } catch (error) {
        if (isSignalboxError(error, 'conflict')) return error.message
        throw error
      }
      throw new Error('nothing was thrown')
    }

    it('of all joined teams, over all pages, each with the config that chooses it', async () => {
      receiver.answerWith(
        graph({
          '/v1.0/me/joinedTeams': {
            value: [{ id: 't1', displayName: 'Contoso', description: null }],
            '@odata.nextLink': `${receiver.url}/v1.0/me/joinedTeams?$skiptoken=abc`,
          },
          '/v1.0/me/joinedTeams?$skiptoken=abc': {
            value: [{ id: 't2', displayName: 'Fabrikam' }],
            '@odata.nextLink': null,
          },
          [`/v1.0/teams/t1/channels${select}`]: {
            value: [{ id: '19:a@thread.tacv2', displayName: 'General' }],
            '@odata.nextLink': `${receiver.url}/v1.0/teams/t1/channels?$skiptoken=2`,
          },
          '/v1.0/teams/t1/channels?$skiptoken=2': { value: [{ id: '19:b@thread.tacv2', displayName: 'Legal' }] },
          [`/v1.0/teams/t2/channels${select}`]: {
            value: [{ id: '19:c@thread.tacv2' }, { displayName: 'no id' }, null],
          },
        }),
      )
      const group = { id: 't1', name: 'Contoso' }
      const team = { teamId: 't1', teamName: 'Contoso' }
      expect(await listed()).toEqual([
        {
          id: '19:a@thread.tacv2',
          name: 'General',
          group,
          config: { ...team, channelId: '19:a@thread.tacv2', channelName: 'General' },
        },
        {
          id: '19:b@thread.tacv2',
          name: 'Legal',
          group,
          config: { ...team, channelId: '19:b@thread.tacv2', channelName: 'Legal' },
        },
        {
          id: '19:c@thread.tacv2',
          name: '19:c@thread.tacv2',
          group: { id: 't2', name: 'Fabrikam' },
          config: {
            teamId: 't2',
            teamName: 'Fabrikam',
            channelId: '19:c@thread.tacv2',
            channelName: '19:c@thread.tacv2',
          },
        },
      ])
      for (const request of receiver.requests) {
        expect([request.method, request.headers.authorization]).toEqual(['GET', `Bearer ${TOKEN}`])
      }
    })

    it('of a person in hundreds of teams, a few teams at a time', async () => {
      const value = Array.from({ length: 400 }, (_, i) => ({
        id: `t${i}`,
        displayName: `Team ${i}`,
        x: 'x'.repeat(900),
      }))
      let open = 0
      let most = 0
      receiver.answerWith((request, response, count) => {
        if (request.path.endsWith('/joinedTeams')) return json(200, { value })(request, response, count)
        open += 1
        most = Math.max(most, open)
        setImmediate(() => {
          open -= 1
          json(200, { value: [{ id: 'c', displayName: 'General' }] })(request, response, count)
        })
      })
      const channels = await listed()
      expect(channels.map((channel) => channel.group?.id)).toEqual(value.map((team) => team.id))
      expect(most).toBeLessThanOrEqual(8)
    })

    it('and asks for nothing more once it has failed', async () => {
      const held: (() => void)[] = []
      const value = Array.from({ length: 40 }, (_, i) => ({ id: `t${i}` }))
      receiver.answerWith((request, response, count) => {
        if (request.path.endsWith('/joinedTeams')) return json(200, { value })(request, response, count)
        if (request.path.includes('/t3/')) return status(503)(request, response, count)
        held.push(() => json(200, { value: [] })(request, response, count))
      })
      const asked: Promise<unknown>[] = []
      const counting: HttpPort = {
        ...http,
        request(request) {
          const response = http.request(request)
          asked.push(response)
          return response
        },
      }
      expect(await failure(listed({ http: counting }))).toContain('HTTP 503')
      const before = asked.length
      receiver.answerWith(json(200, { value: [] }))
      for (const answer of held) answer()
      await Promise.all(asked)
      await new Promise((resolve) => setImmediate(resolve))
      expect(asked.length).toBe(before)
    })

    it('and takes the token nowhere else, whatever an answer says', async () => {
      const other = await startReceiver()
      cleanups.push(other.close)
      receiver.answerWith(graph({ '/v1.0/me/joinedTeams': { value: [], '@odata.nextLink': `${other.url}/v1.0/next` } }))
      expect(await failure(listed())).toContain('could not be listed')
      expect(other.requests).toEqual([])
    })

    it('and gives up on a list that never ends', async () => {
      const page = { value: [], '@odata.nextLink': `${receiver.url}/v1.0/me/joinedTeams` }
      receiver.answerWith(graph({ '/v1.0/me/joinedTeams': page }))
      await failure(listed())
      expect(receiver.requests.length).toBeLessThanOrEqual(50)
    })

    it('but of teams that are closed to the person; and fails where all are', async () => {
      const pages = { '/v1.0/me/joinedTeams': { value: [{ id: 'open' }, { id: 'gone' }] } }
      const open = { [`/v1.0/teams/open/channels${select}`]: { value: [{ id: 'c', displayName: 'General' }] } }
      receiver.answerWith(graph({ ...pages, ...open }))
      expect((await listed()).map((channel) => channel.group?.id)).toEqual(['open'])
      receiver.answerWith(graph(pages))
      expect(await failure(listed())).toContain('HTTP 404')
    })

    it.each<[string, Answer, string]>([
      ['an expired token', json(401, MICROSOFT_ERROR('InvalidAuthenticationToken', TOKEN)), 'connect again (HTTP 401)'],
      ['a missing permission', json(403, MICROSOFT_ERROR('Forbidden', 'x')), 'lacks a permission'],
      ['a limit', status(429), 'slow down'],
      ['an outage', status(503), 'HTTP 503'],
      ['an answer that is none', status(200, {}, 'hello'), 'could not be listed'],
      ['a dropped connection', hangUp, 'broke off'],
    ])('and says in words what was wrong: %s', async (_case, answer, words) => {
      receiver.answerWith(answer)
      const message = await failure(listed())
      expect(message).toContain(words)
      expect(message).not.toContain(TOKEN)
    })

    it('and fails without a token', async () => {
      const now = Date.now()
      const signal = new AbortController().signal
      const context = { connection: connectionOf('teams', {}), http, now, deadlineAt: now + 1000, signal }
      expect(await failure(teams().channels?.(context))).toContain('no authorisation')
      expect(receiver.requests).toEqual([])
    })
  })

  describe('in a dispatcher', () => {
    const EVENT = {
      orgId: 'org_1',
      type: 'breach_logged',
      title: 'Breach logged',
      body: 'A laptop was lost',
      href: 'https://app.example.com/breaches/1',
    } as const
    const ref = { orgId: 'org_1', id: 'con_teams' }
    const posts = (): readonly Received[] => receiver.requests.filter((request) => request.method === 'POST')

    const setup = (get: (rejected?: string) => string = () => TOKEN) => {
      const clock = fakeClock()
      const clocked = port({ ...LOOPBACK, clock })
      const dispatcher = createDispatcher({
        store: memoryStore(),
        transports: [teams()],
        http: clocked,
        clock,
        tokens: { get: async (_connection, { rejectedToken }) => ({ ok: true, token: get(rejectedToken) }) },
      })
      cleanups.push(clocked.close, () => dispatcher.close({ graceMs: 1000 }))
      return { dispatcher, clock }
    }
    const create = (dispatcher: ReturnType<typeof setup>['dispatcher'], config: TeamsConfig) =>
      dispatcher.connections.create({ ...ref, transport: 'teams', config })

    it('nothing is delivered until a channel is set', async () => {
      const { dispatcher } = setup()
      const { connection, secret } = await create(dispatcher, {})
      expect(connection).toMatchObject({
        status: 'incomplete',
        reason: { code: 'missing', text: 'Still missing: a team, a channel' },
        label: 'teams',
        destination: '',
      })
      expect(secret).toBeUndefined()
      expect((await dispatcher.dispatch(EVENT)).deliveries).toEqual([])
      await dispatcher.drain()
      await dispatcher.connections.update({ ...ref, config: { teamId: 't1', teamName: 'Contoso' } })
      expect((await dispatcher.connections.get(ref)).reason?.text).toBe('Still missing: a channel')
      expect(receiver.requests).toEqual([])

      const chosen = await dispatcher.connections.update({ ...ref, config: CONFIG })
      expect(chosen).toMatchObject({ status: 'active', destination: 'Contoso › General' })
      await dispatcher.dispatch(EVENT)
      await dispatcher.drain()
      expect(posts().map((request) => request.path)).toEqual([PATH])
    })

    it('a rejected token is replaced once, and the message sent again with the same body', async () => {
      const { dispatcher } = setup((rejected) => (rejected === undefined ? 'old-token' : 'new-token'))
      await create(dispatcher, CONFIG)
      receiver.answerWith((request, response, count) => {
        const expired = request.headers.authorization === 'Bearer old-token'
        const answer = expired
          ? json(401, MICROSOFT_ERROR('InvalidAuthenticationToken', 'expired'))
          : json(201, { id: '1' })
        answer(request, response, count)
      })
      const { deliveries } = await dispatcher.dispatch(EVENT)
      await dispatcher.drain()
      expect(posts().map((request) => request.headers.authorization)).toEqual(['Bearer old-token', 'Bearer new-token'])
      expect(posts()[1]?.body).toEqual(posts()[0]?.body)
      expect(await dispatcher.deliveries.get({ orgId: 'org_1', id: deliveries[0]?.id ?? '' })).toMatchObject({
        status: 'delivered',
        receipt: { id: '1' },
      })
    })

    it('a removed channel suspends the connection with its reason; with another one it delivers again', async () => {
      const { dispatcher, clock } = setup()
      await create(dispatcher, CONFIG)
      receiver.answerWith((request, response, count) => {
        const answer =
          request.path === PATH
            ? json(404, MICROSOFT_ERROR('NotFound', 'NotFound: The channel was deleted.'))
            : json(201, { id: '2', webUrl: 'https://teams.example.com/2' })
        answer(request, response, count)
      })
      const { deliveries } = await dispatcher.dispatch(EVENT)
      await dispatcher.drain()
      const failed = { orgId: 'org_1', id: deliveries[0]?.id ?? '' }
      expect(await dispatcher.deliveries.get(failed)).toMatchObject({ status: 'failed', failure: 'gone' })
      expect(await dispatcher.connections.get(ref)).toMatchObject({
        status: 'suspended',
        health: 'failing',
        reason: {
          code: 'target_gone',
          text: `${outcomeText('target_gone')} (NotFound: The channel was deleted)`,
        },
      })

      await dispatcher.connections.update({ ...ref, config: { teamId: 't1', channelId: '19:other@thread.tacv2' } })
      await dispatcher.connections.resume(ref)
      expect(await dispatcher.connections.get(ref)).toMatchObject({
        status: 'active',
        destination: 't1 › 19:other@thread.tacv2',
      })
      clock.set(clock.now() + 1000)
      await dispatcher.deliveries.retry(failed)
      await dispatcher.drain()
      expect(await dispatcher.deliveries.get(failed)).toMatchObject({ status: 'delivered', receipt: { id: '2' } })
    })

    it('one message a second is sent by default', async () => {
      const { dispatcher, clock } = setup()
      await create(dispatcher, CONFIG)
      await dispatcher.dispatch(EVENT)
      await dispatcher.dispatch(EVENT)
      await dispatcher.drain()
      expect(posts()).toHaveLength(1)
      clock.set(clock.now() + 1000)
      await dispatcher.drain()
      expect(posts()).toHaveLength(2)
    })
  })
})

describe('the Teams transport', () => {
  const validate = async (config: unknown) => {
    const result = await teamsTransport().config['~standard'].validate(config)
    return result.issues === undefined ? result.value : result.issues.map((issue) => issue.path?.join('.') ?? '')
  }

  it('takes nothing, a team, a channel, and its own output', async () => {
    for (const config of [{}, { teamId: 't' }, { channelId: 'c' }, CONFIG]) {
      expect(await validate(config)).toEqual(config)
      expect(await validate(await validate(config))).toEqual(config)
    }
  })

  it.each([
    [{ teamId: '' }, ['teamId']],
    [{ teamId: '..' }, ['teamId']],
    [{ channelId: '.' }, ['channelId']],
    [{ channelId: 'a\nb' }, ['channelId']],
    [{ channelId: '\ud800' }, ['channelId']],
    [{ teamName: 'x'.repeat(257) }, ['teamName']],
  ])('refuses %j', async (config, fields) => {
    expect(await validate(config)).toEqual(fields)
  })

  it('says what is missing, and names the destination', () => {
    const { missing, describe: name, defaultLabel } = teamsTransport()
    expect(missing?.({})).toEqual(['a team', 'a channel'])
    expect(missing?.({ teamId: 't' })).toEqual(['a channel'])
    expect(missing?.({ channelId: 'c' })).toEqual(['a team'])
    expect(missing?.(CONFIG)).toEqual([])
    expect([name?.(CONFIG), defaultLabel?.(CONFIG), name?.({})]).toEqual(['Contoso › General', 'Contoso › General', ''])
  })

  it('shares one build of a message, unless the host draws', () => {
    expect(teamsTransport().variant?.({})).toBe(teamsTransport().variant?.(CONFIG))
    expect(teamsTransport({ render: () => undefined }).variant).toBeUndefined()
  })

  it('lets the host draw single messages', () => {
    const render: TeamsTransportOptions['render'] = (message, { config }) =>
      message.kind === 'test' ? { ...CARD, fallbackText: config.channelName } : undefined
    const transport = teamsTransport({ render })
    const connection = connectionOf('teams', CONFIG)
    const card = (body: string) => JSON.parse(JSON.parse(body).attachments[0].content)
    expect(card(transport.build(testMessage, connection))).toMatchObject({ ...CARD, fallbackText: 'General' })
    expect(transport.build(eventMessage(), connection)).toBe(teamsTransport().build(eventMessage(), connection))
  })

  it('keeps the whole message below what Teams takes', () => {
    const long = eventMessage({ title: '“é"'.repeat(1000), body: '\\"\u2713\n'.repeat(20_000) })
    const body = teamsTransport().build(long, connectionOf('teams', CONFIG))
    expect(Buffer.byteLength(body)).toBeGreaterThan(20_000)
    expect(Buffer.byteLength(body)).toBeLessThanOrEqual(24_576)
  })

  it('stays within its pace and deadline, as the host sets them', () => {
    expect(teamsTransport()).toMatchObject({ name: 'teams', provider: 'microsoft', pace: { perSecond: 1, burst: 1 } })
    const options = { name: 'teams-eu', pace: false, deadlineMs: 5000, retry: { delaysMs: [1] } } as const
    const transport = teamsTransport(options)
    expect(transport).toMatchObject({ name: 'teams-eu', deadlineMs: 5000, retry: { delaysMs: [1] } })
    expect(transport.pace).toBeUndefined()
  })

  it.each([
    [{ graphUrl: 'graph.microsoft.com' }, 'graphUrl'],
    [{ graphUrl: 'https://graph.microsoft.com/v1.0?x=1' }, 'graphUrl'],
    [{ graphUrl: 'https://user:secret@graph.microsoft.com' }, 'graphUrl'],
    [{ graphUrl: 'ftp://graph.microsoft.com' }, 'graphUrl'],
    [{ name: 'Teams!' }, 'name'],
    [{ deadlineMs: 5 }, 'deadlineMs'],
    [{ pace: { perSecond: 0, burst: 1 } }, 'pace.perSecond'],
    [{ url: 'x' }, 'url'],
  ])('refuses the option %j', (options, field) => {
    expect(() => teamsTransport(options as never)).toThrow(expect.objectContaining({ code: 'invalid_input', field }))
  })
})
