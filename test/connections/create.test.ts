import { describe, expect, it } from 'vitest'
import { ghostSignature, standardWebhooks } from '../../src/signing/index.ts'
import { chat, failure, harness, hook, NOW, ORG } from './harness.ts'

const URL_1 = 'https://siem.example.com/in/abcdefghijklmnop?token=12345'

describe('creating a connection', () => {
  it('shows the secret once, and never again in any view', async () => {
    const { connections } = harness()
    const { connection, secret } = await connections.create({ orgId: ORG, transport: 'hook', config: { url: URL_1 } })
    expect(secret).toMatch(/^whsec_/)
    const ref = { orgId: ORG, id: connection.id }
    const shown = [connection, await connections.get(ref), await connections.list({ orgId: ORG })]
    expect(JSON.stringify(shown)).not.toContain(secret)
    expect(connection.signed).toBe(true)
  })

  it('stores neither the secret nor a secret field in readable form, nor shows one', async () => {
    const { connections, record } = harness()
    const { connection, secret } = await connections.create({
      orgId: ORG,
      transport: 'hook',
      config: { url: URL_1, headers: { 'x-key': 'hunter2hunter2' } },
    })
    const stored = JSON.stringify(await record(connection.id))
    expect(stored).not.toContain(secret)
    expect(stored).not.toContain('hunter2')
    expect(stored).not.toContain('x-key')
    expect(JSON.stringify(connection)).not.toContain('hunter2')
    expect(connection.config).toEqual({ url: URL_1 })
    expect(connection.secretFields).toEqual(['headers'])
  })

  it('keeps a secret URL out of its unique key too', async () => {
    const transports = new Map([['chat', { ...chat, uniqueKey: () => 'https://hooks.example.com/T0/secret' }]])
    const { connections, record } = harness({ transports })
    const { connection } = await connections.create({
      orgId: ORG,
      transport: 'chat',
      config: { hookUrl: 'https://hooks.example.com/T0/secret', channel: 'C1' },
    })
    expect(JSON.stringify(await record(connection.id))).not.toContain('T0')
    expect(connection.destination).toBe('https://hooks.example.com C1')
  })

  it('labels it by its host, paces it as the transport says, and starts with unknown health', async () => {
    const { connections, changed } = harness()
    const { connection } = await connections.create({ orgId: ORG, transport: 'hook', config: { url: URL_1 } })
    expect(connection).toMatchObject({
      orgId: ORG,
      label: 'siem.example.com',
      destination: 'https://siem.example.com/…',
      status: 'active',
      health: 'unknown',
      consecutiveFailures: 0,
      pace: { perSecond: 5, burst: 5 },
      createdAt: NOW,
      version: 1,
    })
    expect(changed).toEqual([ORG])
  })

  it('takes the settings that it is given', async () => {
    const { connections } = harness()
    const { connection } = await connections.create({
      orgId: ORG,
      transport: 'hook',
      config: { url: URL_1 },
      id: 'siem-1',
      label: ' SIEM ',
      categories: ['breach', 'breach'],
      eventTypes: ['breach_logged'],
      metadata: { team: 7 },
      ordering: 'fifo',
      pace: false,
      maxInFlight: 3,
    })
    expect(connection).toMatchObject({
      id: 'siem-1',
      label: 'SIEM',
      categories: ['breach'],
      eventTypes: ['breach_logged'],
      metadata: { team: 7 },
      ordering: 'fifo',
      maxInFlight: 3,
    })
    expect(connection.pace).toBeUndefined()
  })

  it('is incomplete, with the reason in words, while something is missing', async () => {
    const { connections } = harness()
    const { connection, secret } = await connections.create({
      orgId: ORG,
      transport: 'chat',
      config: { hookUrl: 'https://hooks.example.com/T0' },
    })
    expect(connection.status).toBe('incomplete')
    expect(connection.reason).toEqual({ code: 'missing', text: expect.stringContaining('a channel'), since: NOW })
    expect(secret).toBeUndefined()
    expect(connection.signed).toBe(false)
  })

  it.each([
    ['an unknown transport', { transport: 'nope' }, 'transport', 'hook, chat'],
    ['a config that its schema refuses', { config: { url: 'not a url' } }, 'config.url', 'must be an absolute URL'],
    ['a config that is nothing', { config: undefined }, 'config', 'must be an object'],
    ['an unknown category', { categories: ['team', 'zzz'] }, 'categories[1]', 'zzz'],
    ['an unknown type', { eventTypes: ['zzz'] }, 'eventTypes[0]', 'zzz'],
    [
      'a type outside the chosen categories',
      { categories: ['team'], eventTypes: ['breach_logged'] },
      'eventTypes[0]',
      'breach',
    ],
    ['an empty label', { label: '  ' }, 'label', '1 to 200'],
    ['a label that is too long', { label: 'x'.repeat(201) }, 'label', '1 to 200'],
    ['a label with control characters', { label: 'a\nb' }, 'label', 'control'],
    ['an id with a slash', { id: 'a/b' }, 'id', '1 to 128'],
    ['metadata that is no JSON', { metadata: { n: 1n } }, 'metadata', 'JSON'],
    ['metadata with NUL', { metadata: { n: 'a\0' } }, 'metadata.n', 'NUL'],
    ['metadata that is too large', { metadata: { n: 'x'.repeat(17_000) } }, 'metadata', 'bytes'],
    ['an order that does not exist', { ordering: 'lifo' }, 'ordering', 'fifo'],
    ['a pace of nothing', { pace: { perSecond: 0, burst: 1 } }, 'pace.perSecond', 'above 0'],
    ['a burst without a whole token', { pace: { perSecond: 1, burst: 0.5 } }, 'pace.burst', 'from 1'],
    ['no room in flight', { maxInFlight: 0 }, 'maxInFlight', '1 to 1000'],
    ['a misspelt field', { eventType: ['breach_logged'] }, 'eventType', 'not a field'],
  ])('refuses %s, naming field and rule', async (_, wrong, field, rule) => {
    const { connections, store } = harness()
    const input = { orgId: ORG, transport: 'hook', config: { url: URL_1 }, ...wrong } as never
    const error = await failure(connections.create(input))
    expect(error).toMatchObject({ code: 'invalid_input', field })
    expect(error.message).toContain(rule)
    expect((await store.connections.list({ limit: 10 })).items).toEqual([])
  })

  it('refuses a URL that the egress guard blocks, and a header that may not be sent', async () => {
    const { connections } = harness()
    const create = (config: { url: string; headers?: Record<string, string> }) =>
      failure(connections.create({ orgId: ORG, transport: 'hook', config }))
    expect(await create({ url: 'https://10.0.0.1/x' })).toMatchObject({ code: 'blocked_url', field: 'config.url' })
    expect(await create({ url: URL_1, headers: { 'content-length': '1' } })).toMatchObject({
      code: 'invalid_input',
      field: 'config.headers.content-length',
    })
    const signature = { 'x-ghost-signature': 'forged' }
    expect(await create({ url: URL_1, headers: signature })).toMatchObject({
      field: 'config.headers.x-ghost-signature',
    })
  })

  it('refuses a header that a signature scheme of the transport writes', async () => {
    const signatures = [ghostSignature({ prefix: 'X-Acme' })]
    const { connections } = harness({ transports: new Map([['hook', { ...hook, signatures }]]) })
    const config = { url: URL_1, headers: { 'x-acme-signature': 'forged' } }
    const error = await failure(connections.create({ orgId: ORG, transport: 'hook', config }))
    expect(error).toMatchObject({ code: 'invalid_input', field: 'config.headers.x-acme-signature' })
  })

  it('says nothing of the values when a schema quotes what it was given', async () => {
    const quoting = {
      '~standard': {
        version: 1 as const,
        vendor: 'test',
        validate: async (value: unknown) => ({
          issues: [{ message: `got ${JSON.stringify(value)}`, path: ['list', 0] }],
        }),
      },
    }
    const { connections } = harness({ transports: new Map([['chat', { ...chat, config: quoting }]]) })
    const error = await failure(
      connections.create({ orgId: ORG, transport: 'chat', config: { hookUrl: 'https://secret.example.com' } }),
    )
    expect(error).toMatchObject({ code: 'invalid_input', field: 'config.list[0]' })
    expect(error.message).not.toContain('secret.example.com')
  })

  it('allows one connection with a unique key in an organisation, any number over organisations', async () => {
    const { connections } = harness()
    const input = { transport: 'hook', config: { url: URL_1 }, eventTypes: ['breach_logged'] }
    await connections.create({ orgId: ORG, ...input })
    const error = await failure(connections.create({ orgId: ORG, ...input }))
    expect(error).toMatchObject({ code: 'conflict', field: 'uniqueKey' })
    expect(error.message).toContain('hook allows one')
    await connections.create({ orgId: 'org_2', ...input })
    await connections.create({ orgId: ORG, ...input, eventTypes: ['breach_closed'] })
  })

  it('refuses an id that is taken, in whichever organisation', async () => {
    const { connections } = harness()
    await connections.create({ orgId: 'org_2', transport: 'hook', config: { url: URL_1 }, id: 'a' })
    expect(
      await failure(connections.create({ orgId: ORG, transport: 'hook', config: { url: URL_1 }, id: 'a' })),
    ).toMatchObject({ code: 'conflict', field: 'id' })
  })
})

describe('the secret at creation', () => {
  const create = (secret: string | false, transports = new Map([['hook', hook as never]])) =>
    harness({ transports }).connections.create({ orgId: ORG, transport: 'hook', config: { url: URL_1 }, secret })

  it('may be given, to ease migration', async () => {
    const secret = `whsec_${Buffer.alloc(24, 7).toString('base64')}`
    expect((await create(secret)).secret).toBe(secret)
  })

  it('that suits only some schemes is refused with the names of the others, and without the secret', async () => {
    const error = await failure(create('an-old-secret'))
    expect(error).toMatchObject({ code: 'invalid_input', field: 'secret' })
    expect(error.message).toContain('leave out standard-webhooks')
    expect(error.message).not.toContain('an-old-secret')
  })

  it('can be left out only where every scheme allows unsigned requests', async () => {
    expect((await failure(create(false))).message).toContain('ghost, standard-webhooks')
    const unsigned = { ...hook, signatures: [{ ...standardWebhooks(), unsigned: true as const }] }
    const made = await create(false, new Map([['hook', unsigned as never]]))
    expect(made.secret).toBeUndefined()
    expect(made.connection.signed).toBe(false)
  })

  it('is refused where the transport does not sign', async () => {
    const { connections } = harness()
    const config = { hookUrl: 'https://hooks.example.com/T0', channel: 'C1' }
    expect(await failure(connections.create({ orgId: ORG, transport: 'chat', config, secret: 'x' }))).toMatchObject({
      code: 'invalid_input',
      field: 'secret',
    })
  })
})
