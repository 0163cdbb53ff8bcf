import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import type { HttpPort, HttpRequest } from '../../src/contracts/http.ts'
import { aesGcm, createDispatcher, type Dispatcher, generateEncryptionKey } from '../../src/index.ts'
import { ghostCmsFormat } from '../../src/payloads/index.ts'
import { ghostCms } from '../../src/presets/ghost-cms.ts'
import { ghostCmsSignature } from '../../src/signing/index.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { sqliteStore } from '../../src/stores/sqlite.ts'
import { fakeClock } from '../../src/testing/index.ts'
import { slackFake, teamsFake } from '../../src/testing/msw.ts'
import { slackWebhookTransport } from '../../src/transports/slack-webhook.ts'
import { teamsWorkflowTransport } from '../../src/transports/teams-workflow.ts'
import { type WebhookTransportOptions, webhookTransport } from '../../src/transports/webhook.ts'
import { deliveries, eventOf } from '../support/ghost-cms.ts'
import { LOOPBACK, startReceiver, status } from '../support/receiver.ts'

const orgId = 'org_1'
const PUBLISHED = { event: 'post.published', targetUrl: 'https://hooks.example.com/in' } as const
const published = deliveries.find(({ event }) => event === 'post.published') ?? deliveries[0]
if (published === undefined) throw new Error('no delivery')
const event = eventOf(published, { orgId })

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
  sqlite: (folder = temporaryFolder()) => {
    const store = sqliteStore({ path: join(folder, 'test.db') })
    cleanups.push(() => store.close())
    return store
  },
}

function setup(options: { readonly store?: ReturnType<typeof memoryStore>; readonly webhook?: object } = {}) {
  const clock = fakeClock({ now: published?.sentAt ?? 0 })
  const webhook: WebhookTransportOptions = { ...ghostCms.webhook, ...options.webhook }
  const dispatcher = createDispatcher({
    store: options.store ?? memoryStore(),
    catalog: ghostCms.catalog,
    transports: [webhookTransport(webhook)],
    egress: LOOPBACK,
    encryption: aesGcm({ keys: [{ id: 'k1', key: generateEncryptionKey() }] }),
    clock,
  })
  cleanups.push(() => dispatcher.close())
  return { dispatcher, clock }
}

const deliveryOf = async (dispatcher: Pick<Dispatcher, 'deliveries'>, { deliveries: [one] }: Dispatched) =>
  dispatcher.deliveries.get({ orgId, id: one?.id ?? '' })
interface Dispatched {
  readonly deliveries: readonly { readonly id: string }[]
}

describe.each(Object.entries(stores))('hooks of Ghost CMS over the %s store', (_name, makeStore) => {
  it('send the 29 events as Ghost does, byte for byte, each to its own hook', async () => {
    const receiver = await receiving()
    const { dispatcher, clock } = setup({ store: makeStore() })
    for (const { event, secret } of deliveries) {
      const hook = { orgId, event, targetUrl: `${receiver.url}/${event}`, secret }
      await dispatcher.connections.create(ghostCms.connection(hook))
    }
    for (const delivery of deliveries) {
      clock.set(delivery.sentAt)
      const { deliveries: sent } = await dispatcher.dispatch(eventOf(delivery, { orgId }), { wait: true })
      expect(sent).toMatchObject([{ status: 'delivered' }])
    }
    const received = receiver.requests.map(({ path, headers, body }) => ({
      event: path.slice(1),
      body: body.toString(),
      signature: headers['x-ghost-signature'],
      contentVersion: headers['content-version'],
      contentType: headers['content-type'],
    }))
    expect(received).toEqual(
      deliveries.map(({ event, body, signature, contentVersion }) => ({
        event,
        body,
        signature,
        contentVersion,
        contentType: 'application/json',
      })),
    )
    for (const [index, { headers, body }] of receiver.requests.entries()) {
      const { secret = '', sentAt } = deliveries[index] ?? {}
      const input = { headers, body, secrets: [secret], now: sentAt ?? 0 }
      expect(ghostCmsSignature().verify(input)).toEqual({ ok: true, timestamp: sentAt })
    }
  })

  it('refuse the same event and target URL, at create and at update', async () => {
    const { dispatcher } = setup({ store: makeStore() })
    const create = (hook: object) =>
      dispatcher.connections.create(ghostCms.connection({ orgId, ...PUBLISHED, ...hook }))
    const { connection: first } = await create({})
    const conflict = { code: 'conflict', field: 'uniqueKey' }
    await expect(create({ secret: 'another' })).rejects.toMatchObject(conflict)
    await expect(create({ targetUrl: 'https://HOOKS.example.com/in#again' })).rejects.toMatchObject(conflict)

    const { connection: otherUrl } = await create({ targetUrl: 'https://hooks.example.com/other' })
    const { connection: otherEvent } = await create({ event: 'post.edited' })
    const { connection: otherResource } = await create({ event: 'page.published' })
    await create({ orgId: 'org_2' })

    const { update, get } = dispatcher.connections
    const ref = (id: string) => ({ orgId, id })
    const config = { url: PUBLISHED.targetUrl }
    await expect(update({ ...ref(otherUrl.id), config })).rejects.toMatchObject(conflict)
    const eventTypes = [PUBLISHED.event]
    await expect(update({ ...ref(otherEvent.id), eventTypes })).rejects.toMatchObject(conflict)
    const categories = ['post'] as const
    await expect(update({ ...ref(otherResource.id), categories, eventTypes })).rejects.toMatchObject(conflict)
    expect((await get(otherUrl)).config).toMatchObject({ url: 'https://hooks.example.com/other' })

    await update({ ...ref(first.id), label: 'Rebuild', config })
    await dispatcher.connections.delete(first)
    expect(await update({ ...ref(otherUrl.id), config })).toMatchObject({ config })
  })

  it('keep nothing of a response, whether it is a success or a failure', async () => {
    const folder = temporaryFolder()
    const receiver = await receiving(status(200, {}, 'body-5f0c2a9144d1'))
    const store = makeStore === stores.memory ? stores.memory() : stores.sqlite(folder)
    const { dispatcher } = setup({ store })
    await dispatcher.connections.create(ghostCms.connection({ orgId, ...PUBLISHED, targetUrl: receiver.url }))
    const kept: unknown[] = []
    for (const code of [200, 500]) {
      receiver.answerWith(status(code, {}, 'body-5f0c2a9144d1'))
      kept.push(await deliveryOf(dispatcher, await dispatcher.dispatch(event, { wait: true })))
    }
    kept.push(await dispatcher.connections.list({ orgId }))
    await dispatcher.close()
    await store.close()
    expect(JSON.stringify(kept)).toContain('"status":500')
    expect(JSON.stringify(kept)).not.toContain('5f0c2a9144d1')
    for (const file of readdirSync(folder)) {
      expect(readFileSync(join(folder, file)).includes('5f0c2a9144d1')).toBe(false)
    }
  })
})

describe('a hook of Ghost CMS', () => {
  it('needs an event and a target URL, and nothing else', async () => {
    const receiver = await receiving()
    const { dispatcher } = setup()
    const input = ghostCms.connection({ orgId, event: 'site.changed', targetUrl: receiver.url })
    expect(input).toEqual({
      orgId,
      transport: 'webhook',
      config: { url: receiver.url },
      categories: ['site'],
      eventTypes: ['site.changed'],
      secret: false,
    })
    const created = await dispatcher.connections.create(input)
    expect(created.secret).toBeUndefined()
    expect(created.connection).toMatchObject({ label: new URL(receiver.url).host, status: 'active', signed: false })

    expect((await dispatcher.dispatch(event)).deliveries).toEqual([])
    await dispatcher.dispatch({ orgId, type: 'site.changed' }, { wait: true })
    expect(receiver.requests.map(({ body }) => body.toString())).toEqual(['{"event":"site.changed"}'])
    expect(receiver.requests[0]?.headers).not.toHaveProperty('x-ghost-signature')
  })

  it.each([
    ['event', { event: 'post.imagined' }],
    ['config.url', { targetUrl: 'hooks.example.com' }],
    ['secret', { secret: '' }],
    ['label', { label: 'no field of a hook' }],
  ])('is refused with a wrong %s', async (field, wrong) => {
    const { dispatcher } = setup()
    const create = async () =>
      dispatcher.connections.create(ghostCms.connection({ orgId, ...PUBLISHED, ...(wrong as object) }))
    await expect(create()).rejects.toMatchObject({ code: 'invalid_input', field })
  })

  it.each([500, 404, 429, 302])('takes a %i as final: one attempt, and no redirect followed', async (code) => {
    const receiver = await receiving(status(code, { location: '/elsewhere' }))
    const { dispatcher } = setup()
    await dispatcher.connections.create(ghostCms.connection({ orgId, ...PUBLISHED, targetUrl: receiver.url }))
    const dispatched = await dispatcher.dispatch(event, { wait: true })
    await dispatcher.drain()
    expect(receiver.requests.map(({ path }) => path)).toEqual(['/'])
    const delivery = await deliveryOf(dispatcher, dispatched)
    expect(delivery).toMatchObject({ status: 'failed', failure: 'exhausted', attempts: [{ number: 1, status: code }] })
  })

  it('ends at a 410', async () => {
    const receiver = await receiving(status(410))
    const { dispatcher } = setup()
    const hook = ghostCms.connection({ orgId, ...PUBLISHED, targetUrl: receiver.url })
    const { connection } = await dispatcher.connections.create(hook)
    await dispatcher.dispatch(event, { wait: true })
    expect(await dispatcher.connections.get(connection)).toMatchObject({
      status: 'suspended',
      reason: { code: 'gone' },
    })
  })

  it('is tried again on the durable schedule where the host asks for it, signed anew each time', async () => {
    const receiver = await receiving(status(503))
    const { dispatcher, clock } = setup({ webhook: { retry: {} } })
    const hook = ghostCms.connection({ orgId, ...PUBLISHED, targetUrl: receiver.url, secret: 'k' })
    await dispatcher.connections.create(hook)
    const dispatched = await dispatcher.dispatch(event, { wait: true })
    receiver.answerWith(status(204))
    clock.set(clock.now() + 6000)
    await dispatcher.drain()
    expect(await deliveryOf(dispatcher, dispatched)).toMatchObject({ status: 'delivered' })
    const [one, two] = receiver.requests
    expect(two?.body).toEqual(one?.body)
    const input = { headers: two?.headers ?? {}, body: two?.body ?? '', secrets: ['k'], now: clock.now() }
    expect(ghostCmsSignature().verify(input)).toEqual({ ok: true, timestamp: clock.now() })
  })

  it('has 2 seconds for the whole exchange', async () => {
    const requests: HttpRequest[] = []
    const http: HttpPort = {
      request: async (request) => {
        requests.push(request)
        return { status: 204, headers: {}, text: '', truncated: false }
      },
      check: () => {},
      close: async () => {},
    }
    const clock = fakeClock()
    const transports = [webhookTransport(ghostCms.webhook)]
    const dispatcher = createDispatcher({ store: memoryStore(), catalog: ghostCms.catalog, transports, http, clock })
    cleanups.push(() => dispatcher.close())
    await dispatcher.connections.create(ghostCms.connection({ orgId, ...PUBLISHED }))
    await dispatcher.dispatch(event, { wait: true })
    expect(requests.map(({ deadlineAt }) => deadlineAt - clock.now())).toEqual([2000])
  })

  it('sends the older form where the host asks for it, which the same verifier accepts', async () => {
    const receiver = await receiving()
    const webhook = {
      formats: [ghostCmsFormat({ body: 'without-event', contentVersion: 'v5.87' })],
      signatures: [ghostCmsSignature({ signs: 'body' })],
    }
    const { dispatcher, clock } = setup({ webhook })
    const hook = ghostCms.connection({ orgId, ...PUBLISHED, targetUrl: receiver.url, secret: 'k' })
    await dispatcher.connections.create(hook)
    await dispatcher.dispatch(event, { wait: true })
    const [request] = receiver.requests
    expect(request?.body.toString()).toBe(published.body.replace('"event":"post.published",', ''))
    expect(request?.headers['content-version']).toBe('v5.87')
    const input = { headers: request?.headers ?? {}, body: request?.body ?? '', secrets: ['k'], now: clock.now() }
    expect(ghostCmsSignature().verify(input).ok).toBe(true)
  })

  it('lives beside another preset under a name of its own', async () => {
    const { dispatcher } = setup({ webhook: { name: 'ghost-cms' } })
    const input = ghostCms.connection({ orgId, ...PUBLISHED, transport: 'ghost-cms' })
    expect(input.transport).toBe('ghost-cms')
    const { connection } = await dispatcher.connections.create({ ...input, transport: 'ghost-cms' as 'webhook' })
    expect(connection.transport).toBe('ghost-cms')
  })
})

describe('the same event', () => {
  it('reaches Slack and Teams in words that follow from it, and the hook in its bytes', async () => {
    const receiver = await receiving()
    const slack = slackFake({ channels: [{ id: 'C0001', name: 'news' }] })
    const teams = teamsFake()
    const [atSlack, atTeams] = [await slack.listen(), await teams.listen()]
    cleanups.push(atSlack.close, atTeams.close)
    const clock = fakeClock({ now: published.sentAt })
    const dispatcher = createDispatcher({
      store: memoryStore(),
      catalog: ghostCms.catalogFor({ siteUrl: 'https://blog.example.com/' }),
      transports: [
        webhookTransport(ghostCms.webhook),
        slackWebhookTransport({ ...atSlack.webhook, pace: false }),
        teamsWorkflowTransport({ ...atTeams.workflow, pace: false }),
      ],
      egress: { allow: [...LOOPBACK.allow, ...atSlack.egress.allow, ...atTeams.egress.allow] },
      organisation: () => ({ name: 'Blog' }),
      clock,
    })
    cleanups.push(() => dispatcher.close())
    const slackUrl = atSlack.link(slack.addWebhook('C0001'))
    await dispatcher.connections.create({ orgId, transport: 'slack-webhook', config: { url: slackUrl } })
    const teamsUrl = atTeams.link(teams.addWorkflow())
    await dispatcher.connections.create({ orgId, transport: 'teams-workflow', config: { url: teamsUrl } })
    for (const { event, secret } of deliveries) {
      const hook = { orgId, event, targetUrl: receiver.url, secret }
      await dispatcher.connections.create(ghostCms.connection(hook))
    }
    for (const delivery of deliveries) {
      clock.set(delivery.sentAt)
      const { deliveries: sent } = await dispatcher.dispatch(eventOf(delivery, { orgId }), { wait: true })
      expect(sent.map((one) => one.status)).toEqual(['delivered', 'delivered', 'delivered'])
    }
    expect(receiver.requests.map(({ body }) => body.toString())).toEqual(deliveries.map(({ body }) => body))
    expect([slack.received.length, teams.received.length]).toEqual([29, 29])
    const inSlack = JSON.stringify(slack.received)
    const inTeams = JSON.stringify(teams.received)
    for (const words of ['Post published: Hello2 post', 'Member deleted: M2', 'Tag detached from page: Hello2 page']) {
      expect(inSlack).toContain(words)
      expect(inTeams).toContain(words)
    }
    expect(inSlack).toContain('https://blog.example.com/')
  })
})
