import { afterEach, describe, expect, it } from 'vitest'
import type { HttpPort } from '../../src/contracts/http.ts'
import { createDispatcher, isSignalboxError } from '../../src/index.ts'
import { ghostId } from '../../src/presets/ghost-id.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { salesforceFake } from '../../src/testing/msw.ts'
import { type SalesforceTransportOptions, salesforceTransport } from '../../src/transports/salesforce.ts'
import { digestMessage, eventMessage, storedEvent, testMessage } from '../payloads/messages.ts'
import { DOCUMENTED, exampleVisitor } from '../presets/ghost-id-visitor.ts'
import { PORTS, sendOnce } from '../support/sending.ts'

const DEFAULTS = { LastName: 'Website visitor', Company: 'Unknown' }
const VID = 'gv_a1b2c3d4_e5f6g7h8'

const cleanups: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

const visited = (metadata: object = exampleVisitor()) => eventMessage({ type: 'visitor_exported', metadata })

describe.each(PORTS)('Salesforce over %s', (_name, port) => {
  async function setup(options: Partial<SalesforceTransportOptions> = {}) {
    const salesforce = salesforceFake()
    const server = await salesforce.listen()
    const http: HttpPort = port(server.egress)
    cleanups.push(server.close, http.close)
    const transport = salesforceTransport({ defaults: DEFAULTS, ...server.options, ...options })
    const config = { instanceUrl: server.instanceUrl }
    const send = (message = visited()) => sendOnce(transport, { http, config, message, token: salesforce.token })
    return { salesforce, server, http, transport, send }
  }
  const { Ghost_Visitor_ID__c: _, ...documented } = DOCUMENTED.salesforce

  it('creates the Lead of a visitor, with the defaults that a new one needs', async () => {
    const { salesforce, send } = await setup()
    expect(await send()).toEqual({ kind: 'delivered', status: 201, receipt: { id: '00Q5g0000000001' } })
    expect(salesforce.leads.get(VID)).toEqual({ ...DEFAULTS, ...documented })
    const url = `https://acme.my.salesforce.com/services/data/v68.0/sobjects/Lead/Ghost_Visitor_ID__c/${VID}`
    expect(salesforce.requests.map(({ method, url, error }) => [method, url, error])).toEqual([
      ['PATCH', url, 'REQUIRED_FIELD_MISSING'],
      ['PATCH', url, undefined],
    ])
  })

  it('updates a Lead without touching what people made of the defaults', async () => {
    const own = { LastName: 'Doe', Company: 'Acme' }
    const named = () => ({ Ghost_Visitor_ID__c: VID, ...own })
    const { salesforce, server, http, send } = await setup()
    const byHand = salesforceTransport({ defaults: DEFAULTS, ...server.options, map: named })
    const config = { instanceUrl: server.instanceUrl }
    await sendOnce(byHand, { http, config, message: eventMessage(), token: salesforce.token })
    expect(await send()).toEqual({ kind: 'delivered', status: 200, receipt: { id: '00Q5g0000000001' } })
    expect(salesforce.leads.get(VID)).toEqual({ ...own, ...documented })
    expect(salesforce.requests).toHaveLength(2)
  })

  it('writes the Lead that the host maps, found by a field of its own', async () => {
    const salesforce = salesforceFake({ externalIdField: 'Lead_Key__c' })
    const server = await salesforce.listen()
    const http = port(server.egress)
    cleanups.push(server.close, http.close)
    const transport = salesforceTransport({
      defaults: { ...DEFAULTS, LeadSource: 'Web', City: 'Unknown' },
      ...server.options,
      apiVersion: 'v62.0',
      externalIdField: 'Lead_Key__c',
      map: ({ id, title }) => ({ Lead_Key__c: `a/b?${id}`, Description: title, City: 'Austin', Rating: null }),
    })
    const config = { instanceUrl: server.instanceUrl }
    const outcome = await sendOnce(transport, { http, config, message: eventMessage(), token: salesforce.token })
    expect(outcome).toMatchObject({ kind: 'delivered' })
    expect([...salesforce.leads]).toEqual([
      ['a/b?evt_1', { ...DEFAULTS, LeadSource: 'Web', Description: 'Breach logged', City: 'Austin', Rating: null }],
    ])
    expect(salesforce.requests[0]?.url).toContain('/v62.0/sobjects/Lead/Lead_Key__c/a%2Fb%3Fevt_1')
  })

  it('cuts what a Lead has no room for, and leaves out an address that is too long', async () => {
    const { salesforce, send } = await setup()
    const visitor = exampleVisitor({
      identified_user_id: `${'a'.repeat(60)}@${'b'.repeat(30)}.example.com`,
      location: { city: 'Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch', country: 'x'.repeat(100) },
    })
    expect(await send(visited(visitor))).toMatchObject({ kind: 'delivered' })
    const { City, Country, ...lead } = salesforce.leads.get(VID) ?? {}
    expect([City, Country]).toEqual(['Llanfairpwllgwyngyllgogerychwyrndrobwll…', `${'x'.repeat(79)}…`])
    expect(lead).not.toHaveProperty('Email')
  })

  it('ends a message whose external id several Leads have', async () => {
    const { salesforce, send } = await setup()
    salesforce.duplicate(VID)
    expect(await send()).toMatchObject({ kind: 'rejected', code: 'provider_error', status: 300 })
    expect(salesforce.requests).toHaveLength(1)
  })

  it('waits long when the requests of the day are used up', async () => {
    const { salesforce, send } = await setup()
    salesforce.fail('REQUEST_LIMIT_EXCEEDED')
    expect(await send()).toMatchObject({ kind: 'retry', code: 'rate_limited', retryAfterMs: 3_600_000 })
  })

  it.each([
    ['an event of another kind', eventMessage(), 'The event is about no Lead'],
    ['a digest', digestMessage([storedEvent()]), 'Digests and tests are no Leads'],
    ['a test', testMessage, 'Digests and tests are no Leads'],
  ])('sends nothing for %s', async (_what, message, detail) => {
    const { salesforce, server, http, transport } = await setup()
    const config = { instanceUrl: server.instanceUrl }
    const outcome = await sendOnce(transport, { http, config, message, token: salesforce.token })
    expect(outcome).toEqual({ kind: 'rejected', code: 'unsupported_message', detail })
    expect(salesforce.requests).toEqual([])
  })

  it.each([undefined, '', '.', '..', 7, null])('sends nothing for a Lead whose external id is %j', async (id) => {
    const map = () => ({ ...(id === undefined ? {} : { Ghost_Visitor_ID__c: id }), City: 'Austin' })
    const { salesforce, send } = await setup({ map })
    const detail = 'The Lead has no Ghost_Visitor_ID__c'
    expect(await send()).toEqual({ kind: 'rejected', code: 'unsupported_message', detail })
    expect(salesforce.requests).toEqual([])
  })

  it('asks for another token, once, when the session has expired', async () => {
    const { salesforce, server, http } = await setup()
    salesforce.expireTokens()
    const fresh = salesforce.issueToken()
    const dispatcher = createDispatcher({
      store: memoryStore(),
      catalog: ghostId.catalog,
      transports: [salesforceTransport({ defaults: DEFAULTS, ...server.options })],
      tokens: {
        get: async (_connection, { rejectedToken }) => ({
          ok: true,
          token: rejectedToken === undefined ? salesforce.token : fresh,
        }),
      },
      http,
    })
    cleanups.push(() => dispatcher.close())
    const config = { instanceUrl: server.instanceUrl }
    const { connection } = await dispatcher.connections.create({ orgId: '4', transport: 'salesforce', config })
    expect(connection.destination).toBe(new URL(server.url).host)
    const event = { orgId: '4', type: 'visitor_exported', metadata: exampleVisitor() } as const
    const { deliveries } = await dispatcher.dispatch(event, { wait: true })
    expect(deliveries).toMatchObject([{ status: 'delivered' }])
    expect(salesforce.requests.map((request) => request.status)).toEqual([401, 400, 201])
  })
})

describe('the Salesforce transport', () => {
  const parse = async (instanceUrl: unknown, options: Partial<SalesforceTransportOptions> = {}) => {
    const { config } = salesforceTransport({ defaults: DEFAULTS, ...options })
    const result = await config['~standard'].validate({ instanceUrl })
    return result.issues === undefined ? result.value.instanceUrl : new Error(result.issues[0]?.message)
  }

  it.each([
    ['https://acme.my.salesforce.com', 'https://acme.my.salesforce.com'],
    ['https://Acme.my.salesforce.com/', 'https://acme.my.salesforce.com'],
    ['https://acme--dev.sandbox.my.salesforce.com:443', 'https://acme--dev.sandbox.my.salesforce.com'],
  ])('stores %s as %s', async (given, stored) => {
    expect(await parse(given)).toBe(stored)
  })

  it.each([
    ['acme.my.salesforce.com', 'must be an absolute URL'],
    ['http://acme.my.salesforce.com', 'must use https:'],
    ['https://my.salesforce.com.evil.example', 'must be at one of: *.my.salesforce.com'],
    ['https://evilmy.salesforce.com', 'must be at one of: *.my.salesforce.com'],
    ['https://acme.my.salesforce.com:8443', 'must be at one of: *.my.salesforce.com'],
    ['https://acme.my.salesforce.com/services', 'must be an origin, without a path'],
    ['https://user:pass@acme.my.salesforce.com', 'must be an origin, without a path'],
    ['https://acme.my.salesforce.com?x=1', 'must be an origin, without a path'],
  ])('sends no token to %s: %s', async (url, rule) => {
    expect(await parse(url)).toEqual(new Error(rule))
  })

  it('goes to hosts of your own where it is told so', async () => {
    const hosts = ['crm-proxy.example.com']
    expect(await parse('https://crm-proxy.example.com', { hosts })).toBe('https://crm-proxy.example.com')
    expect(await parse('https://acme.my.salesforce.com', { hosts })).toBeInstanceOf(Error)
  })

  it.each<[object, string]>([
    [{ defaults: undefined }, 'defaults'],
    [{ defaults: { LastName: 'x' } }, 'defaults.Company'],
    [{ defaults: { LastName: ' ', Company: 'x' } }, 'defaults.LastName'],
    [{ map: 'x' }, 'map'],
    [{ externalIdField: 'a/b' }, 'externalIdField'],
    [{ apiVersion: '68' }, 'apiVersion'],
    [{ hosts: ['https://x'] }, 'hosts[0]'],
    [{ hosts: [] }, 'hosts'],
    [{ deadlineMs: 1 }, 'deadlineMs'],
    [{ object: 'Contact' }, 'object'],
  ])('refuses the options %j', (options, field) => {
    let refused: unknown
    try {
      salesforceTransport({ defaults: DEFAULTS, ...options })
    } catch (error) {
      refused = error
    }
    expect(isSignalboxError(refused, 'invalid_input') && refused.field).toBe(field)
  })
})
