import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { aesGcm, createDispatcher, type Dispatcher, generateEncryptionKey, isSignalboxError } from '../../src/index.ts'
import { cloudEventsFormat, ghostFormat, standardFormat } from '../../src/payloads/index.ts'
import { ghostWorkspace } from '../../src/presets/ghost-workspace.ts'
import { ghostSignature, standardWebhooks } from '../../src/signing/index.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { sqliteStore } from '../../src/stores/sqlite.ts'
import { fakeClock } from '../../src/testing/index.ts'
import { webhookTransport } from '../../src/transports/webhook.ts'
import { LOOPBACK, startReceiver, status } from '../support/receiver.ts'

const EVENT = {
  orgId: 'org_1',
  type: 'breach_logged',
  title: 'Breach logged',
  body: 'A laptop was lost',
  href: 'https://app.example.com/breaches/1',
} as const

const cleanups: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function receiving(...args: Parameters<typeof startReceiver>) {
  const receiver = await startReceiver(...args)
  cleanups.push(receiver.close)
  return receiver
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-test-'))
  cleanups.push(() => rmSync(folder, { recursive: true }))
  return folder
}

const stores = {
  memory: () => memoryStore(),
  sqlite: () => {
    const store = sqliteStore({ path: join(temporaryFolder(), 'test.db') })
    cleanups.push(() => store.close())
    return store
  },
}

function closing<D extends Pick<Dispatcher, 'close'>>(dispatcher: D): D {
  cleanups.push(() => dispatcher.close({ graceMs: 1000 }))
  return dispatcher
}

describe.each(Object.entries(stores))('webhooks over the %s store', (_name, makeStore) => {
  const setup = (options: { readonly retry?: object; readonly clock?: ReturnType<typeof fakeClock> } = {}) =>
    closing(
      createDispatcher({
        store: makeStore(),
        catalog: ghostWorkspace.catalog,
        transports: [
          webhookTransport({
            formats: [ghostFormat, standardFormat, cloudEventsFormat()],
            ...(options.retry === undefined ? {} : { retry: options.retry }),
          }),
        ],
        egress: LOOPBACK,
        encryption: aesGcm({ keys: [{ id: 'k1', key: generateEncryptionKey() }] }),
        organisation: () => ({ name: 'Acme', settingsUrl: 'https://app.example.com/settings' }),
        ...(options.clock === undefined ? {} : { clock: options.clock }),
      }),
    )

  it('gets an event to the connections that subscribed, signed and recorded', async () => {
    const receiver = await receiving()
    const dispatcher = setup()
    const siem = await dispatcher.connections.create({
      orgId: 'org_1',
      transport: 'webhook',
      config: { url: `${receiver.url}/siem`, headers: { 'x-tenant': 'acme' } },
      categories: ['breach'],
    })
    await dispatcher.connections.create({
      orgId: 'org_1',
      transport: 'webhook',
      config: { url: `${receiver.url}/team` },
      categories: ['team'],
    })
    await dispatcher.connections.create({
      orgId: 'org_2',
      transport: 'webhook',
      config: { url: `${receiver.url}/other-organisation` },
    })

    const result = await dispatcher.dispatch({ ...EVENT, id: 'e1', metadata: { severity: 'high' } })
    expect(result).toMatchObject({ eventId: 'e1', duplicate: false, deliveries: [{ status: 'pending' }] })
    await dispatcher.drain()

    expect(receiver.requests.map((one) => one.path)).toEqual(['/siem'])
    const [request] = receiver.requests
    if (!request || !siem.secret) throw new Error('nothing was received')
    expect(request.headers['x-tenant']).toBe('acme')
    expect(request.headers['content-type']).toBe('application/json')
    expect(Object.keys(JSON.parse(request.body.toString()))).toEqual([
      'type',
      'title',
      'body',
      'href',
      'orgName',
      'metadata',
      'timestamp',
    ])
    expect(JSON.parse(request.body.toString()).orgName).toBe('Acme')
    for (const scheme of [ghostSignature(), standardWebhooks()]) {
      const input = { headers: request.headers, body: request.body, secrets: [siem.secret] }
      expect(scheme.verify(input)).toMatchObject({ ok: true })
    }

    const delivery = await dispatcher.deliveries.get({ orgId: 'org_1', id: result.deliveries[0]?.id ?? '' })
    expect(delivery).toMatchObject({
      status: 'delivered',
      attempts: [{ number: 1, outcome: 'delivered', status: 200, snippet: 'ok' }],
    })
    const card = await dispatcher.connections.get({ orgId: 'org_1', id: siem.connection.id })
    expect(card).toMatchObject({ status: 'active', health: 'ok', latestDelivery: { status: 'delivered' } })
  })

  it('keeps at most 2 KiB of an answer, without the secrets that it repeats', async () => {
    const token = 'tok_0123456789abcdef'
    const receiver = await receiving(status(400, {}, `${'é'.repeat(1000)}${token} ${'x'.repeat(3000)}`))
    const dispatcher = setup({ retry: { delaysMs: [] } })
    const config = { url: receiver.url, headers: { authorization: `Bearer ${token}` } }
    await dispatcher.connections.create({ orgId: 'org_1', transport: 'webhook', config })
    const { deliveries } = await dispatcher.dispatch(EVENT, { wait: true })
    const delivery = await dispatcher.deliveries.get({ orgId: 'org_1', id: deliveries[0]?.id ?? '' })
    const snippet = delivery.attempts[0]?.snippet ?? ''
    expect(Buffer.byteLength(snippet)).toBeLessThanOrEqual(2048)
    expect(snippet).toContain('é[redacted]')
    expect(JSON.stringify(delivery)).not.toContain('tok_0')
  })

  it('accepts an event id once', async () => {
    const receiver = await receiving()
    const dispatcher = setup()
    await dispatcher.connections.create({ orgId: 'org_1', transport: 'webhook', config: { url: receiver.url } })
    const [first, second] = await Promise.all([
      dispatcher.dispatch({ ...EVENT, id: 'same' }),
      dispatcher.dispatch({ ...EVENT, id: 'same' }),
    ])
    const third = await dispatcher.dispatch({ ...EVENT, id: 'same' })
    await dispatcher.drain()
    expect([first?.duplicate, second?.duplicate, third.duplicate].filter((one) => !one)).toHaveLength(1)
    expect(third.deliveries).toEqual([])
    expect(receiver.requests).toHaveLength(1)
  })

  it('accepts one event a window with dedupe', async () => {
    const clock = fakeClock({ now: 60_000_000 })
    const dispatcher = setup({ clock })
    const dedupe = { key: 'disk-full', everyMs: 60_000 }
    expect((await dispatcher.dispatch(EVENT, { dedupe })).duplicate).toBe(false)
    clock.set(60_059_999)
    expect((await dispatcher.dispatch(EVENT, { dedupe })).duplicate).toBe(true)
    clock.set(60_060_000)
    expect((await dispatcher.dispatch(EVENT, { dedupe })).duplicate).toBe(false)
  })

  it('sends each connection the format it chose', async () => {
    const receiver = await receiving()
    const dispatcher = setup()
    for (const format of ['ghost', 'standard', 'cloudevents']) {
      const config = { url: `${receiver.url}/${format}`, format }
      await dispatcher.connections.create({ orgId: 'org_1', transport: 'webhook', config })
    }
    await dispatcher.dispatch(EVENT)
    await dispatcher.drain()
    const bodies = new Map(receiver.requests.map((one) => [one.path, JSON.parse(one.body.toString())]))
    expect(bodies.get('/ghost')).toMatchObject({ type: 'breach_logged', title: 'Breach logged' })
    expect(bodies.get('/standard')).toMatchObject({ type: 'breach_logged', data: { title: 'Breach logged' } })
    expect(bodies.get('/cloudevents')).toMatchObject({ specversion: '1.0', type: 'breach_logged' })
  })

  it('tries again on schedule with the same id and body, and recovers', async () => {
    const clock = fakeClock()
    const receiver = await receiving(status(503))
    const dispatcher = setup({ clock, retry: { delaysMs: [5000, 300_000], jitter: 0 } })
    const recovered: string[] = []
    dispatcher.on('connection.recovered', (event) => recovered.push(event.connectionId))
    const { connection } = await dispatcher.connections.create({
      orgId: 'org_1',
      transport: 'webhook',
      config: { url: receiver.url },
    })
    const { deliveries } = await dispatcher.dispatch(EVENT)
    await dispatcher.drain()
    expect(receiver.requests).toHaveLength(1)
    expect(await dispatcher.connections.get(connection)).toMatchObject({
      health: 'failing',
      consecutiveFailures: 1,
      nextAttemptAt: clock.now() + 5000,
    })
    clock.set(clock.now() + 4999)
    await dispatcher.drain()
    expect(receiver.requests).toHaveLength(1)
    clock.set(clock.now() + 1)
    await dispatcher.drain()
    expect(receiver.requests).toHaveLength(2)
    receiver.answerWith(status(200))
    clock.set(clock.now() + 300_000)
    expect(await dispatcher.tick()).toMatchObject({ delivered: 1, retried: 0, failed: 0, nextDueAt: null })
    expect(new Set(receiver.requests.map((one) => `${one.headers['webhook-id']} ${one.body}`)).size).toBe(1)
    expect(recovered).toEqual([connection.id])
    const delivery = await dispatcher.deliveries.get({ orgId: 'org_1', id: deliveries[0]?.id ?? '' })
    expect(delivery.attempts.map((one) => one.code)).toEqual(['http_5xx', 'http_5xx', undefined])
  })

  it('fails when the schedule is used up, and sends again on retry', async () => {
    const receiver = await receiving(status(500))
    const dispatcher = setup({ retry: { delaysMs: [] } })
    const exhausted: string[] = []
    dispatcher.on('delivery.exhausted', (event) => exhausted.push(event.deliveryId))
    await dispatcher.connections.create({ orgId: 'org_1', transport: 'webhook', config: { url: receiver.url } })
    const { deliveries } = await dispatcher.dispatch(EVENT)
    const ref = { orgId: 'org_1', id: deliveries[0]?.id ?? '' }
    await dispatcher.drain()
    expect(await dispatcher.deliveries.get(ref)).toMatchObject({ status: 'failed', failure: 'exhausted' })
    expect(exhausted).toEqual([ref.id])
    receiver.answerWith(status(204))
    await dispatcher.deliveries.retry(ref)
    await dispatcher.drain()
    expect(await dispatcher.deliveries.get(ref)).toMatchObject({ status: 'delivered' })
  })

  it('suspends a connection whose endpoint is gone, and says so', async () => {
    const receiver = await receiving(status(410))
    const dispatcher = setup()
    const suspended: unknown[] = []
    dispatcher.on('connection.suspended', (event) => suspended.push(event))
    const { connection } = await dispatcher.connections.create({
      orgId: 'org_1',
      transport: 'webhook',
      config: { url: receiver.url },
    })
    await dispatcher.dispatch(EVENT)
    await dispatcher.drain()
    expect(suspended).toMatchObject([{ connectionId: connection.id, reason: { code: 'gone' } }])
    expect(await dispatcher.connections.get(connection)).toMatchObject({
      status: 'suspended',
      reason: { code: 'gone' },
    })
    expect((await dispatcher.dispatch(EVENT)).deliveries).toEqual([])
    receiver.answerWith(status(200))
    await dispatcher.connections.resume(connection)
    expect((await dispatcher.dispatch(EVENT)).deliveries).toHaveLength(1)
    await dispatcher.drain()
    expect(receiver.requests).toHaveLength(2)
  })

  it('makes the first attempts before dispatch resolves, with wait', async () => {
    const good = await receiving()
    const bad = await receiving(status(500))
    const dispatcher = setup({ retry: { delaysMs: [60_000], jitter: 0 } })
    for (const receiver of [good, bad]) {
      await dispatcher.connections.create({ orgId: 'org_1', transport: 'webhook', config: { url: receiver.url } })
    }
    const { deliveries } = await dispatcher.dispatch(EVENT, { wait: true })
    expect(deliveries.map((one) => [one.status, one.outcome?.kind]).sort()).toEqual([
      ['delivered', 'delivered'],
      ['pending', 'retry'],
    ])
    expect([good.requests.length, bad.requests.length]).toEqual([1, 1])
  })

  it('tells what it would do, without doing it', async () => {
    const receiver = await receiving()
    const dispatcher = setup()
    const config = { url: receiver.url }
    const all = await dispatcher.connections.create({ orgId: 'org_1', transport: 'webhook', config, label: 'all' })
    await dispatcher.connections.create({
      orgId: 'org_1',
      transport: 'webhook',
      config,
      label: 'team',
      categories: ['team'],
    })
    const paused = await dispatcher.connections.create({
      orgId: 'org_1',
      transport: 'webhook',
      config,
      label: 'paused',
    })
    await dispatcher.connections.pause(paused.connection)
    const explained = new Map((await dispatcher.explain(EVENT)).map((one) => [one.label, one]))
    expect(explained.get('all')).toMatchObject({ decision: 'sent', connectionId: all.connection.id })
    expect(explained.get('all')?.payload).toMatchObject({ body: expect.stringContaining('"title":"Breach logged"') })
    expect(explained.get('team')).toMatchObject({ decision: 'skipped' })
    expect(explained.get('paused')?.reason).toContain('paused')
    expect(receiver.requests).toEqual([])
    expect((await dispatcher.deliveries.list({ orgId: 'org_1' })).items).toEqual([])
  })

  it('sends once to a destination that is not stored', async () => {
    const receiver = await receiving()
    const dispatcher = setup()
    const config = { url: receiver.url }
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
    const outcome = await dispatcher.send({ orgId: 'org_1', transport: 'webhook', config, event: EVENT, secret })
    expect(outcome).toMatchObject({ kind: 'delivered', status: 200 })
    const [request] = receiver.requests
    const input = { headers: request?.headers ?? {}, body: request?.body ?? '', secrets: [secret] }
    expect(standardWebhooks().verify(input)).toMatchObject({ ok: true })
    const refused = dispatcher.send({
      orgId: 'org_1',
      transport: 'webhook',
      config: { url: 'https://169.254.169.254/latest' },
      event: EVENT,
    })
    await expect(refused).rejects.toMatchObject({ code: 'blocked_url' })
    expect((await dispatcher.connections.list({ orgId: 'org_1' })).items).toEqual([])
  })

  it('finishes what is in flight when it closes, and refuses what comes after', async () => {
    let answer = (): void => {}
    const receiver = await receiving((_request, response) => {
      answer = () => response.end()
    })
    const dispatcher = setup()
    await dispatcher.connections.create({ orgId: 'org_1', transport: 'webhook', config: { url: receiver.url } })
    await dispatcher.start()
    await dispatcher.dispatch(EVENT)
    await until(() => receiver.requests.length === 1)
    const closed = dispatcher.close({ graceMs: 10_000 })
    answer()
    await closed
    await expect(dispatcher.dispatch(EVENT)).rejects.toSatisfy((error) => isSignalboxError(error, 'closed'))
    await expect(dispatcher.connections.list({ orgId: 'org_1' })).rejects.toMatchObject({ code: 'closed' })
  })

  it('gives back what has not ended when the grace is over, so that another worker sends it', async () => {
    const receiver = await receiving((_request, _response, count) => {
      if (count > 1) _response.end()
    })
    const store = makeStore()
    const options = { store, transports: [webhookTransport()], egress: LOOPBACK, encryption: false } as const
    const first = createDispatcher(options)
    await first.connections.create({ orgId: 'org_1', transport: 'webhook', config: { url: receiver.url } })
    const { deliveries } = await first.dispatch(EVENT)
    await first.start()
    await until(() => receiver.requests.length === 1)
    await first.close({ graceMs: 10 })
    const second = closing(createDispatcher(options))
    await second.drain()
    expect(receiver.requests).toHaveLength(2)
    expect(receiver.requests[0]?.headers['webhook-id']).toBe(receiver.requests[1]?.headers['webhook-id'])
    const delivery = await second.deliveries.get({ orgId: 'org_1', id: deliveries[0]?.id ?? '' })
    expect(delivery).toMatchObject({ status: 'delivered', attempts: [{ number: 1, outcome: 'delivered' }] })
  })

  it('keeps one failing listener from harming anything', async () => {
    const receiver = await receiving()
    const dispatcher = setup()
    dispatcher.on('delivery.delivered', () => {
      throw new Error('listener')
    })
    await dispatcher.connections.create({ orgId: 'org_1', transport: 'webhook', config: { url: receiver.url } })
    const { deliveries } = await dispatcher.dispatch(EVENT)
    await dispatcher.drain()
    const delivery = await dispatcher.deliveries.get({ orgId: 'org_1', id: deliveries[0]?.id ?? '' })
    expect(delivery.status).toBe('delivered')
  })

  it('writes many events in one go, all or none', async () => {
    const receiver = await receiving()
    const dispatcher = setup()
    await dispatcher.connections.create({ orgId: 'org_1', transport: 'webhook', config: { url: receiver.url } })
    const refused = dispatcher.dispatchMany([EVENT, { ...EVENT, href: 'nowhere' }])
    await expect(refused).rejects.toMatchObject({ code: 'invalid_input', field: 'events[1].href' })
    const results = await dispatcher.dispatchMany([EVENT, { ...EVENT, type: 'member_joined' }])
    expect(results.map((one) => one.deliveries.length)).toEqual([1, 1])
    await dispatcher.drain()
    expect(receiver.requests).toHaveLength(2)
  })
})

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(setImmediate)
}
