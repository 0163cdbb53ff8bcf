import { EmbedBuilder, embedLength } from '@discordjs/builders'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { createDispatcher, isSignalboxError } from '../../src/index.ts'
import { isGhostIdVisitor } from '../../src/payloads/ghost-id-visitor.ts'
import { type GhostIdFormat, type GhostIdVisitor, ghostId } from '../../src/presets/ghost-id.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { discordFake, slackFake } from '../../src/testing/msw.ts'
import { slackValidator } from '../payloads/support/slack-validator.ts'
import { LOOPBACK, startReceiver, status } from '../support/receiver.ts'
import { DOCUMENTED, EXPORTED_AT, exampleVisitor, STRANGER } from './ghost-id-visitor.ts'

const FORMATS = ['custom', 'hubspot', 'salesforce', 'slack', 'discord'] as const
const exportedAt = EXPORTED_AT
const validate = slackValidator()

const cleanups: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

function refusalOf(fn: () => unknown): string {
  try {
    fn()
  } catch (error) {
    if (isSignalboxError(error, 'invalid_input')) return error.message
    throw error
  }
  return 'nothing was refused'
}

describe('the payload of a visitor', () => {
  it.each(['custom', 'hubspot', 'salesforce', 'slack'] as const)(
    '%s is the documented one, with its keys in their order',
    (format) => {
      const payload = ghostId.payload(format, exampleVisitor(), { exportedAt })
      expect(payload).toEqual(DOCUMENTED[format])
      expect(JSON.stringify(payload)).toBe(JSON.stringify(DOCUMENTED[format]))
    },
  )

  it('discord has the documented fields, and an embed beside them', () => {
    const { embeds, allowed_mentions, ...documented } = ghostId.payload('discord', exampleVisitor(), { exportedAt })
    expect(JSON.stringify(documented)).toBe(JSON.stringify(DOCUMENTED.discord))
    expect(allowed_mentions).toEqual({ parse: [] })
    expect(embeds).toEqual([
      {
        title: 'New Lead from GHOST',
        url: 'https://analytics.ghostid.ai/visitor/gv_a1b2c3d4_e5f6g7h8',
        color: 0x5865f2,
        fields: [
          { name: 'Visitor ID', value: 'gv\\_a1b2c3d4\\_e5f6g7h8', inline: true },
          { name: 'Score', value: '65/100', inline: true },
          { name: 'Location', value: 'Austin, United States', inline: true },
          { name: 'Sessions', value: '3', inline: true },
        ],
        timestamp: '2026-03-10T17:18:00.000Z',
      },
    ])
  })

  it('leaves out the journey, or the recent events, of discord too', () => {
    const visitor = exampleVisitor()
    const { journey: _journey, ...withoutJourney } = DOCUMENTED.custom
    expect(ghostId.payload('custom', visitor, { exportedAt, includeJourney: false })).toEqual(withoutJourney)
    const { recent_events: _events, ...withoutEvents } = DOCUMENTED.custom
    expect(ghostId.payload('custom', visitor, { exportedAt, includeEvents: false })).toEqual(withoutEvents)
    const discord = ghostId.payload('discord', visitor, { exportedAt, includeEvents: false })
    expect(discord).not.toHaveProperty('recent_events')
    expect(discord.embeds).toHaveLength(1)
    for (const format of ['hubspot', 'salesforce', 'slack'] as const) {
      const options = { exportedAt, includeJourney: false, includeEvents: false }
      expect(ghostId.payload(format, visitor, options)).toEqual(DOCUMENTED[format])
    }
  })

  it('says null of what is unknown, and leaves it out where a CRM would overwrite with it', () => {
    expect(ghostId.payload('custom', STRANGER, { exportedAt })).toMatchObject({
      identified_user_id: null,
      location: { country: null, city: null },
      device: { type: null, browser: null },
      journey: [],
      recent_events: [],
    })
    const { properties } = ghostId.payload('hubspot', STRANGER, { exportedAt })
    expect(Object.keys(properties)).not.toEqual(expect.arrayContaining(['email']))
    expect(properties).not.toHaveProperty('city')
    expect(properties).toMatchObject({ ghost_score: '0', ghost_sessions: '1' })
    const lead = ghostId.payload('salesforce', STRANGER, { exportedAt })
    expect(Object.keys(lead)).toEqual([
      'Ghost_Visitor_ID__c',
      'LeadSource',
      'Ghost_Score__c',
      'Ghost_Sessions__c',
      'Ghost_Pageviews__c',
    ])
    expect(JSON.stringify(ghostId.payload('slack', STRANGER, { exportedAt }))).toContain('*Location:*\\nUnknown')
    const onlyCity = exampleVisitor({ location: { city: 'Austin' } })
    expect(JSON.stringify(ghostId.payload('slack', onlyCity, { exportedAt }))).toContain('*Location:*\\nAustin"')
  })

  it.each([
    ['jane@example.com', true],
    ['Jane.O’Hara@example.com', false],
    ["jane.o'hara+crm@mail.example.co.uk", true],
    ['user_4711', false],
    ['jane@localhost', false],
    ['jane@example..com', false],
    ['jane example@example.com', false],
    ['jane@example.com\nBcc: x@example.com', false],
    [`${'a'.repeat(65)}@example.com`, false],
    ['', false],
    [null, false],
  ])('takes the id %j for an e-mail address: %s', (identified_user_id, isEmail) => {
    const visitor = exampleVisitor({ identified_user_id })
    const email = isEmail ? identified_user_id : undefined
    expect(ghostId.payload('hubspot', visitor, { exportedAt }).properties.email).toBe(email)
    expect(ghostId.payload('salesforce', visitor, { exportedAt }).Email).toBe(email)
    expect(ghostId.payload('custom', visitor, { exportedAt }).identified_user_id).toBe(identified_user_id)
  })

  it('keeps text of a visitor text: no mention, no markup, no other host in a link', () => {
    const hostile = exampleVisitor({
      ghost_vid: '../x?a=<!channel>',
      location: { city: '<!here> & <@U1>', country: '@everyone **bold**' },
    })
    const slack = JSON.stringify(ghostId.payload('slack', hostile, { exportedAt }))
    expect(slack).toContain('&lt;!here&gt; &amp; &lt;@U1&gt;')
    expect(slack).not.toContain('<!')
    const [embed] = ghostId.payload('discord', hostile, { exportedAt }).embeds
    const shown = embed.fields.map((field) => field.value).join()
    expect(shown).not.toContain('@everyone')
    expect(shown).not.toContain('**bold')
    const { links } = ghostId.payload('custom', hostile, { exportedAt, baseUrl: 'https://ghost.example.com/app/' })
    expect(links).toEqual({
      profile: 'https://ghost.example.com/app/visitor/..%2Fx%3Fa%3D%3C!channel%3E',
      connect: 'https://ghost.example.com/app/talk/incoming?visitor=..%2Fx%3Fa%3D%3C!channel%3E',
    })
  })

  it('is one that Slack and Discord take, whatever the visitor says of itself', () => {
    const text = fc.string({ unit: 'binary', maxLength: 200 }).filter((value) => !/[\p{Cc}\p{Cs}]/u.test(value))
    const visitors = fc.record({ ghost_vid: text.filter((value) => value !== ''), city: text, country: text })
    fc.assert(
      fc.property(visitors, ({ ghost_vid, city, country }) => {
        const visitor = exampleVisitor({ ghost_vid, location: { city, country } })
        const { blocks } = ghostId.payload('slack', visitor, { exportedAt })
        expect(validate({ text: 'x', blocks })).toEqual([])
        const [embed] = ghostId.payload('discord', visitor, { exportedAt }).embeds
        const { fields, ...rest } = embed
        const builder = new EmbedBuilder({ ...rest }).addFields(...fields).setURL(embed.url ?? null)
        expect(embedLength(builder.data)).toBeLessThanOrEqual(6000)
      }),
      { numRuns: 300 },
    )
  })

  it.each<[string, unknown]>([
    ['visitor: Invalid input: expected object, received undefined', undefined],
    ['visitor.ghost_vid: must not be empty', exampleVisitor({ ghost_vid: '' })],
    ['visitor.ghost_vid: must not contain control characters', exampleVisitor({ ghost_vid: 'a\u0000' })],
    ['visitor.score: must be from 0 to 100', exampleVisitor({ score: 101 })],
    ['visitor.status: must not be empty', exampleVisitor({ status: '' })],
    [
      'visitor.engagement.first_seen: must be an ISO 8601 date and time with an offset or Z',
      { ...exampleVisitor(), engagement: { ...exampleVisitor().engagement, first_seen: '2 March' } },
    ],
    [
      'visitor.engagement.total_sessions: must be 0 or more',
      { ...exampleVisitor(), engagement: { ...exampleVisitor().engagement, total_sessions: -1 } },
    ],
    [
      'visitor.journey[0].pageview_count: must be a whole number',
      { ...exampleVisitor(), journey: [{ ...exampleVisitor().journey?.[0], pageview_count: 1.5 }] },
    ],
  ])('refuses a profile that is none: %s', (message, visitor) => {
    expect(refusalOf(() => ghostId.payload('custom', visitor as GhostIdVisitor, { exportedAt }))).toBe(message)
  })

  it.each<[string, GhostIdFormat, object]>([
    ['format: must be one of: custom, hubspot, salesforce, slack, discord', 'zapier' as GhostIdFormat, { exportedAt }],
    ['exportedAt: must be an instant in epoch ms', 'custom', {}],
    ['includeJorney: is not an option', 'custom', { exportedAt, includeJorney: false }],
    [
      'baseUrl: must be an absolute http or https URL without query and fragment',
      'custom',
      { exportedAt, baseUrl: '/' },
    ],
  ])('refuses options: %s', (message, format, options) => {
    expect(refusalOf(() => ghostId.payload(format, exampleVisitor(), options as { exportedAt: number }))).toBe(message)
  })
})

describe('the catalog', () => {
  const { metadata } = ghostId.categories.visitors.events.visitor_exported

  it('drops what is not part of a profile', async () => {
    const row = {
      ...exampleVisitor(),
      password_hash: 'x',
      location: { city: 'Austin', country: null, ip: '192.0.2.1' },
    }
    const result = await metadata['~standard'].validate(row)
    expect(result).toEqual({ value: exampleVisitor({ location: { city: 'Austin', country: null } }) })
  })

  it('accepts only what the transports take for a visitor', async () => {
    for (const visitor of [exampleVisitor(), STRANGER]) {
      const result = await metadata['~standard'].validate(visitor)
      expect(isGhostIdVisitor(result.issues === undefined && result.value)).toBe(true)
    }
    const odd = [undefined, null, [], {}, { ...STRANGER, score: '1' }, { ...STRANGER, journey: [null] }]
    for (const value of [...odd, { ...STRANGER, location: null }, { ...STRANGER, recent_events: {} }]) {
      expect(isGhostIdVisitor(value)).toBe(false)
    }
  })

  it('has a JSON Schema', () => {
    const schema = metadata['~standard'].jsonSchema.input({ target: 'draft-2020-12' })
    expect(schema).toMatchObject({ type: 'object', required: expect.arrayContaining(['ghost_vid', 'engagement']) })
  })

  it('words the event, with a link to pages of your own', () => {
    const { events } = ghostId.catalogFor({ baseUrl: 'https://ghost.example.com/' }).categories.visitors
    expect(events.visitor_exported?.summary?.(exampleVisitor())).toEqual({
      title: 'Visitor exported: gv_a1b2c3d4_e5f6g7h8',
      body: 'Score 65/100, 3 sessions, 11 pageviews\nAustin, United States',
      href: 'https://ghost.example.com/visitor/gv_a1b2c3d4_e5f6g7h8',
    })
    expect(refusalOf(() => ghostId.catalogFor({ baseUrl: 'ghost.example.com' }))).toMatch(/^baseUrl: /)
  })
})

describe('the transport', () => {
  async function setup() {
    const receiver = await startReceiver(status(200))
    const dispatcher = createDispatcher({
      store: memoryStore(),
      catalog: ghostId.catalog,
      transports: [ghostId.transport()],
      egress: LOOPBACK,
    })
    cleanups.push(receiver.close, () => dispatcher.close())
    return { receiver, dispatcher }
  }

  const event = { type: 'visitor_exported', metadata: exampleVisitor(), timestamp: EXPORTED_AT } as const

  it.each(FORMATS)('posts exactly the payload of %s, unsigned', async (format) => {
    const { receiver, dispatcher } = await setup()
    const config = { url: `${receiver.url}/in`, format }
    const outcome = await dispatcher.send({ orgId: '4', transport: 'ghost-id', config, event })
    expect(outcome).toMatchObject({ kind: 'delivered', status: 200 })
    const [request] = receiver.requests
    expect(request?.body.toString()).toBe(JSON.stringify(ghostId.payload(format, exampleVisitor(), { exportedAt })))
    expect(request?.headers['content-type']).toBe('application/json')
    expect(
      Object.keys(request?.headers ?? {}).filter((name) => /signature|webhook|x-|authorization/.test(name)),
    ).toEqual([])
  })

  it('makes one attempt, also of a stored connection', async () => {
    const { receiver, dispatcher } = await setup()
    receiver.answerWith(status(503))
    await dispatcher.connections.create({ orgId: '4', transport: 'ghost-id', config: { url: receiver.url } })
    const { deliveries } = await dispatcher.dispatch({ ...event, orgId: '4' }, { wait: true })
    expect(deliveries).toMatchObject([{ status: 'failed', outcome: { code: 'http_5xx' } }])
    receiver.answerWith(status(429, { 'retry-after': '0' }))
    await dispatcher.dispatch({ ...event, orgId: '4' }, { wait: true })
    await dispatcher.drain()
    expect(receiver.requests).toHaveLength(2)
  })

  it('shows nothing of its URL but the origin', async () => {
    const { receiver, dispatcher } = await setup()
    const url = `${receiver.url}/services/T0001/B0001/secret`
    const { connection } = await dispatcher.connections.create({ orgId: '4', transport: 'ghost-id', config: { url } })
    expect(connection).toMatchObject({ destination: `${receiver.url}/…`, secretFields: ['url'] })
    expect(JSON.stringify(connection)).not.toContain('secret"')
  })

  it('sends a test as any chat or webhook gets it, and none to a CRM', async () => {
    const { receiver, dispatcher } = await setup()
    const href = 'https://app.example.com/settings'
    for (const format of FORMATS) {
      const config = { url: receiver.url, format }
      const { connection } = await dispatcher.connections.create({ orgId: format, transport: 'ghost-id', config })
      const result = await dispatcher.connections.test({ orgId: format, id: connection.id, href })
      const isCrm = format === 'hubspot' || format === 'salesforce'
      expect(result.ok).toBe(!isCrm)
      if (isCrm) expect(result).toMatchObject({ outcome: 'rejected', code: 'unsupported_message' })
    }
    expect(receiver.requests.map(({ body }) => Object.keys(JSON.parse(body.toString()))[0])).toEqual([
      'type',
      'text',
      'embeds',
    ])
  })

  it('gets through to a Slack and a Discord that check what they are sent', async () => {
    const slack = slackFake()
    const discord = discordFake()
    const [slackServer, discordServer] = [await slack.listen(), await discord.listen()]
    const { allow } = slackServer.egress
    const dispatcher = createDispatcher({
      store: memoryStore(),
      transports: [ghostId.transport()],
      egress: { allow: [...allow, ...discordServer.egress.allow] },
    })
    cleanups.push(slackServer.close, discordServer.close, () => dispatcher.close())
    const words = { title: 'Visitor exported', body: '', href: 'https://analytics.ghostid.ai' }
    const send = (format: GhostIdFormat, url: string) =>
      dispatcher.send({ orgId: '4', transport: 'ghost-id', config: { url, format }, event: { ...event, ...words } })
    const hook = slackServer.link(slack.addWebhook(slack.addChannel({ name: 'leads' }).id))
    expect(await send('slack', hook)).toMatchObject({ kind: 'delivered' })
    expect(slack.received[0]?.blocks).toEqual(DOCUMENTED.slack.blocks)
    expect(await send('discord', discordServer.webhookUrl)).toMatchObject({ kind: 'delivered' })
    expect(discord.received[0]).toMatchObject({ body: DOCUMENTED.discord, embeds: [{ title: 'New Lead from GHOST' }] })
  })

  it.each<[object, string]>([
    [{ name: 'Ghost ID' }, 'name: must be 1–64 characters: lower-case letters, digits and -, beginning with a letter'],
    [{ deadlineMs: 5 }, 'deadlineMs: must be from 100 to 60,000 ms'],
    [{ secret: 'x' }, 'secret: is not an option'],
    [{ baseUrl: 'ftp://x' }, 'baseUrl: must be an absolute http or https URL without query and fragment'],
  ])('refuses the options %j', (options, message) => {
    expect(refusalOf(() => ghostId.transport(options))).toBe(message)
  })

  it.each<[object, string]>([
    [{ url: 'x' }, 'config.url: must be an absolute URL'],
    [
      { url: 'https://example.com', format: 'zapier' },
      'config.format: must be one of: custom, hubspot, salesforce, slack, discord',
    ],
    [{ url: 'https://example.com', includeEvents: 'no' }, 'config.includeEvents: must be true or false'],
  ])('refuses the config %j', async (config, message) => {
    const { dispatcher } = await setup()
    const create = dispatcher.connections.create({
      orgId: '4',
      transport: 'ghost-id',
      config: config as { url: string },
    })
    await expect(create).rejects.toThrow(message)
  })
})
