import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { TokenSource } from '../../../src/contracts/tokens.ts'
import { fetchHttp, undiciHttp } from '../../../src/http/index.ts'
import { createDispatcher, type Dispatcher } from '../../../src/index.ts'
import { memoryStore } from '../../../src/stores/memory.ts'
import { type FakeClock, fakeClock } from '../../../src/testing/index.ts'
import { slackTransport } from '../../../src/transports/slack.ts'
import { type Answer, LOOPBACK, startReceiver, status } from '../../support/receiver.ts'
import { API_ERRORS } from './errors.ts'
import { CHANNEL, CONFIG, HOOK_PATH, json, posted, type Receiver, routed, TOKEN, TS } from './support.ts'

const EVENT = { orgId: 'org_1', type: 'breach_logged', title: 'T', body: 'B', href: 'https://app.example.com/1' }
const SECRETS = [TOKEN, 'xoxb-new-abcdefgh', 's3cr3tPartOfTheUrl']

const PORTS = [
  ['undiciHttp', undiciHttp],
  ['fetchHttp', fetchHttp],
] as const

describe.each(PORTS)('a Slack connection over %s', (_name, makeHttp) => {
  let receiver: Receiver
  let clock: FakeClock
  const cleanups: (() => Promise<void>)[] = []
  beforeEach(async () => {
    receiver = await startReceiver(routed({ '/api/chat.postMessage': posted }))
    clock = fakeClock()
    cleanups.push(receiver.close)
  })
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
  })

  const connect = async (
    options: { readonly tokens?: TokenSource; readonly config?: object; readonly ambiguous?: 'fail' } = {},
  ) => {
    const http = makeHttp({ ...LOOPBACK, clock })
    const { tokens = { get: async () => ({ ok: true, token: TOKEN }) }, ambiguous = 'retry' } = options
    const told: unknown[] = []
    const dispatcher = createDispatcher({
      store: memoryStore(),
      transports: [slackTransport({ apiUrl: `${receiver.url}/api`, webhookHosts: [new URL(receiver.url).host] })],
      tokens,
      http,
      clock,
      retry: { ambiguous, quick: false, jitter: 0 },
    })
    cleanups.push(
      () => http.close(),
      () => dispatcher.close({ graceMs: 1000 }),
    )
    for (const name of ['delivery.attempted', 'connection.suspended', 'connection.recovered'] as const) {
      dispatcher.on(name, (event) => told.push([name, event]))
    }
    const { connection } = await dispatcher.connections.create({
      orgId: 'org_1',
      transport: 'slack',
      config: { ...CONFIG, ...options.config },
    })
    return { dispatcher, connection, told, ref: { orgId: 'org_1', id: connection.id } }
  }

  /** Past the pace of a channel. */
  const dispatched = async (dispatcher: Pick<Dispatcher, 'dispatch' | 'deliveries'>) => {
    await clock.advance(1_000)
    const { deliveries } = await dispatcher.dispatch(EVENT, { wait: true })
    return dispatcher.deliveries.get({ orgId: 'org_1', id: deliveries[0]?.id ?? '' })
  }
  const named = (told: readonly unknown[], name: string) =>
    told.filter((entry) => Array.isArray(entry) && entry[0] === name)

  it('stores the receipt with the delivery', async () => {
    const { dispatcher, connection } = await connect()
    expect(connection).toMatchObject({ status: 'active', label: '#alerts', destination: 'Acme · #alerts' })
    expect(await dispatched(dispatcher)).toMatchObject({
      status: 'delivered',
      receipt: { channel: CHANNEL, ts: TS },
      attempts: [{ outcome: 'delivered', status: 200 }],
    })
  })

  it('asks for another token once when its token was refused, and sends once more', async () => {
    const asked: (string | undefined)[] = []
    const tokens: TokenSource = {
      async get(_connection, { rejectedToken }) {
        asked.push(rejectedToken)
        return { ok: true, token: rejectedToken === undefined ? TOKEN : 'xoxb-new-abcdefgh' }
      },
    }
    const { dispatcher } = await connect({ tokens })
    receiver.answerWith((request, response, count) => {
      const isNew = request.headers.authorization === 'Bearer xoxb-new-abcdefgh'
      const answer = isNew ? posted : json({ ok: false, error: 'token_expired' })
      answer(request, response, count)
    })
    expect(await dispatched(dispatcher)).toMatchObject({ status: 'delivered', attempts: [{ number: 1 }] })
    expect(asked).toEqual([undefined, TOKEN])
    expect(receiver.requests).toHaveLength(2)
    expect(receiver.requests[0]?.body).toEqual(receiver.requests[1]?.body)
  })

  it('is suspended when the next token was refused as well', async () => {
    const { dispatcher, ref } = await connect()
    receiver.answerWith(json({ ok: false, error: 'token_expired' }))
    expect(await dispatched(dispatcher)).toMatchObject({ status: 'failed', failure: 'reauthorize' })
    expect(receiver.requests).toHaveLength(2)
    const card = await dispatcher.connections.get(ref)
    expect(card).toMatchObject({ status: 'suspended', reason: { code: 'token_expired' } })
  })

  it('is suspended with its channel, and delivers again to another one', async () => {
    const { dispatcher, ref, told } = await connect()
    await dispatched(dispatcher)
    const archived: Answer = (request, response, count) => {
      const { channel } = JSON.parse(request.body.toString())
      const answer = channel === CHANNEL ? json({ ok: false, error: 'is_archived' }) : posted
      answer(request, response, count)
    }
    receiver.answerWith(archived)

    const failed = await dispatched(dispatcher)
    expect(failed).toMatchObject({
      status: 'failed',
      failure: 'gone',
      attempts: [{ outcome: 'gone', code: 'target_gone', providerCode: 'is_archived', status: 200 }],
    })
    const reason = { code: 'target_gone', text: 'The channel was archived', since: clock.now() }
    expect(await dispatcher.connections.get(ref)).toMatchObject({ status: 'suspended', health: 'failing', reason })
    expect(named(told, 'connection.suspended')).toEqual([
      ['connection.suspended', { orgId: 'org_1', connectionId: ref.id, reason }],
    ])

    const { config } = await dispatcher.connections.get(ref)
    const other = { channelId: 'C_OTHER', channelName: '#other' }
    await dispatcher.connections.update({ ...ref, config: { ...config, ...other } })
    expect(await dispatcher.connections.resume(ref)).toMatchObject({
      status: 'active',
      destination: 'Acme · #other',
    })
    expect(await dispatched(dispatcher)).toMatchObject({ status: 'delivered', receipt: { channel: 'C_OTHER' } })
    expect(named(told, 'connection.recovered')).toHaveLength(1)
    expect(await dispatcher.connections.get(ref)).toMatchObject({ status: 'active', health: 'ok' })

    await clock.advance(1_000)
    await dispatcher.deliveries.retry({ orgId: 'org_1', id: failed.id })
    await dispatcher.tick()
    expect(await dispatcher.deliveries.get({ orgId: 'org_1', id: failed.id })).toMatchObject({ status: 'delivered' })
  })

  it('keeps the incoming webhook of its grant when the channel changes, for the channel that it is bound to', async () => {
    const { dispatcher, ref } = await connect({
      config: { webhookUrl: `${receiver.url}${HOOK_PATH}`, webhookChannelId: CHANNEL },
    })
    receiver.answerWith(
      routed({
        '/api/chat.postMessage': json({ ok: false, error: 'not_in_channel' }),
        [HOOK_PATH]: status(200, {}, 'ok'),
      }),
    )
    expect(await dispatched(dispatcher)).toMatchObject({ status: 'delivered' })
    const { config } = await dispatcher.connections.get(ref)
    expect(config).toEqual({ ...CONFIG, webhookChannelId: CHANNEL })

    await dispatcher.connections.update({ ...ref, config: { ...config, channelId: 'C_OTHER' } })
    expect(await dispatched(dispatcher)).toMatchObject({ status: 'failed', failure: 'gone' })
    await dispatcher.connections.update({ ...ref, config: { ...config } })
    await dispatcher.connections.resume(ref)
    expect(await dispatched(dispatcher)).toMatchObject({ status: 'delivered' })
    expect(receiver.requests.map(({ path }) => path).filter((path) => path === HOOK_PATH)).toHaveLength(2)
  })

  it('waits for a channel, and lists those to choose from', async () => {
    const { dispatcher, connection, ref } = await connect({ config: { channelId: undefined } })
    expect(connection).toMatchObject({ status: 'incomplete', reason: { text: 'Still missing: a channel' } })
    receiver.answerWith(
      routed({
        '/api/chat.postMessage': posted,
        '/api/conversations.list': json({ ok: true, channels: [{ id: 'C7', name: 'seven' }] }),
      }),
    )
    const [choice] = await dispatcher.connections.channels(ref)
    const config = { ...connection.config, ...choice?.config }
    const updated = await dispatcher.connections.update({ ...ref, config })
    expect(updated).toMatchObject({ status: 'active', destination: 'Acme · #seven' })
    expect(await dispatched(dispatcher)).toMatchObject({ status: 'delivered', receipt: { channel: 'C7' } })
  })

  it('sends one message a second', async () => {
    const { dispatcher } = await connect()
    await dispatcher.dispatchMany([EVENT, EVENT, EVENT])
    const sent: number[] = []
    for (let second = 0; second < 4; second++) {
      await dispatcher.tick()
      sent.push(receiver.requests.length)
      await clock.advance(1_000)
    }
    expect(sent).toEqual([1, 2, 3, 3])
  })

  it('waits an hour, all of it, where Slack moves the workspace', async () => {
    const { dispatcher } = await connect()
    receiver.answerWith(json({ ok: false, error: 'team_added_to_org' }))
    const begun = clock.now() + 1_000
    expect(await dispatched(dispatcher)).toMatchObject({ status: 'pending', dueAt: begun + 3_600_000 })
    receiver.answerWith(posted)
    await dispatcher.dispatch(EVENT)
    await clock.advance(3_599_000)
    await dispatcher.tick()
    expect(receiver.requests).toHaveLength(1)
    await clock.advance(1_000)
    await dispatcher.tick()
    expect(receiver.requests).toHaveLength(2)
  })

  it('lets the host choose not to send again what may have been posted', async () => {
    const { dispatcher } = await connect({ ambiguous: 'fail' })
    receiver.answerWith(json({ ok: false, error: 'internal_error' }))
    expect(await dispatched(dispatcher)).toMatchObject({ status: 'failed', failure: 'ambiguous' })
  })

  it('tells neither token nor webhook URL, whatever Slack repeats', async () => {
    const { dispatcher, ref, told } = await connect({
      config: { webhookUrl: `${receiver.url}${HOOK_PATH}`, webhookChannelId: CHANNEL },
    })
    const seen: unknown[] = [told]
    for (const { word } of API_ERRORS) {
      receiver.answerWith((request, response) => {
        const words = `${request.headers.authorization} ${receiver.url}${HOOK_PATH} ${request.path}`
        const body = { ok: false, error: word, needed: words, errors: [words], warning: words }
        if (request.path === HOOK_PATH) response.writeHead(404).end(`${words} no_service`)
        else response.end(JSON.stringify(body))
      })
      await clock.advance(3_600_000)
      await dispatcher.connections.resume(ref)
      seen.push(await dispatched(dispatcher), await dispatcher.connections.get(ref))
    }
    const text = JSON.stringify(seen)
    expect(text).toContain('[redacted]')
    for (const secret of SECRETS) expect(text).not.toContain(secret)
  })
})
