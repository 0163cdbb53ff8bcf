import { createServer, request as httpRequest, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createDispatcher, isSignalboxError } from '../../src/index.ts'
import {
  type GhostIdVisitor,
  type GhostIdVisitorQuery,
  type GhostIdWebhookApiOptions,
  ghostId,
} from '../../src/presets/ghost-id.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { LOOPBACK, startReceiver, status } from '../support/receiver.ts'
import { hangUp } from '../support/sending.ts'
import { DOCUMENTED, EXPORTED_AT, exampleVisitor } from './ghost-id-visitor.ts'

const SESSION = { cookie: 'session=s3cret' }
const JSON_TYPE = { 'content-type': 'application/json' }
const VID = DOCUMENTED.request.ghost_vid

const cleanups: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

type Options = Partial<GhostIdWebhookApiOptions>

/** The endpoint behind node:http, sites 4 and 7 with one visitor each, and the target of the exports. */
async function setup(options: Options = {}, around: (api: RequestListener) => RequestListener = (api) => api) {
  const target = await startReceiver(status(200))
  const dispatcher = createDispatcher({
    store: memoryStore(),
    catalog: ghostId.catalog,
    transports: [ghostId.transport({ deadlineMs: 2000 })],
    egress: LOOPBACK,
  })
  const asked: GhostIdVisitorQuery[] = []
  const scopes: unknown[] = []
  const errors: unknown[] = []
  const api = ghostId.webhookApi({
    dispatcher,
    authorize(request, scope) {
      scopes.push(scope)
      return request.headers.get('cookie') === SESSION.cookie && scope.siteId !== 9
    },
    loadVisitor(query) {
      asked.push(query)
      if (query.ghostVid === VID && query.siteId === 4) return exampleVisitor()
      return query.siteId === 7 ? exampleVisitor({ ghost_vid: 'gv_seven' }) : undefined
    },
    onError: (error) => errors.push(error),
    now: () => EXPORTED_AT,
    ...options,
  })
  const server = createServer(around(api.node))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}/api/webhook`
  cleanups.push(
    target.close,
    () => dispatcher.close(),
    () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  )
  const post = (body: unknown, headers: Record<string, string> = {}) =>
    answerOf(url, {
      method: 'POST',
      headers: { ...SESSION, ...JSON_TYPE, ...headers },
      body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
    })
  const ask = (changes: object = {}) => ({
    ...DOCUMENTED.request,
    webhook_url: `${target.url}/hooks/leads`,
    ...changes,
  })
  return { api, url, target, dispatcher, asked, scopes, errors, post, ask }
}

async function answerOf(url: string, init: RequestInit = {}) {
  const response = await fetch(url, init)
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, json: text === '' ? undefined : JSON.parse(text) }
}

describe('GET /api/webhook', () => {
  it('answers what is documented, to a session', async () => {
    const { url, scopes } = await setup()
    const answer = await answerOf(url, { headers: SESSION })
    expect(answer.status).toBe(200)
    expect(answer.text).toBe(JSON.stringify(DOCUMENTED.supported_types_response))
    expect(answer.headers.get('content-type')).toBe('application/json')
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(scopes).toEqual([{}])
  })

  it('is 401 without a session', async () => {
    const { url } = await setup()
    const answer = await answerOf(url)
    expect(answer.status).toBe(401)
    expect(answer.json).toEqual({ success: false, code: 'unauthorized', error: 'A session is required' })
  })
})

describe('POST /api/webhook', () => {
  it('sends the documented payload, and answers what is documented', async () => {
    const { post, ask, target, asked, scopes } = await setup()
    const answer = await post(ask())
    expect(answer.status).toBe(200)
    expect(answer.text).toBe(JSON.stringify(DOCUMENTED.response))
    expect(target.requests.map(({ method, path }) => [method, path])).toEqual([['POST', '/hooks/leads']])
    expect(target.requests[0]?.body.toString()).toBe(JSON.stringify(DOCUMENTED.custom))
    expect(asked).toEqual([{ ghostVid: VID, siteId: 4, includeJourney: true, includeEvents: true }])
    expect(scopes).toEqual([{ siteId: 4 }])
  })

  it.each(['hubspot', 'salesforce', 'slack'] as const)('sends the documented payload of %s', async (webhook_type) => {
    const { post, ask, target } = await setup()
    const answer = await post(ask({ webhook_type }))
    expect(answer.json).toEqual({ ...DOCUMENTED.response, webhook_type })
    expect(target.requests[0]?.body.toString()).toBe(JSON.stringify(DOCUMENTED[webhook_type]))
  })

  it('sends more than the documented fields to discord', async () => {
    const { post, ask, target } = await setup()
    await post(ask({ webhook_type: 'discord' }))
    const body = JSON.parse(target.requests[0]?.body.toString() ?? '')
    expect(body).toMatchObject(DOCUMENTED.discord)
    expect(body.embeds).toHaveLength(1)
  })

  it('has the documented defaults: custom, with everything, of site 4', async () => {
    const { post, target } = await setup()
    const answer = await post({ ghost_vid: VID, webhook_url: target.url })
    expect(answer.json).toEqual(DOCUMENTED.response)
    expect(target.requests[0]?.body.toString()).toBe(JSON.stringify(DOCUMENTED.custom))
  })

  it('leaves out, and does not ask for, what is not wanted', async () => {
    const { post, ask, target, asked } = await setup()
    await post(ask({ include_journey: false, include_events: false }))
    const { journey: _journey, recent_events: _events, ...rest } = DOCUMENTED.custom
    expect(JSON.parse(target.requests[0]?.body.toString() ?? '')).toEqual(rest)
    expect(asked).toMatchObject([{ includeJourney: false, includeEvents: false }])
  })

  it('a profile that is too large goes out without its journey', async () => {
    const [session] = exampleVisitor().journey ?? []
    if (session === undefined) throw new Error('the example has a session')
    const journey = Array.from({ length: 3000 }, () => session)
    const { post, ask, errors } = await setup({ loadVisitor: () => exampleVisitor({ journey }) })
    expect((await post(ask())).status).toBe(500)
    expect(String(errors[0])).toContain('bytes of text and metadata')
    expect((await post(ask({ include_journey: false }))).status).toBe(200)
  })

  it.each(['application/json; charset=utf-8', 'application/json;charset="UTF-8"', 'Application/JSON'])(
    'takes the content type %s',
    async (type) => {
      const { post, ask } = await setup()
      expect((await post(ask(), { 'content-type': type })).status).toBe(200)
    },
  )

  describe('is 401', () => {
    it.each([
      ['without a session', { cookie: '' }, 4],
      ['with another session', { cookie: 'session=other' }, 4],
      ['for a site that is not the person’s', SESSION, 9],
    ])('%s, before a visitor is looked for', async (_what, headers, siteId) => {
      const { post, ask, asked, target } = await setup()
      const answer = await post(ask({ siteId }), headers)
      expect([answer.status, answer.json.code]).toEqual([401, 'unauthorized'])
      expect([asked, target.requests]).toEqual([[], []])
    })

    it('where authorize answers something that is not true', async () => {
      const { post, ask } = await setup({ authorize: (() => 'yes') as unknown as () => boolean })
      expect((await post(ask())).status).toBe(401)
    })
  })

  it.each([
    ['nobody knows', { ghost_vid: 'gv_unknown' }],
    ['another site owns', { siteId: 5 }],
  ])('is 404 for a visitor that %s', async (_what, changes) => {
    const { post, ask, target } = await setup()
    const answer = await post(ask(changes))
    expect(answer.status).toBe(404)
    expect(answer.json).toEqual({ success: false, code: 'not_found', error: 'No such visitor', field: 'ghost_vid' })
    expect(target.requests).toEqual([])
  })

  const longUrl = `https://example.com/${'a'.repeat(2048)}`
  const required = { ghost_vid: VID, webhook_url: 'https://example.com/in' }
  it.each<[status: number, error: string, body: unknown, headers?: Record<string, string>]>([
    [400, 'body: must be JSON in UTF-8', ''],
    [400, 'body: must be JSON in UTF-8', '{"ghost_vid":'],
    [400, 'body: must be JSON in UTF-8', new Uint8Array([0x22, 0xff, 0x22])],
    [400, 'body: must be a JSON object', 'null'],
    [400, 'body: must be a JSON object', '[]'],
    [400, 'body: must be a JSON object', '"text"'],
    [400, 'ghost_vid: is required', {}],
    [400, 'ghost_vid: must be a string', { ...required, ghost_vid: 7 }],
    [400, 'ghost_vid: must be a string', { ...required, ghost_vid: null }],
    [400, 'ghost_vid: must not be empty', { ...required, ghost_vid: '' }],
    [400, 'ghost_vid: must be at most 256 characters', { ...required, ghost_vid: 'a'.repeat(257) }],
    [400, 'ghost_vid: must not contain control characters', { ...required, ghost_vid: 'a\u0000b' }],
    [400, 'webhook_url: is required', { ghost_vid: VID }],
    [400, 'webhook_url: must be a string', { ...required, webhook_url: ['https://example.com'] }],
    [400, 'webhook_url: must be an absolute URL', { ...required, webhook_url: '/in' }],
    [400, 'webhook_url: must be at most 2048 characters', { ...required, webhook_url: longUrl }],
    [
      400,
      'webhook_type: must be one of: custom, hubspot, salesforce, slack, discord',
      { ...required, webhook_type: 'teams' },
    ],
    [
      400,
      'webhook_type: must be one of: custom, hubspot, salesforce, slack, discord',
      { ...required, webhook_type: 'Slack' },
    ],
    [400, 'include_journey: must be true or false', { ...required, include_journey: 'false' }],
    [400, 'include_events: must be true or false', { ...required, include_events: 0 }],
    [400, 'siteId: must be a whole number', { ...required, siteId: '4' }],
    [400, 'siteId: must be a whole number', { ...required, siteId: 4.5 }],
    [400, 'siteId: must be 0 or more', { ...required, siteId: -1 }],
    [400, 'include_jorney: is not a field of this request', { ...required, include_jorney: false }],
    [
      400,
      '__proto__: is not a field of this request',
      '{"ghost_vid":"a","webhook_url":"https://a.example","__proto__":{}}',
    ],
    [400, 'webhook_url: the URL is blocked: must use https:', { ...required, webhook_url: 'ftp://example.com/in' }],
    [
      400,
      'webhook_url: the URL is blocked: the host name is a local one',
      { ...required, webhook_url: 'https://localhost/in' },
    ],
    [
      400,
      'webhook_url: the URL is blocked: the address is not a public one',
      { ...required, webhook_url: 'https://169.254.169.254/latest' },
    ],
    [
      400,
      'webhook_url: the URL is blocked: must not contain a user name or password',
      { ...required, webhook_url: 'https://user:pass@example.com' },
    ],
    [413, 'body: must have at most 16384 bytes', { ...required, ghost_vid: 'a'.repeat(16_384) }],
  ])('is %i with a clear message: %s', async (code, error, body) => {
    const { post, target, errors } = await setup()
    const answer = await post(body)
    const isBlocked = error.includes('blocked')
    const field = error.slice(0, error.indexOf(':'))
    expect(answer.json).toEqual({ success: false, code: isBlocked ? 'blocked_url' : 'invalid_input', error, field })
    expect(answer.status).toBe(code)
    expect([target.requests, errors]).toEqual([[], []])
  })

  it.each<[string, Record<string, string>]>([
    ['a form, which any site can send', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['text, which any site can send', { 'content-type': 'text/plain' }],
    ['text that calls itself JSON', { 'content-type': 'text/plain; application/json' }],
    ['a form with files', { 'content-type': 'multipart/form-data; boundary=x' }],
    ['another JSON', { 'content-type': 'application/vnd.api+json' }],
    ['two types', { 'content-type': 'application/json, text/plain' }],
    ['another charset', { 'content-type': 'application/json; charset=utf-16' }],
    ['a compressed body', { 'content-encoding': 'gzip' }],
  ])('is 415 for %s', async (_what, headers) => {
    const { post, ask, asked } = await setup()
    const answer = await post(ask(), headers)
    expect([answer.status, answer.json.code]).toEqual([415, 'unsupported_media_type'])
    expect(answer.json.error).toContain('application/json')
    expect(asked).toEqual([])
  })

  it('is 415 without a content type', async () => {
    const { url, ask } = await setup()
    const body = new Blob([JSON.stringify(ask())])
    expect((await answerOf(url, { method: 'POST', headers: SESSION, body })).status).toBe(415)
  })

  it('stops reading a body without an end, and the connection lives on', async () => {
    const { url } = await setup()
    const endless = httpRequest(url, { method: 'POST', headers: { ...SESSION, ...JSON_TYPE } })
    endless.on('error', () => {})
    const code = await new Promise<number | undefined>((resolve) => {
      endless.on('response', (response) => resolve(response.statusCode))
      endless.write('x'.repeat(20_000))
    })
    expect(code).toBe(413)
    endless.destroy()
  })

  describe('is 502', () => {
    it.each([
      ['fails', status(500, {}, 'stack trace'), { code: 'http_5xx', status: 500 }],
      ['refuses', status(404), { code: 'http_4xx', status: 404 }],
      ['redirects', status(302, { location: 'http://127.0.0.1/' }), { code: 'redirect', status: 302 }],
      ['is gone', status(410), { code: 'gone', status: 410 }],
      ['wants less', status(429, { 'retry-after': '0' }), { code: 'rate_limited', status: 429 }],
      ['hangs up', hangUp, { code: 'connection_reset' }],
    ])('with the outcome’s code when the target %s; there is no second try', async (_what, answer, expected) => {
      const { post, ask, target } = await setup()
      target.answerWith(answer)
      const result = await post(ask())
      expect(result.status).toBe(502)
      expect(result.json).toEqual({ success: false, ...expected, error: expect.stringMatching(/^The /) })
      expect(result.text).not.toContain('stack trace')
      expect(target.requests).toHaveLength(1)
    })

    it('when nobody listens there', async () => {
      const { post, ask, target } = await setup()
      await target.close()
      const answer = await post(ask())
      expect([answer.status, answer.json.code]).toEqual([502, 'connection_refused'])
    })
  })

  it('is 400 where a public name turns out to lead to a private address', async () => {
    const dispatcher = { send: async () => ({ kind: 'rejected', code: 'blocked_address' }) as const }
    const { post, ask } = await setup({ dispatcher })
    const answer = await post(ask())
    expect(answer.status).toBe(400)
    expect(answer.json).toEqual({
      success: false,
      code: 'blocked_address',
      error: 'webhook_url: The address is one that may not be reached',
      field: 'webhook_url',
    })
  })

  describe('is 500, without a word of why,', () => {
    const secret = 'postgres://user:secret@db'
    it.each<[string, Options]>([
      ['when loadVisitor fails', { loadVisitor: () => Promise.reject(new Error(secret)) }],
      [
        'when authorize fails',
        {
          authorize: () => {
            throw new Error(secret)
          },
        },
      ],
      ['when the dispatcher fails', { dispatcher: { send: () => Promise.reject(new Error(secret)) } }],
      ['when what is loaded is no visitor', { loadVisitor: () => ({ ghost_vid: secret }) as GhostIdVisitor }],
    ])('%s; onError is told', async (_what, options) => {
      const { post, ask, errors } = await setup(options)
      const answer = await post(ask())
      expect(answer.status).toBe(500)
      expect(answer.json).toEqual({
        success: false,
        code: 'internal_error',
        error: 'The visitor could not be exported',
      })
      expect(errors).toHaveLength(1)
    })

    it('when the dispatcher has no such transport; the reason is the host’s to know', async () => {
      const { post, ask, errors } = await setup({ transport: 'other' as 'ghost-id' })
      expect((await post(ask())).status).toBe(500)
      expect(isSignalboxError(errors[0], 'invalid_input')).toBe(true)
    })

    it('and prints it where nobody wants to be told', async () => {
      const print = vi.spyOn(console, 'error').mockImplementation(() => {})
      const failure = new Error('the database is down')
      const dispatcher = { send: async () => ({ kind: 'delivered' }) as const }
      const options = { dispatcher, authorize: () => true, loadVisitor: () => Promise.reject(failure) }
      const api = ghostId.webhookApi(options)
      const body = JSON.stringify({ ghost_vid: VID, webhook_url: 'https://example.com' })
      const init = { method: 'POST', headers: JSON_TYPE, body }
      expect((await api(new Request('https://app.example.com/api/webhook', init))).status).toBe(500)
      expect(print.mock.calls).toEqual([[failure]])
      print.mockRestore()
    })
  })
})

describe('the endpoint', () => {
  it.each(['HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])('is 405 for %s, and says what it takes', async (method) => {
    const { url } = await setup()
    const answer = await answerOf(url, { method, headers: SESSION })
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, POST'])
    expect(answer.headers.get('access-control-allow-origin')).toBe(null)
    if (method !== 'HEAD') expect(answer.json).toMatchObject({ success: false, code: 'method_not_allowed' })
  })

  it.each(['/', '/api/webhook/', '/api/webhooks', '//api/webhook'])('is 404 at %s', async (path) => {
    const { url } = await setup()
    const answer = await answerOf(new URL(url).origin + path, { headers: SESSION })
    expect([answer.status, answer.json.code]).toEqual([404, 'not_found'])
  })

  it('may live at another path, or at any', async () => {
    const get = (options: Options, path: string) =>
      setup(options).then(({ url }) => answerOf(new URL(path, url).href, { headers: SESSION }))
    expect((await get({ path: '/export' }, '/export?x=1')).status).toBe(200)
    expect((await get({ path: '/export' }, '/api/webhook')).status).toBe(404)
    expect((await get({ path: false }, '/anything')).status).toBe(200)
  })

  it('serves Fetch, as Hono and Next have it', async () => {
    const { api, ask, target } = await setup()
    const call = (init: RequestInit) => api(new Request('https://app.example.com/api/webhook', init))
    const get = await call({ headers: SESSION })
    expect(await get.json()).toEqual(DOCUMENTED.supported_types_response)
    const headers = { ...SESSION, ...JSON_TYPE }
    const posted = await call({ method: 'POST', headers, body: JSON.stringify(ask()) })
    expect(await posted.json()).toEqual(DOCUMENTED.response)
    const large = await call({ method: 'POST', headers, body: 'x'.repeat(20_000) })
    expect(large.status).toBe(413)
    expect(target.requests).toHaveLength(1)
  })

  it('serves Express behind express.json(), and under the path of a router', async () => {
    const express =
      (api: RequestListener): RequestListener =>
      async (request, response) => {
        const chunks: Buffer[] = []
        for await (const chunk of request) chunks.push(chunk)
        const body = JSON.parse(Buffer.concat(chunks).toString())
        api(Object.assign(request, { body, originalUrl: request.url, url: '/' }), response)
      }
    const { post, ask } = await setup({}, express)
    expect((await post(ask())).json).toEqual(DOCUMENTED.response)
    expect((await post({ ghost_vid: VID })).json.error).toBe('webhook_url: is required')
  })

  it('sends as the site: its id is the organisation, the visitor the metadata of the event', async () => {
    const send = vi.fn(async () => ({ kind: 'delivered' }) as const)
    const { post } = await setup({ dispatcher: { send }, baseUrl: 'https://ghost.example.com' })
    const body = { ghost_vid: 'gv_seven', webhook_url: 'https://example.com/in', webhook_type: 'slack', siteId: 7 }
    expect((await post(body)).json).toMatchObject({ success: true, ghost_vid: 'gv_seven', webhook_type: 'slack' })
    const config = { url: 'https://example.com/in', format: 'slack', includeJourney: true, includeEvents: true }
    const metadata = exampleVisitor({ ghost_vid: 'gv_seven' })
    const href = 'https://ghost.example.com/visitor/gv_seven'
    const event = expect.objectContaining({ type: 'visitor_exported', metadata, href, timestamp: EXPORTED_AT })
    expect(send.mock.calls).toEqual([[{ orgId: '7', transport: 'ghost-id', config, event }]])
  })

  it('finds the transport by another name', async () => {
    const send = vi.fn(async () => ({ kind: 'delivered' }) as const)
    const api = ghostId.webhookApi({
      dispatcher: { send },
      transport: 'exports',
      authorize: () => true,
      loadVisitor: () => exampleVisitor(),
    })
    const body = JSON.stringify({ ghost_vid: VID, webhook_url: 'https://example.com' })
    await api(new Request('https://app.example.com/api/webhook', { method: 'POST', headers: JSON_TYPE, body }))
    expect(send.mock.calls).toMatchObject([[{ transport: 'exports' }]])
  })

  it.each<[object, string]>([
    [{ dispatcher: {} }, 'dispatcher: must be a dispatcher'],
    [{ authorize: undefined }, 'authorize: must be a function'],
    [{ loadVisitor: 'x' }, 'loadVisitor: must be a function'],
    [{ path: 'api/webhook' }, 'path: must be a path such as /api/webhook, or false'],
    [{ maxBodyBytes: 0 }, 'maxBodyBytes: must be a whole number above 0'],
    [{ cors: true }, 'cors: is not an option'],
  ])('refuses the options %j', (options, message) => {
    const good = {
      dispatcher: { send: async () => ({ kind: 'delivered' }) as const },
      authorize: () => true,
      loadVisitor: () => undefined,
    }
    expect(() => ghostId.webhookApi({ ...good, ...options })).toThrow(message)
  })
})
