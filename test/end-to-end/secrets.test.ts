import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Logger, TokenSource } from '../../src/contracts/index.ts'
import { undiciHttp } from '../../src/http/index.ts'
import { aesGcm, createDispatcher, type DispatcherEvents, SignalboxError } from '../../src/index.ts'
import { ghostSignature, standardWebhooks } from '../../src/signing/index.ts'
import { sqliteStore } from '../../src/stores/sqlite.ts'
import { webhookTransport } from '../../src/transports/webhook.ts'
import { rawServer } from '../http/support/raw-server.ts'
import { LOOPBACK, type Received, startReceiver } from '../support/receiver.ts'
import { canary, createFinder, keyCanary, tellAll, without } from './support-canaries.ts'
import { authority, type Fault, faults } from './support-faults.ts'
import { CLUMSY, incomingTransport } from './support-incoming.ts'

/**
 * Secrets of every kind, times every way in which an endpoint can fail, times everything that a dispatcher says or
 * stores: found nowhere. A secret is what a transport's fields call one, signing secrets, tokens and keys. The URL of a
 * plain webhook is none, it is shown as `config.url`; of its query that is the only place, and what the endpoint itself
 * answers.
 */
const secrets = {
  signing: keyCanary('signing secret', 'whsec_'),
  rotated: keyCanary('signing secret of before a rotation', 'whsec_'),
  bearer: canary('bearer header', (left, right) => `${left}.${right}`),
  apiKey: canary('api key header', (left, right) => `k"${left}\\/+'% ${right}=`),
  basic: canary('basic header'),
  query: canary('query of a webhook URL'),
  urlPath: canary('path of a secret URL'),
  urlQuery: canary('query of a secret URL', (left, right) => `${left}+${right}`),
  appKey: canary('secret field', (left, right) => `${left}"\\/ß${right}`),
  token: canary('access token'),
  freshToken: canary('access token after a refresh'),
  encryption: keyCanary('encryption key'),
  oldEncryption: keyCanary('older encryption key'),
  refused: canary('refused value'),
}
const find = createFinder(Object.values(secrets))
/** The endpoint's words are not taken for secrets of ours where they are the query of a URL that is no secret. */
const findQuery = createFinder([secrets.query])
const findOther = createFinder(Object.values(secrets).filter((one) => one !== secrets.query))
const SHOWN_OF_URLS = new Set(['url', 'snippet'])

const EVENT = {
  type: 'case_closed',
  title: 'A title that is no secret',
  body: 'Text',
  href: 'https://app.example.com/',
}

/** All that was said, by the organisation that it was said to; `''`: to nobody in particular. */
const said = new Map<string, { readonly where: string; readonly value: unknown }[]>()
function hear(orgId: string, where: string, value: unknown): void {
  const heard = said.get(orgId) ?? []
  said.set(orgId, heard)
  heard.push({ where, value })
}
function leaksOf(orgId: string): string[] {
  const leaks = (said.get(orgId) ?? []).flatMap(({ where, value }) => {
    const found = [...findOther(tellAll(value)), ...findQuery(tellAll(without(value, SHOWN_OF_URLS)))]
    return found.map((one) => `${one.canary} (${one.as}) in ${where}`)
  })
  return [...new Set(leaks)]
}

async function listen<T>(orgId: string, where: string, call: () => Promise<T> | T): Promise<T | undefined> {
  try {
    const result = await call()
    hear(orgId, where, result)
    return result
  } catch (error) {
    hear(orgId, `the error of ${where}`, error)
    return undefined
  }
}

const logger: Logger = {
  debug: (...args) => hear('', 'the log', args),
  info: (...args) => hear('', 'the log', args),
  warn: (...args) => hear('', 'the log', args),
  error: (...args) => hear('', 'the log', args),
}
const EVENT_NAMES = Object.keys({
  'delivery.attempted': 1,
  'delivery.delivered': 1,
  'delivery.failed': 1,
  'delivery.exhausted': 1,
  'digest.closed': 1,
  'connection.suspended': 1,
  'connection.recovered': 1,
} satisfies Record<keyof DispatcherEvents, 1>) as (keyof DispatcherEvents)[]

const folder = mkdtempSync(join(tmpdir(), 'signalbox-secrets-'))
const path = join(folder, 'signalbox.db')
const store = sqliteStore({ path, synchronous: 'normal' })
const http = undiciHttp({
  ...LOOPBACK,
  ca: authority.cert,
  lookup: async (name) => {
    if (name === 'private.example.com') return [{ address: '10.0.0.1', family: 4 }]
    if (name === 'receiver.example.com') return [{ address: '127.0.0.1', family: 4 }]
    throw Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), { code: 'ENOTFOUND' })
  },
})
const tokens: TokenSource = {
  async get(connection, { rejectedToken }) {
    if (connection.orgId === 'org_tokens') throw new Error(`the grant of ${secrets.token.text} is gone`)
    return { ok: true, token: rejectedToken === undefined ? secrets.token.text : secrets.freshToken.text }
  },
}
let armed = false
const transports = [
  webhookTransport({ deadlineMs: 1500, retry: { delaysMs: [] } }),
  incomingTransport(() => armed),
  webhookTransport({
    name: 'quoting',
    signatures: [
      {
        ...ghostSignature(),
        checkSecret(secret) {
          throw new SignalboxError('invalid_input', `secret: ${secret} is too weak`, { field: 'secret' })
        },
      },
    ],
  }),
] as const
const encryption = aesGcm({
  keys: [
    { id: 'new', key: secrets.encryption.text },
    { id: 'old', key: Buffer.from(secrets.oldEncryption.text, 'base64').toString('hex') },
  ],
})
const options = { store, transports, http, tokens, logger, organisation: () => ({ settingsUrl: EVENT.href }) }
const dispatcher = createDispatcher({ ...options, encryption })

const headersOf = () => ({
  Authorization: `Bearer ${secrets.bearer.text}`,
  'x-api-key': secrets.apiKey.text,
  'x-basic': `Basic ${Buffer.from(`user:${secrets.basic.text}`).toString('base64')}`,
})
const webhookConfig = (base: string, path = 'hook') => ({
  url: `${base}/${path}?key=${secrets.query.text}`,
  headers: headersOf(),
})
/** What the owner of an endpoint was given to verify requests with. */
function knownAt(target: string): string[] {
  if (target.startsWith('/hook?')) return [secrets.signing.text, secrets.rotated.text]
  return target.startsWith('/adhoc?') ? [secrets.signing.text] : []
}
const incomingConfig = (base: string) => ({
  url: `${base}/services/${secrets.urlPath.text}/in?key=${encodeURIComponent(secrets.urlQuery.text)}`,
  appKey: secrets.appKey.text,
})
const orgOf = (fault: Fault) => `org_fault_${faults.indexOf(fault)}`
const event = (orgId: string) => ({ ...EVENT, orgId })

/** A connection of each kind, with every secret in its place. */
async function connect(orgId: string, base: string): Promise<void> {
  // The older secret is made known by an overlap: the answer to that call is the one place that shows the new one.
  const { connection } = await dispatcher.connections.create({
    orgId,
    transport: 'webhook',
    config: webhookConfig(base),
    secret: secrets.rotated.text,
  })
  const call = { orgId, id: connection.id, secret: secrets.signing.text, overlapMs: 60_000 }
  const rotation = await dispatcher.connections.rotateSecret(call)
  hear(orgId, 'connections.rotateSecret', rotation.connection)
  const incoming = await dispatcher.connections.create({ orgId, transport: 'incoming', config: incomingConfig(base) })
  hear(orgId, 'connections.create', incoming)
  await withCredential(orgId, incoming.connection.id)
}

/** What an OAuth flow does: the connection has a credential from now on. */
async function withCredential(orgId: string, id: string): Promise<void> {
  const record = await store.connections.get({ orgId, id })
  if (record === undefined) throw new Error('the connection is not there')
  await store.connections.update({ orgId, id }, { credentialId: 'crd_1' }, record.version)
}

/** Everything that reads or sends, once. */
async function exercise(orgId: string, base: string): Promise<void> {
  const { connections, deliveries } = dispatcher
  const { items } = await store.connections.list({ orgId, limit: 100 })
  for (const { id } of items) {
    await listen(orgId, 'connections.test', () => connections.test({ orgId, id }))
    await listen(orgId, 'connections.channels', () => connections.channels({ orgId, id }))
  }
  const input = { orgId, event: event(orgId) }
  await listen(orgId, 'send', () =>
    dispatcher.send({
      ...input,
      transport: 'webhook',
      config: webhookConfig(base, 'adhoc'),
      secret: secrets.signing.text,
    }),
  )
  await listen(orgId, 'send', () => dispatcher.send({ ...input, transport: 'incoming', config: incomingConfig(base) }))
  await listen(orgId, 'dispatch', () => dispatcher.dispatch(event(orgId), { wait: true }))
  await listen(orgId, 'explain', () => dispatcher.explain(event(orgId)))
  await listen(orgId, 'connections.list', () => connections.list({ orgId }))
  const page = await listen(orgId, 'deliveries.list', () => deliveries.list({ orgId }))
  for (const { id } of page?.items ?? []) {
    await listen(orgId, 'deliveries.get', () => deliveries.get({ orgId, id }))
    await listen(orgId, 'an attempt in the store', () => store.deliveries.attempts({ orgId, id }))
    await listen(orgId, 'a delivery in the store', () => store.deliveries.get({ orgId, id }))
  }
  for (const { id } of items) {
    await listen(orgId, 'connections.get', () => connections.get({ orgId, id }))
    await listen(orgId, 'a connection in the store', () => store.connections.get({ orgId, id }))
  }
}

/** The way of a digest. */
async function collect(orgId: string, base: string): Promise<void> {
  const { connection } = await dispatcher.connections.create({
    orgId,
    transport: 'webhook',
    config: webhookConfig(base),
    secret: secrets.signing.text,
    digest: { window: { everyMs: 60_000 }, single: 'digest' },
  })
  const call = { orgId, connectionId: connection.id }
  await listen(orgId, 'dispatch', () => dispatcher.dispatch(event(orgId)))
  await listen(orgId, 'explain', () => dispatcher.explain(event(orgId)))
  await listen(orgId, 'digests.peek', () => dispatcher.digests.peek(call))
  await listen(orgId, 'digests.flush', () => dispatcher.digests.flush(call))
  await dispatcher.drain()
}

/** Calls that are refused with a secret in their arguments. */
async function offend(orgId: string, base: string): Promise<void> {
  const { connections } = dispatcher
  const bad = secrets.refused.text
  const { connection } = await connections.create({ orgId, transport: 'webhook', config: { url: base } })
  const { connection: incoming } = await connections.create({
    orgId,
    transport: 'incoming',
    config: incomingConfig(base),
  })
  const refusals: Record<string, () => unknown> = {}
  for (const [name, secret] of Object.entries({
    'not base64': `whsec_${bad}`,
    'with a line break': `${bad}\n`,
    'too long': bad.repeat(20),
    'no text': { bad },
  })) {
    const given = secret as string
    refusals[`create with a secret ${name}`] = () =>
      connections.create({ orgId, transport: 'webhook', config: { url: base }, secret: given })
    refusals[`rotateSecret to a secret ${name}`] = () =>
      connections.rotateSecret({ orgId, id: connection.id, secret: given })
    refusals[`send with a secret ${name}`] = () =>
      dispatcher.send({ orgId, transport: 'webhook', config: { url: base }, event: event(orgId), secret: given })
  }
  refusals['create with a secret that a scheme quotes'] = () =>
    connections.create({ orgId, transport: 'quoting', config: { url: base }, secret: bad })
  refusals['send with a secret that a scheme quotes'] = () =>
    dispatcher.send({ orgId, transport: 'quoting', config: { url: base }, event: event(orgId), secret: bad })
  refusals['create with a secret for a transport that does not sign'] = () =>
    connections.create({ orgId, transport: 'incoming', config: incomingConfig(base), secret: bad })
  const host = new URL(base).host
  for (const url of [
    `http://user:${bad}@${host}/`,
    `http://${bad}@${host}/`,
    `http://10.0.0.1/${bad}?key=${bad}`,
    `ftp://${host}/?key=${bad}`,
    `${base}/ ${bad}`,
    `//${bad}`,
    bad,
  ]) {
    refusals[`create with the URL ${url.replaceAll(bad, '…')}`] = () =>
      connections.create({ orgId, transport: 'webhook', config: { url } })
    refusals[`create with the secret URL ${url.replaceAll(bad, '…')}`] = () =>
      connections.create({ orgId, transport: 'incoming', config: { url, appKey: bad } })
    refusals[`update to the URL ${url.replaceAll(bad, '…')}`] = () =>
      connections.update({ orgId, id: incoming.id, config: { url } })
    refusals[`send to the URL ${url.replaceAll(bad, '…')}`] = () =>
      dispatcher.send({ orgId, transport: 'webhook', config: { url }, event: event(orgId) })
  }
  const headers: Record<string, Record<string, string>> = {
    'a line break': { 'x-key': `${bad}\r\nx-more: 1` },
    'a name of ours': { 'content-type': bad },
    'a value of another type': { 'x-key': [bad] as unknown as string },
    'too much': { 'x-key': bad.repeat(500) },
  }
  for (const [name, value] of Object.entries(headers)) {
    refusals[`create with a header with ${name}`] = () =>
      connections.create({ orgId, transport: 'webhook', config: { url: base, headers: value } })
  }
  refusals['create with a secret field of another type'] = () =>
    connections.create({ orgId, transport: 'incoming', config: { url: base, appKey: [bad] as unknown as string } })
  const keys: Record<string, unknown> = {
    'a key that is cut': [{ id: 'k', key: secrets.encryption.text.slice(0, 40) }],
    'a key for an id': [{ id: secrets.encryption.text, key: 'x' }],
    'one key': secrets.encryption.text,
    'bytes too many': [
      { id: 'k', key: Buffer.concat([Buffer.from(secrets.encryption.text, 'base64'), Buffer.alloc(3)]) },
    ],
  }
  for (const [name, value] of Object.entries(keys)) {
    refusals[`aesGcm with ${name}`] = () => aesGcm({ keys: value as [] })
  }
  for (const [name, call] of Object.entries(refusals)) {
    await expect((async () => call())(), name).rejects.toThrow()
    await listen(orgId, name, call)
  }
}

/** Transports of the host's own that throw what they know, wherever they can. */
async function stumble(base: string): Promise<void> {
  const made = await Promise.all(
    CLUMSY.map(async (clumsy) => {
      const orgId = `org_clumsy_${clumsy}`
      const config = { ...incomingConfig(base), clumsy }
      const { connection } = await dispatcher.connections.create({ orgId, transport: 'incoming', config })
      await withCredential(orgId, connection.id)
      return { orgId, id: connection.id, deliveries: (await dispatcher.dispatch(event(orgId))).deliveries }
    }),
  )
  armed = true
  for (const { orgId, id, deliveries } of made) {
    await exercise(orgId, base)
    await listen(orgId, 'connections.update', () =>
      dispatcher.connections.update({ orgId, id, config: incomingConfig(base) }),
    )
    for (const delivery of deliveries) {
      await listen(orgId, 'deliveries.cancel', () => dispatcher.deliveries.cancel({ orgId, id: delivery.id }))
    }
  }
  armed = false
}

/** The key is another one: nothing can be opened. */
async function loseKey(orgId: string): Promise<void> {
  const keys = [{ id: 'new', key: Buffer.alloc(32, 7) }]
  const other = createDispatcher({ ...options, encryption: aesGcm({ keys }) })
  await listen(orgId, 'dispatch', () => other.dispatch(event(orgId), { wait: true }))
  const { items } = await other.connections.list({ orgId })
  hear(orgId, 'connections.list', items)
  for (const { id } of items) {
    await listen(orgId, 'connections.test', () => other.connections.test({ orgId, id }))
    await listen(orgId, 'connections.rotateSecret', () =>
      other.connections.rotateSecret({ orgId, id, overlapMs: 1000, secret: `whsec_${secrets.signing.text}` }),
    )
    await listen(orgId, 'connections.update', () => other.connections.update({ orgId, id, config: { url: 'x' } }))
  }
  await listen(orgId, 'rekey', () => other.rekey({ limit: 100 }))
  await listen(orgId, 'explain', () => other.explain(event(orgId)))
  await other.close()
}

const files: Record<string, string> = {}
function readFiles(when: string): void {
  for (const suffix of ['', '-wal', '-shm']) {
    try {
      files[`${when}, the file ${suffix}`] = readFileSync(path + suffix, 'latin1')
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
    }
  }
}

let arrived: readonly Received[] = []
let generated = ''
const printed: string[] = []

beforeAll(async () => {
  for (const stream of [process.stdout, process.stderr]) {
    const write = stream.write.bind(stream)
    vi.spyOn(stream, 'write').mockImplementation((...args: unknown[]) => {
      printed.push(String(args[0]))
      return (write as (...args: unknown[]) => boolean)(...args)
    })
  }
  for (const method of ['log', 'info', 'warn', 'error', 'debug', 'trace'] as const) {
    vi.spyOn(console, method).mockImplementation((...args: unknown[]) => void printed.push(tellAll(args)))
  }
  const warnings = (warning: Error): void => void printed.push(tellAll(warning))
  process.on('warning', warnings)
  for (const name of EVENT_NAMES) {
    dispatcher.on(name, (told) => hear(told.orgId, `the event ${name}`, told))
    dispatcher.on(name, (told) => {
      throw new Error(`a listener for ${told.orgId} failed`)
    })
  }
  const receiver = await startReceiver((request, response) => {
    response.end(JSON.stringify({ ...request, body: request.body.toString(), known: knownAt(request.path) }))
  })
  const servers = await Promise.all(
    faults.map(async (fault) => {
      const { onConnect, onRequest } = fault
      const server = await rawServer(
        {
          ...(onConnect === undefined ? {} : { onConnect }),
          ...(onRequest === undefined
            ? {}
            : { onRequest: (s: Socket, head: string) => onRequest(s, head, knownAt(head.split(' ', 2)[1] ?? '')) }),
        },
        fault.certificate,
      )
      if (fault.closed === true) await server.close()
      return server
    }),
  )
  const baseOf = (fault: Fault, i: number): string => {
    const scheme = fault.scheme ?? (fault.certificate === undefined ? 'http' : 'https')
    const isLocal = fault.host === undefined
    return `${isLocal ? scheme : 'https'}://${fault.host ?? '127.0.0.1'}:${servers[i]?.port}`
  }
  try {
    await Promise.all(faults.map((fault, i) => connect(orgOf(fault), baseOf(fault, i))))
    await connect('org_ok', receiver.url)
    const plain = await dispatcher.connections.create({
      orgId: 'org_ok',
      transport: 'webhook',
      config: { url: `${receiver.url}/generated` },
    })
    generated = plain.secret ?? ''
    const orgs = ['org_ok', ...faults.map(orgOf)]
    await Promise.all(orgs.map((orgId) => listen(orgId, 'dispatch', () => dispatcher.dispatch(event(orgId)))))
    await dispatcher.drain()
    arrived = [...receiver.requests]
    await Promise.all(faults.map((fault, i) => exercise(orgOf(fault), baseOf(fault, i))))
    await exercise('org_ok', receiver.url)
    await connect('org_tokens', receiver.url)
    await exercise('org_tokens', receiver.url)
    await collect('org_digest', receiver.url)
    await offend('org_refused', receiver.url)
    await connect('org_key', receiver.url)
    await loseKey('org_key')
    await stumble(receiver.url)
    const inspected = { dispatcher, store, transports, encryption, http }
    for (const [name, value] of Object.entries(inspected)) hear('', `inspect of the ${name}`, value)
    readFiles('while it is open')
    await dispatcher.close()
    await listen('', 'dispatch after close', () => dispatcher.dispatch(event('org_ok')))
    await store.close()
    readFiles('after it was closed')
  } finally {
    process.off('warning', warnings)
    await http.close()
    await Promise.all([receiver.close(), ...faults.map((one, i) => (one.closed ? undefined : servers[i]?.close()))])
  }
}, 60_000)

afterAll(() => {
  vi.restoreAllMocks()
  rmSync(folder, { recursive: true })
})

describe('the search', () => {
  it.each(Object.values(secrets))('finds the $name in whatever spelling', ({ name, text }) => {
    const spellings = [
      text,
      JSON.stringify({ text }),
      encodeURIComponent(text),
      Buffer.from(text).toString('hex'),
      Buffer.from(text).toString('base64'),
      Buffer.from(`user:${text}`).toString('base64url'),
      tellAll(new Error('outside', { cause: new Error(text) })),
      tellAll(Object.defineProperty({}, 'hidden', { value: { a: { b: { c: [new Map([[text, 1]])] } } } })),
      tellAll(Object.assign(new Error('x'), { config: { text } })),
    ]
    for (const spelling of spellings) expect(find(`… ${spelling} …`).map((one) => one.canary)).toContain(name)
    expect(find('nothing at all')).toEqual([])
  })

  it('finds a key by its bytes, and a secret that was cut', () => {
    const bytes = Buffer.from(secrets.encryption.text, 'base64')
    expect(find(bytes.toString('latin1'))).not.toEqual([])
    expect(find(bytes.toString('hex'))).not.toEqual([])
    expect(find(secrets.apiKey.text.slice(0, 24))).not.toEqual([])
  })

  it('would find what a transport said if nobody redacted it', async () => {
    const server = await startReceiver((request, response) => {
      response.statusCode = 400
      response.end(JSON.stringify(request.headers))
    })
    const client = undiciHttp(LOOPBACK)
    try {
      const outcome = await transports[1].send('{}', {
        connection: {
          id: 'con_1',
          orgId: 'org_1',
          transport: 'incoming',
          label: 'x',
          categories: [],
          eventTypes: [],
          config: incomingConfig(server.url),
        },
        secrets: [],
        token: secrets.token.text,
        http: client,
        deliveryId: 'dlv_1',
        messageId: 'msg_1',
        attempt: 1,
        now: Date.now(),
        deadlineAt: Date.now() + 5_000,
        signal: new AbortController().signal,
      })
      const found = new Set(find(tellAll(outcome)).map((one) => one.canary))
      expect(found).toEqual(new Set([secrets.appKey.name, secrets.token.name]))
    } finally {
      await client.close()
      await server.close()
    }
  })
})

describe('the ground that is covered', () => {
  it('has webhooks that arrive signed with both secrets of a rotation, and with all their headers', () => {
    const hook = arrived.find((one) => one.path.startsWith('/hook?'))
    const plain = arrived.find((one) => one.path === '/generated')
    if (hook === undefined || plain === undefined) throw new Error('nothing arrived')
    for (const secret of [secrets.signing.text, secrets.rotated.text]) {
      const input = { headers: hook.headers, body: hook.body, secrets: [secret] }
      expect(standardWebhooks().verify(input)).toMatchObject({ ok: true })
    }
    const input = { headers: plain.headers, body: plain.body, secrets: [generated] }
    expect(standardWebhooks().verify(input)).toMatchObject({ ok: true })
    expect(hook.path).toContain(secrets.query.text)
    expect(hook.headers).toMatchObject({
      authorization: headersOf().Authorization,
      'x-api-key': headersOf()['x-api-key'],
      'x-basic': headersOf()['x-basic'],
    })
    const incoming = arrived.find((one) => one.path.startsWith('/services/'))
    expect(incoming?.path).toContain(secrets.urlPath.text)
    expect(incoming?.headers.authorization).toBe(`Bearer ${secrets.token.text}`)
  })

  it('has an answer, an error, an event and a log line of every kind', () => {
    const all = [...said.values()].flat().map((one) => one.where)
    for (const name of ['send', 'explain', 'dispatch', 'connections.test', 'deliveries.get', 'the log']) {
      expect(all).toContain(name)
    }
    for (const name of EVENT_NAMES.filter((one) => one !== 'connection.recovered')) {
      expect(all).toContain(`the event ${name}`)
    }
    expect(all.filter((where) => where.startsWith('the error of')).length).toBeGreaterThan(40)
    const codes = new Set([...said.values()].flat().flatMap(({ value }) => tellAll(value).match(/code: '\w+'/g) ?? []))
    for (const code of [
      'timeout',
      'dns_error',
      'tls_error',
      'connection_refused',
      'connection_reset',
      'blocked_address',
      'invalid_response',
      'response_too_large',
      'redirect',
      'gone',
      'rate_limited',
      'http_4xx',
      'http_5xx',
      'token_expired',
      'transport_threw',
    ]) {
      expect(codes).toContain(`code: '${code}'`)
    }
  })
})

describe('no secret is in what is said or stored', () => {
  it.each(faults)('when the endpoint $name', (fault) => {
    expect(said.get(orgOf(fault))?.length).toBeGreaterThan(15)
    expect(leaksOf(orgOf(fault))).toEqual([])
  })

  it('when the endpoint takes the message and repeats all of it', () => expect(leaksOf('org_ok')).toEqual([]))

  it('when the source of tokens throws one', () => expect(leaksOf('org_tokens')).toEqual([]))

  it('when a call is refused with one in its arguments', () => expect(leaksOf('org_refused')).toEqual([]))

  it('when the key is not the right one', () => expect(leaksOf('org_key')).toEqual([]))

  it.each(CLUMSY)('when a transport throws all it knows in %s', (clumsy) => {
    expect(leaksOf(`org_clumsy_${clumsy}`)).toEqual([])
  })

  it('in the log, or where the parts are inspected', () => expect(leaksOf('')).toEqual([]))

  it('on stdout or stderr', () => expect(find(printed.join('\n'))).toEqual([]))

  it('in any byte of the database', () => {
    const names = Object.keys(files)
    expect(names).toEqual(expect.arrayContaining(['while it is open, the file -wal', 'after it was closed, the file ']))
    expect(Object.values(files).some((bytes) => bytes.includes(EVENT.title))).toBe(true)
    expect(files['after it was closed, the file ']).toContain('v1.new.')
    // The URL of a plain webhook is stored as it is.
    expect(findQuery(files['after it was closed, the file '] ?? '')).not.toEqual([])
    for (const [name, bytes] of Object.entries(files)) expect(findOther(bytes), name).toEqual([])
    expect(generated).toMatch(/^whsec_/)
    for (const bytes of Object.values(files)) expect(bytes).not.toContain(generated.slice(6))
  })
})
