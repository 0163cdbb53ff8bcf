import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { HttpPort } from '../../src/contracts/http.ts'
import { createDispatcher } from '../../src/index.ts'
import { type SlackMessage, slackMessage } from '../../src/payloads/slack.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { type SlackWebhookTransportOptions, slackWebhookTransport } from '../../src/transports/slack-webhook.ts'
import { testMessage } from '../payloads/messages.ts'
import { type Answer, LOOPBACK, startReceiver, status } from '../support/receiver.ts'
import { WEBHOOK_ERRORS } from './slack/errors.ts'
import { HOOK_PATH, MESSAGE, PORTS, type Receiver, sendOnce } from './slack/support.ts'

const SECRET_PART = 's3cr3tPartOfTheUrl'

async function accepts(url: string, options: SlackWebhookTransportOptions = {}): Promise<boolean> {
  const result = await slackWebhookTransport(options).config['~standard'].validate({ url })
  return result.issues === undefined
}

describe.each(PORTS)('the Slack webhook transport over %s', (_name, openPort) => {
  let receiver: Receiver
  let http: HttpPort
  beforeEach(async () => {
    receiver = await startReceiver()
    http = openPort()
  })
  afterEach(async () => {
    await http.close()
    await receiver.close()
  })

  const exchange = (answer: Answer, options: SlackWebhookTransportOptions = {}) => {
    receiver.answerWith(answer)
    return sendOnce(slackWebhookTransport(options), http, { url: `${receiver.url}${HOOK_PATH}` })
  }

  it('posts these bytes', async () => {
    const drawn: SlackMessage = { text: 'Überfällig ✓', blocks: [{ type: 'divider' }] }
    expect(await exchange(status(200, {}, 'ok'), { render: () => drawn })).toEqual({ kind: 'delivered', status: 200 })
    const [request] = receiver.requests
    expect(request?.body.toString()).toBe('{"text":"Überfällig ✓","blocks":[{"type":"divider"}]}')
    expect(request?.path).toBe(HOOK_PATH)
    expect(request?.headers['content-type']).toBe('application/json; charset=utf-8')
  })

  it('draws messages in Block Kit where the host does not', async () => {
    await exchange(status(200, {}, 'ok'), { render: () => undefined })
    expect(JSON.parse(receiver.requests[0]?.body.toString() ?? '')).toEqual(slackMessage(MESSAGE))
  })

  it.each(WEBHOOK_ERRORS)('takes $status $word for $kind $code', async ({ word, ...expected }) => {
    const outcome = await exchange(status(expected.status, {}, `${word}\n`))
    expect(outcome).toMatchObject({ ...expected, providerCode: word })
    expect(outcome.kind === 'retry' ? outcome.ambiguous : undefined).toBe(expected.ambiguous)
  })

  it.each(['', 'okay', '{"ok":true}', '<html>ok</html>'])(
    'takes 200 with %j for no answer: the message may have been posted',
    async (text) => {
      expect(await exchange(status(200, {}, text))).toMatchObject({
        kind: 'retry',
        code: 'invalid_response',
        ambiguous: true,
      })
    },
  )

  it.each([
    [404, '<html>not found</html>', 'retry', 'http_4xx'],
    [410, 'This channel has gone', 'gone', 'gone'],
    [502, '', 'retry', 'http_5xx'],
    [302, '', 'retry', 'redirect'],
  ])('goes by the status of HTTP %i %s', async (code, text, kind, expected) => {
    const outcome = await exchange(status(code, {}, text))
    expect(outcome).toMatchObject({ kind, code: expected, status: code })
    expect(outcome).not.toHaveProperty('providerCode')
  })

  it('keeps a Retry-After', async () => {
    expect(await exchange(status(429, { 'retry-after': '30' }, 'rate_limited'))).toMatchObject({
      code: 'rate_limited',
      retryAfterMs: 30_000,
    })
  })
})

describe('slackWebhookTransport', () => {
  it.each([
    ['https://hooks.slack.com/services/T/B/x', true],
    ['https://hooks.slack-gov.com/services/T/B/x', true],
    ['http://hooks.slack.com/services/T/B/x', false],
    ['https://hooks.slack.com:8443/services/T/B/x', false],
    ['https://hooks.slack.com.example.com/services/T/B/x', false],
    ['https://example.com/services/T/B/x', false],
    ['hooks.slack.com/services/T/B/x', false],
    [`https://hooks.slack.com/${'x'.repeat(2048)}`, false],
  ])('of %s takes: %s', async (url, expected) => {
    expect(await accepts(url)).toBe(expected)
  })

  it('takes the hosts that it is told, in the place of Slack’s', async () => {
    const hosts = ['127.0.0.1:8080']
    expect(await accepts('http://127.0.0.1:8080/services/x', { hosts })).toBe(true)
    expect(await accepts('http://127.0.0.1:8081/services/x', { hosts })).toBe(false)
    expect(await accepts('https://hooks.slack.com/services/T/B/x', { hosts })).toBe(false)
  })

  it('shows the origin of the URL and no more', () => {
    const { describe, defaultLabel } = slackWebhookTransport()
    const config = { url: `https://hooks.slack.com${HOOK_PATH}` }
    expect(describe?.(config)).toBe('https://hooks.slack.com/…')
    expect(defaultLabel?.(config)).toBe('hooks.slack.com')
  })

  it('shares one build over all connections unless the host draws, and paces each', () => {
    expect(slackWebhookTransport().variant?.({ url: 'a' })).toBe(slackWebhookTransport().variant?.({ url: 'b' }))
    expect(slackWebhookTransport({ render: () => undefined }).variant).toBeUndefined()
    expect(slackWebhookTransport().pace).toEqual({ perSecond: 1, burst: 1 })
    expect(slackWebhookTransport({ pace: false }).pace).toBeUndefined()
  })

  it.each<[string, SlackWebhookTransportOptions<string>, string]>([
    ['a name with a space', { name: 'my slack' }, 'name'],
    ['an unknown option', { url: 'x' } as never, 'url'],
    ['a deadline of nothing', { deadlineMs: 0 }, 'deadlineMs'],
    ['a pace without a burst', { pace: { perSecond: 1, burst: 0 } }, 'pace.burst'],
    ['a host with a scheme', { hosts: ['https://hooks.slack.com'] }, 'hosts[0]'],
    ['no hosts at all', { hosts: [] }, 'hosts'],
  ])('refuses %s', (_what, options, field) => {
    expect(() => slackWebhookTransport(options)).toThrow(expect.objectContaining({ code: 'invalid_input', field }))
  })
})

describe('a Slack webhook connection', () => {
  it('delivers, is suspended when its channel was archived, and never tells its URL', async () => {
    const receiver = await startReceiver(status(200, {}, 'ok'))
    const dispatcher = createDispatcher({
      store: memoryStore(),
      transports: [slackWebhookTransport({ hosts: [new URL(receiver.url).host], pace: false })],
      egress: LOOPBACK,
    })
    try {
      const told: unknown[] = []
      for (const name of ['delivery.attempted', 'delivery.failed', 'connection.suspended'] as const) {
        dispatcher.on(name, (event) => told.push(event))
      }
      const { connection } = await dispatcher.connections.create({
        orgId: 'org_1',
        transport: 'slack-webhook',
        config: { url: `${receiver.url}${HOOK_PATH}` },
      })
      const event = { orgId: 'org_1', type: 't', title: 'T', body: 'B', href: 'https://app.example.com/1' }
      const first = await dispatcher.dispatch(event, { wait: true })
      expect(first.deliveries).toMatchObject([{ status: 'delivered' }])

      receiver.answerWith((request, response) => {
        response.writeHead(410).end(`channel_is_archived`)
        told.push(request.path === HOOK_PATH)
      })
      await dispatcher.dispatch(event, { wait: true })
      const card = await dispatcher.connections.get({ orgId: 'org_1', id: connection.id })
      expect(card).toMatchObject({
        status: 'suspended',
        reason: { code: 'target_gone', text: 'The channel was archived' },
        destination: `${receiver.url}/…`,
        secretFields: ['url'],
      })

      receiver.answerWith((request, response) => response.writeHead(404).end(`no_service at ${request.path}`))
      const test = await dispatcher.connections.test({
        orgId: 'org_1',
        id: connection.id,
        href: 'https://app.example.com/settings',
      })
      expect(test).toMatchObject({ ok: false, code: 'http_4xx' })
      const record = await dispatcher.deliveries.get({ orgId: 'org_1', id: test.deliveryId })
      expect(record.attempts[0]?.snippet).toContain('no_service at [redacted]')
      expect(JSON.stringify([card, test, record, told])).not.toContain(SECRET_PART)
    } finally {
      await dispatcher.close()
      await receiver.close()
    }
  })

  it('sends a test like any other message', async () => {
    const transport = slackWebhookTransport()
    const connection = {
      id: 'con_1',
      orgId: 'org_1',
      transport: 'slack-webhook',
      label: 'L',
      categories: [],
      eventTypes: [],
      config: { url: `https://hooks.slack.com${HOOK_PATH}` },
    }
    expect(JSON.parse(transport.build(testMessage, connection))).toEqual(slackMessage(testMessage))
  })
})
