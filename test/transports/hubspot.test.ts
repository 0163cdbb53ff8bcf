import { afterEach, describe, expect, it } from 'vitest'
import type { HttpPort } from '../../src/contracts/http.ts'
import { createDispatcher, isSignalboxError } from '../../src/index.ts'
import { ghostId } from '../../src/presets/ghost-id.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { fakeClock } from '../../src/testing/index.ts'
import { hubspotFake } from '../../src/testing/msw.ts'
import { type HubspotTransportOptions, hubspotTransport } from '../../src/transports/hubspot.ts'
import { digestMessage, eventMessage, storedEvent, testMessage } from '../payloads/messages.ts'
import { DOCUMENTED, exampleVisitor, STRANGER } from '../presets/ghost-id-visitor.ts'
import { PORTS, sendOnce } from '../support/sending.ts'

const cleanups: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

const visited = (metadata: object = exampleVisitor()) => eventMessage({ type: 'visitor_exported', metadata })

describe.each(PORTS)('HubSpot over %s', (_name, port) => {
  async function setup(options: HubspotTransportOptions = {}) {
    const hubspot = hubspotFake()
    const server = await hubspot.listen()
    const http: HttpPort = port(server.egress)
    cleanups.push(server.close, http.close)
    const transport = hubspotTransport({ ...server.options, ...options })
    const send = (message = visited(), token = hubspot.token) =>
      sendOnce(transport, { http, config: {}, message, token })
    return { hubspot, server, http, send }
  }

  it('creates the contact of a visitor, and updates it the next time', async () => {
    const { hubspot, send } = await setup()
    const first = await send()
    expect(first).toEqual({ kind: 'delivered', status: 200, receipt: { id: '100001' } })
    expect(await send(visited(exampleVisitor({ score: 80 })))).toEqual(first)
    const { hs_analytics_source: _, ...properties } = DOCUMENTED.hubspot.properties
    expect(hubspot.received.map(({ email, created }) => [email, created])).toEqual([
      ['jane@example.com', true],
      ['jane@example.com', false],
    ])
    expect(hubspot.received[0]?.properties).toEqual(properties)
    expect(hubspot.contacts.get('jane@example.com')).toEqual({ ...properties, ghost_score: '80' })
    expect(hubspot.received[0]?.body).toMatchObject({ inputs: [{ id: 'jane@example.com', idProperty: 'email' }] })
  })

  it('writes the contact that the host maps, at the newer path', async () => {
    const map = () => ({ email: 'joe@example.com', firstname: 'Joe' })
    const { hubspot, send } = await setup({ map, objectsPath: '/crm/objects/2026-03' })
    expect(await send(eventMessage())).toMatchObject({ kind: 'delivered' })
    expect(hubspot.contacts.get('joe@example.com')).toEqual({ email: 'joe@example.com', firstname: 'Joe' })
    expect(hubspot.requests[0]?.url).toBe('https://api.hubapi.com/crm/objects/2026-03/contacts/batch/upsert')
  })

  it('says of an unknown property which it is', async () => {
    const { hubspot, send } = await setup({ map: () => ({ email: 'joe@example.com', shoe_size: '44' }) })
    expect(await send()).toMatchObject({
      kind: 'rejected',
      code: 'invalid_payload',
      status: 400,
      providerCode: 'VALIDATION_ERROR',
      detail: expect.stringContaining('shoe_size'),
    })
    expect(hubspot.received).toEqual([])
  })

  it.each([
    ['a visitor without an address', visited(STRANGER), 'The contact has no e-mail address'],
    ['an event of another kind', eventMessage(), 'The event is about no contact'],
    ['a digest', digestMessage([storedEvent()]), 'Digests and tests are no contacts'],
    ['a test', testMessage, 'Digests and tests are no contacts'],
  ])('sends nothing for %s', async (_what, message, detail) => {
    const { hubspot, http } = await setup()
    const outcome = await sendOnce(hubspotTransport(), { http, config: {}, message, token: hubspot.token })
    expect(outcome).toEqual({ kind: 'rejected', code: 'unsupported_message', detail })
    expect(hubspot.requests).toEqual([])
  })

  it('asks for another token, once, when one has expired', async () => {
    const { hubspot, server, http } = await setup()
    hubspot.expireTokens()
    const fresh = hubspot.issueToken()
    const asked: (string | undefined)[] = []
    const dispatcher = createDispatcher({
      store: memoryStore(),
      catalog: ghostId.catalog,
      transports: [hubspotTransport(server.options)],
      tokens: {
        async get(_connection, { rejectedToken }) {
          asked.push(rejectedToken)
          return { ok: true, token: rejectedToken === undefined ? hubspot.token : fresh }
        },
      },
      http,
    })
    cleanups.push(() => dispatcher.close())
    await dispatcher.connections.create({ orgId: '4', transport: 'hubspot', config: {} })
    const event = { orgId: '4', type: 'visitor_exported', metadata: exampleVisitor() } as const
    const { deliveries } = await dispatcher.dispatch(event, { wait: true })
    expect(deliveries).toMatchObject([{ status: 'delivered' }])
    expect(asked).toEqual([undefined, hubspot.token])
    expect(hubspot.received).toMatchObject([{ token: fresh }])
  })

  it('a conflict is tried once more by the dispatcher; a second one ends the delivery', async () => {
    const { hubspot, server } = await setup()
    const clock = fakeClock()
    const http = port({ ...server.egress, clock })
    const dispatcher = createDispatcher({
      store: memoryStore(),
      transports: [hubspotTransport({ ...server.options, map: () => ({ email: 'joe@example.com' }) })],
      tokens: { get: async () => ({ ok: true, token: hubspot.token }) },
      http,
      clock,
    })
    cleanups.push(http.close, () => dispatcher.close())
    await dispatcher.connections.create({ orgId: '4', transport: 'hubspot', config: {} })
    hubspot.fail({ item: 'CONFLICT' })
    hubspot.fail('CONFLICT')
    const event = { orgId: '4', type: 'seen', title: 'Seen', body: '', href: 'https://app.example.com' }
    const { deliveries } = await dispatcher.dispatch(event)
    const ref = { orgId: '4', id: deliveries[0]?.id ?? '' }
    await dispatcher.drain()
    expect(await dispatcher.deliveries.get(ref)).toMatchObject({ status: 'pending' })
    clock.set(clock.now() + 60_000)
    await dispatcher.drain()
    const { status, attempts } = await dispatcher.deliveries.get(ref)
    expect([status, attempts.map((attempt) => attempt.status)]).toEqual(['failed', [207, 409]])
  })
})

describe('the HubSpot transport', () => {
  it('is described by its account, where that is known', () => {
    const { describe: shown, defaultLabel, provider, pace } = hubspotTransport()
    expect(
      [{}, { portalId: '123' }, { portalId: '123', accountName: 'Acme' }].map((config) => shown?.(config)),
    ).toEqual(['HubSpot', '123', 'Acme'])
    expect([defaultLabel?.({}), provider, pace]).toEqual(['HubSpot', 'hubspot', { perSecond: 10, burst: 10 }])
  })

  it.each<[object, string]>([
    [{ name: 'HubSpot' }, 'name'],
    [{ map: {} }, 'map'],
    [{ apiUrl: 'api.hubapi.com' }, 'apiUrl'],
    [{ apiUrl: 'https://api.hubapi.com?hapikey=x' }, 'apiUrl'],
    [{ objectsPath: 'crm/v3/objects' }, 'objectsPath'],
    [{ objectsPath: '/crm/../x' }, 'objectsPath'],
    [{ pace: { perSecond: 0, burst: 1 } }, 'pace.perSecond'],
    [{ deadlineMs: 1 }, 'deadlineMs'],
    [{ token: 'x' }, 'token'],
  ])('refuses the options %j', (options, field) => {
    let refused: unknown
    try {
      hubspotTransport(options)
    } catch (error) {
      refused = error
    }
    expect(isSignalboxError(refused, 'invalid_input') && refused.field).toBe(field)
  })
})
