import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { HttpPort } from '../../src/contracts/http.ts'
import { createDispatcher } from '../../src/index.ts'
import { adaptiveCard } from '../../src/payloads/adaptive-card.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { type TeamsWorkflowTransportOptions, teamsWorkflowTransport } from '../../src/transports/teams-workflow.ts'
import { eventMessage, testMessage } from '../payloads/messages.ts'
import { LOOPBACK, startReceiver, status } from '../support/receiver.ts'
import { connectionOf, hangUp, json, PORTS, sendOnce } from '../support/sending.ts'

const SIG = 'kQ2Vh1Zx0Q4uG7Yv3sJ8mN5tB6rC9wE2aD1fL0pK4iU'
const PATH = `/workflows/8f1c0d2e4b6a4c7d9e0f1a2b3c4d5e6f/triggers/manual/paths/invoke?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=${SIG}`
const CARD = { type: 'AdaptiveCard', version: '1.5', body: [{ type: 'TextBlock', text: '“Héllo”' }] } as const

const cleanups: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

describe.each(PORTS)('a Teams workflow over %s', (_name, port) => {
  let receiver: Awaited<ReturnType<typeof startReceiver>>
  let http: HttpPort
  beforeEach(async () => {
    receiver = await startReceiver(status(202))
    http = port(LOOPBACK)
    cleanups.push(receiver.close, http.close)
  })

  const hosts = () => [new URL(receiver.url).host]
  const send = (options: TeamsWorkflowTransportOptions = {}) =>
    sendOnce(teamsWorkflowTransport({ hosts: hosts(), ...options }), {
      http,
      config: { url: receiver.url + PATH },
      message: eventMessage(),
    })

  it('is sent the card as an object, at the whole of its URL', async () => {
    expect(await send({ render: () => CARD })).toEqual({ kind: 'delivered', status: 202 })
    const [request] = receiver.requests
    expect([request?.method, request?.path]).toEqual(['POST', PATH])
    expect(request?.headers['content-type']).toBe('application/json')
    expect(request?.headers).not.toHaveProperty('authorization')
    expect(request?.body.toString()).toBe(
      '{"type":"message","attachments":[{"contentType":"application/vnd.microsoft.card.adaptive","contentUrl":null,' +
        '"content":{"type":"AdaptiveCard","version":"1.5","body":[{"type":"TextBlock","text":"“Héllo”"}]}}]}',
    )
  })

  it('is sent the default card, the same bytes at every try', async () => {
    await send()
    await send()
    const [first, second] = receiver.requests.map((request) => request.body.toString())
    expect(second).toBe(first)
    expect(JSON.parse(first ?? '').attachments[0].content).toEqual(
      JSON.parse(JSON.stringify(adaptiveCard(eventMessage()))),
    )
  })

  it.each([
    [200, { kind: 'delivered' }],
    [202, { kind: 'delivered' }],
    [204, { kind: 'delivered' }],
    [302, { kind: 'retry', code: 'redirect' }],
    [400, { kind: 'retry', code: 'http_4xx' }],
    [401, { kind: 'retry', code: 'http_4xx' }],
    [403, { kind: 'retry', code: 'http_4xx' }],
    [404, { kind: 'retry', code: 'http_4xx' }],
    [410, { kind: 'gone', code: 'gone' }],
    [413, { kind: 'retry', code: 'http_4xx' }],
    [429, { kind: 'retry', code: 'rate_limited' }],
    [500, { kind: 'retry', code: 'http_5xx' }],
    [502, { kind: 'retry', code: 'http_5xx', ambiguous: true }],
    [503, { kind: 'retry', code: 'http_5xx' }],
    [504, { kind: 'retry', code: 'http_5xx', ambiguous: true }],
  ])('answers %i, and that means what it does of a webhook', async (code, outcome) => {
    receiver.answerWith(status(code))
    expect(await send()).toEqual({ ...outcome, status: code })
  })

  it('says why it failed, in Microsoft’s form', async () => {
    const body = { error: { code: 'WorkflowTriggerIsNotEnabled', message: "The workflow 'w' is not enabled." } }
    receiver.answerWith(json(400, body, { 'retry-after': '0.5' }))
    expect(await send()).toEqual({
      kind: 'retry',
      code: 'http_4xx',
      status: 400,
      retryAfterMs: 500,
      providerCode: 'WorkflowTriggerIsNotEnabled',
      detail: "The workflow 'w' is not enabled.",
      snippet: JSON.stringify(body),
    })
    receiver.answerWith(json(410, body))
    expect(await send()).toMatchObject({
      kind: 'gone',
      detail: "The destination no longer exists (The workflow 'w' is not enabled)",
    })
    receiver.answerWith(hangUp)
    expect(await send()).toMatchObject({ kind: 'retry', code: 'connection_reset', ambiguous: true })
  })

  it('gives its URL away nowhere, not even where the answer quotes it', async () => {
    receiver.answerWith((request, response, count) => {
      const message = `${SIG} is not the signature of ${receiver.url}${request.path}`
      json(401, { error: { code: SIG, message }, sent: request.path })(request, response, count)
    })
    const dispatcher = createDispatcher({
      store: memoryStore(),
      transports: [teamsWorkflowTransport({ hosts: hosts() })],
      http,
    })
    cleanups.push(() => dispatcher.close({ graceMs: 1000 }))
    const ref = { orgId: 'org_1', id: 'con_workflow' }
    const { connection } = await dispatcher.connections.create({
      ...ref,
      transport: 'teams-workflow',
      config: { url: receiver.url + PATH },
    })
    expect(connection).toMatchObject({
      status: 'active',
      label: hosts()[0],
      destination: `${receiver.url}/…`,
      config: {},
      secretFields: ['url'],
    })
    const result = await dispatcher.connections.test({ ...ref, href: 'https://app.example.com' })
    expect(result).toMatchObject({ ok: false, code: 'http_4xx', status: 401 })
    const delivery = await dispatcher.deliveries.get({ orgId: 'org_1', id: result.deliveryId })
    const shown = JSON.stringify([result, delivery, await dispatcher.connections.get(ref)])
    expect(shown).toContain('is not the signature of')
    for (const secret of [SIG, '8f1c0d2e4b6a4c7d9e0f1a2b3c4d5e6f', 'api-version']) expect(shown).not.toContain(secret)
  })
})

describe('the Teams workflow transport', () => {
  const accepts = async (url: string, options: TeamsWorkflowTransportOptions = {}) => {
    const result = await teamsWorkflowTransport(options).config['~standard'].validate({ url })
    return result.issues === undefined ? true : (result.issues[0]?.message ?? '')
  }

  it.each([
    `https://prod-12.westeurope.logic.azure.com:443${PATH}`,
    `https://prod-12.westeurope.logic.azure.com${PATH}`,
    `https://defaultf6b1.0a.environment.api.powerplatform.com:443/powerautomate/automations/direct${PATH}`,
    `https://X.LOGIC.AZURE.COM${PATH}`,
  ])('takes %s', async (url) => {
    expect(await accepts(url)).toBe(true)
  })

  it.each([
    `https://logic.azure.com${PATH}`,
    `https://evil-logic.azure.com${PATH}`,
    `https://prod.logic.azure.com.evil.example${PATH}`,
    `https://evil.example/prod.logic.azure.com`,
    `https://evil.example?x=.logic.azure.com`,
    `https://prod.logic.azure.com@evil.example${PATH}`,
    `https://prod.logic.azure.com:8443${PATH}`,
    `https://api.powerplatform.com${PATH}`,
    `https://environment.api.powerplatform.com${PATH}`,
    `https://acme.webhook.office.com/webhookb2/1`,
    'prod.logic.azure.com',
    `https://prod.logic.azure.com/${'x'.repeat(2048)}`,
  ])('refuses %s, without repeating it', async (url) => {
    const message = await accepts(url)
    expect(message).toMatch(/^must be /)
    expect(message).not.toContain(SIG)
  })

  it('takes another cloud’s hosts in the place of these', async () => {
    const hosts = ['*.logic.azure.us', 'flows.example.com']
    expect(await accepts('https://prod.usgov.logic.azure.us/x', { hosts })).toBe(true)
    expect(await accepts('https://flows.example.com/x', { hosts })).toBe(true)
    expect(await accepts('https://a.flows.example.com/x', { hosts })).toContain('flows.example.com')
    expect(await accepts('https://prod.logic.azure.com/x', { hosts })).toContain('must be at one of')
  })

  it('shows of its URL the origin only', () => {
    const { describe: shown, defaultLabel } = teamsWorkflowTransport()
    const config = { url: `https://prod-12.westeurope.logic.azure.com:443${PATH}` }
    expect(shown?.(config)).toBe('https://prod-12.westeurope.logic.azure.com/…')
    expect(defaultLabel?.(config)).toBe('prod-12.westeurope.logic.azure.com')
  })

  it('shares one build of a message, unless the host draws', () => {
    expect(teamsWorkflowTransport().variant?.({ url: 'https://a' })).toBe(
      teamsWorkflowTransport().variant?.({ url: 'https://b' }),
    )
    const drawn = teamsWorkflowTransport({ render: (message) => (message.kind === 'test' ? CARD : undefined) })
    expect(drawn.variant).toBeUndefined()
    const connection = connectionOf('teams-workflow', { url: 'https://a' })
    expect(JSON.parse(drawn.build(testMessage, connection)).attachments[0].content).toEqual(CARD)
    expect(drawn.build(eventMessage(), connection)).toBe(teamsWorkflowTransport().build(eventMessage(), connection))
  })

  it('sends one message a second, unless told otherwise', () => {
    expect(teamsWorkflowTransport()).toMatchObject({ name: 'teams-workflow', pace: { perSecond: 1, burst: 1 } })
    const options = { name: 'flows', pace: false, deadlineMs: 5000, retry: { delaysMs: [1] } } as const
    expect(teamsWorkflowTransport(options)).toMatchObject({
      name: 'flows',
      deadlineMs: 5000,
      retry: { delaysMs: [1] },
    })
    expect(teamsWorkflowTransport(options).pace).toBeUndefined()
  })

  it.each([
    [{ hosts: [] }, 'hosts'],
    [{ hosts: ['https://flows.example.com'] }, 'hosts[0]'],
    [{ name: 'Flows!' }, 'name'],
    [{ deadlineMs: Number.NaN }, 'deadlineMs'],
    [{ pace: {} }, 'pace.perSecond'],
    [{ graphUrl: 'x' }, 'graphUrl'],
  ])('refuses the option %j', (options, field) => {
    expect(() => teamsWorkflowTransport(options as never)).toThrow(
      expect.objectContaining({ code: 'invalid_input', field }),
    )
  })
})
