import { describe, expect, it } from 'vitest'
import { createDispatcher } from '../../src/index.ts'
import { standardFormat } from '../../src/payloads/index.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { createRecorder, fakeClock } from '../../src/testing/index.ts'
import { slackTransport } from '../../src/transports/slack.ts'
import { webhookTransport } from '../../src/transports/webhook.ts'

const EVENT = {
  orgId: 'org_1',
  type: 'breach_logged',
  title: 'Breach logged',
  body: 'A laptop was lost.',
  href: 'https://app.example.com/breaches/1',
}

async function setUp() {
  const recorder = createRecorder()
  const clock = fakeClock()
  const dispatcher = createDispatcher({
    clock,
    random: () => 0.5,
    store: memoryStore(),
    transports: [recorder.transport('crm'), recorder.wrap(webhookTransport())],
  })
  const crm = await dispatcher.connections.create({ orgId: 'org_1', transport: 'crm', config: { list: 'L1' } })
  return { recorder, clock, dispatcher, crm: crm.connection }
}

const message = (act: () => unknown): string => {
  try {
    act()
  } catch (error) {
    return error instanceof Error ? `${error.name} ${error.message}` : String(error)
  }
  return 'it did not throw'
}

describe('a recording transport', () => {
  it('keeps what a dispatcher sends, and sends nothing', async () => {
    const { recorder, dispatcher, crm } = await setUp()
    const { eventId } = await dispatcher.dispatch(EVENT, { wait: true })
    expect(recorder.sent).toMatchObject([
      {
        type: 'breach_logged',
        connectionId: crm.id,
        orgId: 'org_1',
        transport: 'crm',
        eventIds: [eventId],
        attempt: 1,
        connection: { config: { list: 'L1' } },
        message: { kind: 'event', event: { title: 'Breach logged' } },
      },
    ])
    expect(recorder.sent[0]?.payload).toEqual(recorder.sent[0]?.message)
    await dispatcher.close()
  })

  it('wraps a real transport: its config rules and its payloads, without network and without a token', async () => {
    const { recorder, dispatcher } = await setUp()
    const create = (url: string) =>
      dispatcher.connections.create({ orgId: 'org_2', transport: 'webhook', config: { url } })
    await expect(create('not a URL')).rejects.toThrow('config.url')
    const { secret } = await create('https://siem.example.com/in')
    expect(secret).toMatch(/^whsec_/)
    await dispatcher.dispatch({ ...EVENT, orgId: 'org_2' }, { wait: true })
    const { payload } = recorder.assertSent({ transport: 'webhook', orgId: 'org_2' })
    expect(payload).toMatchObject({ contentType: expect.stringContaining('json') })
    expect(payload).toMatchObject({ body: expect.stringContaining('"Breach logged"') })
    await dispatcher.close()
  })

  it('wraps a transport that needs tokens, also one of a class, and leaves the original as it was', async () => {
    class Chat {
      readonly name = 'chat' as const
      readonly config = recorderOf.transport('other').config
      readonly fields = []
      readonly provider = 'chat-service'
      readonly #label = 'Chat room'
      defaultLabel() {
        return this.#label
      }
      build() {
        return this.#label
      }
      async send(): Promise<never> {
        throw new Error('it was sent')
      }
      async channels(): Promise<never> {
        throw new Error('the service was asked')
      }
    }
    const recorderOf = createRecorder()
    const chat = new Chat()
    const wrapped = recorderOf.wrap(chat)
    const dispatcher = createDispatcher({ store: memoryStore(), transports: [wrapped] })
    const { connection } = await dispatcher.connections.create({ orgId: 'org_1', transport: 'chat', config: {} })
    expect(connection.label).toBe('Chat room')
    await dispatcher.dispatch(EVENT, { wait: true })
    expect(recorderOf.assertSent({ connectionId: connection.id }).payload).toBe('Chat room')
    await expect(dispatcher.connections.channels({ orgId: 'org_1', id: connection.id })).rejects.toThrow('no channels')
    expect(chat.provider).toBe('chat-service')
    await dispatcher.close()
  })

  it('sends at once what the real transport would send a second later', async () => {
    const recorder = createRecorder()
    const dispatcher = createDispatcher({
      clock: fakeClock(),
      store: memoryStore(),
      transports: [recorder.wrap(slackTransport())],
    })
    const config = { workspaceId: 'T1', channelId: 'C1' }
    await dispatcher.connections.create({ orgId: 'org_1', transport: 'slack', config })
    for (const title of ['First', 'Second', 'Third']) await dispatcher.dispatch({ ...EVENT, title }, { wait: true })
    expect(recorder.sent.map(({ message }) => message.kind === 'event' && message.event.title)).toEqual([
      'First',
      'Second',
      'Third',
    ])
    await dispatcher.close()
  })

  it('knows what connections of equal variant were sent, though it was built once', async () => {
    const { recorder, dispatcher } = await setUp()
    for (const n of [1, 2, 3]) {
      const config = { url: `https://siem.example.com/${n}` }
      await dispatcher.connections.create({ orgId: 'org_2', transport: 'webhook', config })
    }
    await dispatcher.dispatch({ ...EVENT, orgId: 'org_2' }, { wait: true })
    recorder.assertSent({ orgId: 'org_2', type: 'breach_logged' }, { times: 3 })
    expect(new Set(recorder.sent.map((one) => one.connectionId)).size).toBe(3)
    await dispatcher.close()
  })

  it('records test messages under the type `test`', async () => {
    const { recorder, dispatcher, crm } = await setUp()
    await dispatcher.connections.test({ orgId: 'org_1', id: crm.id, href: 'https://app.example.com/settings' })
    recorder.assertSent({ type: 'test', connectionId: crm.id })
    await dispatcher.close()
  })

  it('plays the outcomes it is told to, then delivers', async () => {
    const { recorder, clock, dispatcher, crm } = await setUp()
    recorder.fail({ kind: 'retry', code: 'http_5xx', status: 503 }, { times: 2 })
    await dispatcher.start()
    await dispatcher.dispatch(EVENT)
    await clock.advance(600_000)
    expect(recorder.attempts.map(({ outcome }) => outcome.kind)).toEqual(['retry', 'retry', 'delivered'])
    expect(recorder.assertSent({ connectionId: crm.id }, { times: 1 }).attempt).toBe(3)
    await dispatcher.close()
  })

  it('lets only the chosen connection or transport fail', async () => {
    const { recorder, dispatcher, crm } = await setUp()
    const other = await dispatcher.connections.create({ orgId: 'org_1', transport: 'crm', config: {} })
    recorder.fail({ kind: 'gone', code: 'target_gone' }, { connectionId: crm.id, times: Number.POSITIVE_INFINITY })
    recorder.fail({ kind: 'rejected', code: 'invalid_payload' }, { transport: 'webhook' })
    await dispatcher.dispatch(EVENT, { wait: true })
    recorder.assertSent({ connectionId: other.connection.id })
    recorder.assertNotSent({ connectionId: crm.id })
    const { status } = await dispatcher.connections.get({ orgId: 'org_1', id: crm.id })
    expect(status).toBe('suspended')
    await dispatcher.close()
  })
})

describe('the assertions', () => {
  it('match in parts, at any depth', async () => {
    const { recorder, dispatcher, crm } = await setUp()
    await dispatcher.dispatch({ ...EVENT, metadata: { severity: 2, tags: ['a', 'b'] } }, { wait: true })
    recorder.assertSent({ type: 'breach_logged', connectionId: crm.id })
    recorder.assertSent({ message: { event: { metadata: { severity: 2 } } }, connection: { config: { list: 'L1' } } })
    recorder.assertNotSent({ message: { event: { metadata: { tags: ['a'] } } } })
    recorder.assertNotSent({ type: 'breach_logged', connectionId: 'con_other' })
    await dispatcher.close()
  })

  it('look into payloads that are JSON, or have it as their body', async () => {
    const recorder = createRecorder()
    const slack = slackTransport({ render: () => ({ text: 'A breach', blocks: [] }) })
    const webhook = webhookTransport({ formats: [standardFormat] })
    const plain = { ...recorder.transport('plain'), build: () => 'Breach logged, as text' }
    const transports = [recorder.wrap(slack), recorder.wrap(webhook), recorder.wrap(plain)] as const
    const { connections, ...dispatcher } = createDispatcher({ store: memoryStore(), transports })
    const about = { orgId: 'org_1' }
    await connections.create({ ...about, transport: 'slack', config: { workspaceId: 'T1', channelId: 'C1' } })
    await connections.create({ ...about, transport: 'webhook', config: { url: 'https://siem.example.com/in' } })
    await connections.create({ ...about, transport: 'plain', config: {} })
    await dispatcher.dispatch(EVENT, { wait: true })

    const inSlack = recorder.assertSent({ transport: 'slack', payload: { text: 'A breach' } }, { times: 1 })
    expect(inSlack).toMatchObject({ payload: expect.any(String), json: { text: 'A breach', blocks: [] } })
    recorder.assertSent({ transport: 'webhook', payload: { data: { title: 'Breach logged' } } }, { times: 1 })
    recorder.assertSent({ payload: { contentType: 'application/json' } }, { times: 1 })
    recorder.assertSent({ payload: 'Breach logged, as text' }, { times: 1 })
    recorder.assertNotSent({ payload: { data: { title: 'Case closed' } } })
    expect(recorder.assertSent({ transport: 'plain' })).not.toHaveProperty('json')
    await dispatcher.close()
  })

  it('show of the payloads what they were asked for', async () => {
    const { recorder, dispatcher } = await setUp()
    const config = { url: 'https://siem.example.com/in' }
    await dispatcher.connections.create({ orgId: 'org_2', transport: 'webhook', config })
    await dispatcher.dispatch({ ...EVENT, orgId: 'org_2' }, { wait: true })
    const shown = message(() => recorder.assertSent({ payload: { type: 'case_closed' } }))
    expect(shown).toContain("title: 'Breach logged', payload: { type: 'breach_logged' } }")
    const other = message(() => recorder.assertSent({ payload: { subject: 'Case closed' } }))
    expect(other).toMatch(/payload: \{ .*href: 'https:\/\/app.example.com\/breaches\/1'/)
    await dispatcher.close()
  })

  it('say what was sent instead', async () => {
    const { recorder, dispatcher, crm } = await setUp()
    expect(message(() => recorder.assertSent({ type: 'case_closed' }))).toBe(
      "AssertionError no message was sent that matches { type: 'case_closed' }. Nothing was sent.",
    )
    await dispatcher.dispatch(EVENT, { wait: true })
    const line = `{ type: 'breach_logged', connectionId: '${crm.id}', orgId: 'org_1', transport: 'crm', title: 'Breach logged' }`
    expect(message(() => recorder.assertSent({ type: 'case_closed' }))).toContain(`Sent:\n  ${line}`)
    expect(message(() => recorder.assertSent({ type: 'breach_logged' }, { times: 2 }))).toContain('1 times, not 2')
    expect(message(() => recorder.assertNotSent({ orgId: 'org_1' }))).toContain(line)
    expect(message(() => recorder.assertNothingSent())).toContain(line)
    await dispatcher.close()
  })

  it('never print the config of a connection', async () => {
    const { recorder, dispatcher } = await setUp()
    const config = { url: 'https://siem.example.com/in', headers: { 'x-api-key': 'key_0c1d2e' } }
    await dispatcher.connections.create({ orgId: 'org_1', transport: 'webhook', config })
    await dispatcher.dispatch(EVENT, { wait: true })
    expect(message(() => recorder.assertNothingSent())).not.toContain('key_0c1d2e')
    await dispatcher.close()
  })

  it('refuse fields that do not exist', () => {
    const recorder = createRecorder()
    expect(message(() => recorder.assertSent({ conectionId: 'con_1' } as never))).toContain('conectionId')
    expect(message(() => recorder.assertNotSent({ conectionId: 'con_1' } as never))).toContain('conectionId')
    expect(message(() => recorder.fail({ kind: 'gone', code: 'gone' }, { times: 0 }))).toContain('times')
    expect(message(() => recorder.transport('Not A Name'))).toContain('name')
  })

  it('forget on reset, the failures too', async () => {
    const { recorder, dispatcher } = await setUp()
    recorder.assertNothingSent()
    recorder.fail({ kind: 'rejected', code: 'invalid_payload' }, { times: 5 })
    await dispatcher.dispatch(EVENT, { wait: true })
    recorder.assertNothingSent()
    expect(recorder.attempts).toHaveLength(1)
    recorder.reset()
    expect(recorder.attempts).toEqual([])
    await dispatcher.dispatch(EVENT, { wait: true })
    recorder.assertSent({ type: 'breach_logged' }, { times: 1 })
    await dispatcher.close()
  })
})
