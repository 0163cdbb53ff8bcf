import type { Socket } from 'node:net'
import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Clock } from '../../src/contracts/clock.ts'
import type { HttpPort, HttpRequest } from '../../src/contracts/http.ts'
import { fetchHttp, type HttpOptions, isHttpError, undiciHttp } from '../../src/http/index.ts'
import { type RawServer, rawServer } from './support/raw-server.ts'

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'

/** Answers when told to. */
async function heldServer() {
  const heads: string[] = []
  const waiting: Socket[] = []
  let release = false
  const server = await rawServer({
    onRequest(socket, head) {
      heads.push(head)
      if (release) socket.write(OK)
      else waiting.push(socket)
    },
  })
  return {
    server,
    heads,
    answer() {
      release = true
      for (const socket of waiting.splice(0)) socket.write(OK)
    },
  }
}

function manualClock(): Clock & { advance(ms: number): void } {
  let now = 1_700_000_000_000
  const timers = new Map<() => void, number>()
  return {
    now: () => now,
    setTimer(atMs, fn) {
      const entry = (): void => fn()
      timers.set(entry, atMs)
      return () => timers.delete(entry)
    },
    advance(ms) {
      now += ms
      for (const [fn, at] of [...timers]) if (at <= now && timers.delete(fn)) fn()
    },
  }
}

describe.each([
  ['undiciHttp', undiciHttp],
  ['fetchHttp', fetchHttp],
] as const)('%s', (_, make: (options: HttpOptions) => HttpPort) => {
  let held: Awaited<ReturnType<typeof heldServer>>
  let server: RawServer
  const open: HttpPort[] = []

  beforeEach(async () => {
    held = await heldServer()
    server = held.server
  })
  afterEach(async () => {
    await Promise.all(open.splice(0).map((http) => http.close()))
    await server.close()
  })

  const create = (options: HttpOptions = {}): HttpPort => {
    const http = make({
      allow: [{ cidr: '127.0.0.0/8', plainHttp: true }],
      lookup: async () => [{ address: '127.0.0.1', family: 4 }],
      ...options,
    })
    open.push(http)
    return http
  }
  const post = (http: HttpPort, more: Partial<HttpRequest> = {}) =>
    http.request({
      method: 'POST',
      url: `http://127.0.0.1:${server.port}/hook`,
      headers: { 'content-type': 'application/json' },
      body: '{}',
      deadlineAt: Date.now() + 10_000,
      ...more,
    })
  const caught = (promise: Promise<unknown>): Promise<unknown> =>
    promise.then(
      (value) => ({ resolved: value }),
      (error: unknown) => error,
    )

  it('sends what it is given, with a user agent and without asking for compression', async () => {
    held.answer()
    const headers = { 'Content-Type': 'application/json', 'x-a': 'é\t1', authorization: 'Bearer t' }
    const url = `http://127.0.0.1:${server.port}/a%20b?c=d&é#fragment`
    const response = await post(create(), { headers, url, body: '{"é":1}' })
    expect(response).toEqual({ status: 200, headers: { 'content-length': '2' }, text: 'ok', truncated: false })
    const head = held.heads[0] ?? ''
    expect(head).toMatch(/^POST \/a%20b\?c=d&%C3%A9 HTTP\/1\.1\r\n/)
    expect(head).toContain(`host: 127.0.0.1:${server.port}\r\n`)
    expect(head).toMatch(/content-type: application\/json\r\n/i)
    expect(head).toContain('x-a: \xe9\t1\r\n')
    expect(head).toContain('user-agent: signalbox\r\n')
    expect(head).toContain('accept-encoding: identity\r\n')
    expect(head).toContain('content-length: 8\r\n')
    expect(head.endsWith('\r\n\r\n{"\xc3\xa9":1}')).toBe(true)
  })

  it('sends bytes as they are, and an own user agent', async () => {
    held.answer()
    const body = new Uint8Array([0, 1, 2, 0x61, 255]).subarray(1, 4)
    await post(create(), { body, headers: { 'User-Agent': 'mine/1' } })
    await post(create({ userAgent: 'host/2' }), { method: 'PUT' })
    const [first = '', second = ''] = held.heads
    expect(first.endsWith('\r\n\r\n\x01\x02a')).toBe(true)
    expect(first.match(/user-agent: [^\r]*/gi)).toEqual([expect.stringMatching(/: mine\/1$/)])
    expect(first).not.toMatch(/content-type/i)
    expect(second).toContain('user-agent: host/2\r\n')
  })

  it('joins repeated response headers and knows no prototype', async () => {
    const special = await rawServer({
      onRequest: (socket) =>
        socket.write(
          'HTTP/1.1 200 OK\r\nX-A: 1\r\nx-a: 2\r\n__proto__: evil\r\nconstructor: c\r\ncontent-length: 0\r\n\r\n',
        ),
    })
    const { headers } = await post(create(), { url: `http://127.0.0.1:${special.port}/` })
    expect(headers).toEqual({ 'x-a': '1, 2', constructor: 'c', 'content-length': '0' })
    expect(Object.getPrototypeOf(headers)).toBe(Object.prototype)
    await special.close()
  })

  it('keeps as much of a response as the request asks for', async () => {
    const body = 'x'.repeat(100_000)
    const long = await rawServer({
      onRequest: (socket) => socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`),
    })
    const http = create()
    const url = `http://127.0.0.1:${long.port}/`
    const seen: unknown[] = []
    for (const maxResponseBytes of [100_000, 99_999, 10]) {
      const { text, truncated } = await post(http, { url, maxResponseBytes })
      seen.push([text.length, truncated])
    }
    const { text, truncated } = await post(http, { url })
    seen.push([text.length, truncated])
    expect(seen).toEqual([
      [100_000, false],
      [99_999, true],
      [10, true],
      [16_384, true],
    ])
    await long.close()
  })

  it('keeps connections for requests that follow each other', async () => {
    held.answer()
    const http = create()
    for (let i = 0; i < 20; i++) await post(http)
    // undici lets a connection rest for a turn of the event loop before it is used again.
    expect(server.accepted).toBeLessThanOrEqual(2)
  })

  it('opens no more connections to a destination than it may', async () => {
    const http = create({ connections: 3 })
    const all = Array.from({ length: 12 }, () => post(http))
    await expect.poll(() => held.heads.length).toBe(3)
    held.answer()
    await Promise.all(all)
    expect(server.accepted).toBe(3)
  })

  it('times out on the clock it is given', async () => {
    const clock = manualClock()
    const http = create({ clock })
    const result = caught(post(http, { deadlineAt: clock.now() + 10_000 }))
    await expect.poll(() => held.heads.length).toBe(1)
    clock.advance(9_900)
    clock.advance(100)
    expect(await result).toMatchObject({ code: 'timeout', written: 'unknown' })
    await expect.poll(() => server.open).toBe(0)
  })

  it('sends nothing once the deadline has passed', async () => {
    expect(await caught(post(create(), { deadlineAt: Date.now() - 1 }))).toMatchObject({
      code: 'timeout',
      written: false,
    })
    expect(await caught(post(create(), { deadlineAt: Number.NaN }))).toMatchObject({ code: 'timeout', written: false })
    expect(server.accepted).toBe(0)
  })

  it('never sends a request that was still queued at its deadline', async () => {
    const clock = manualClock()
    const http = create({ clock, connections: 1 })
    const first = post(http, { deadlineAt: clock.now() + 60_000 })
    await expect.poll(() => held.heads.length).toBe(1)
    const late = caught(post(http, { deadlineAt: clock.now() + 1_000, url: `http://127.0.0.1:${server.port}/late` }))
    clock.advance(1_000)
    expect(await late).toMatchObject({ code: 'timeout', written: false })
    held.answer()
    await first
    await post(http, { deadlineAt: clock.now() + 60_000, url: `http://127.0.0.1:${server.port}/next` })
    expect(held.heads.map((head) => head.split(' ')[1])).toEqual(['/hook', '/next'])
  })

  it('never sends a request whose connection was ready after its deadline', async () => {
    const clock = manualClock()
    const answer = [{ address: '127.0.0.1', family: 4 }]
    let found: (() => void) | undefined
    const lookup = async () => {
      if (found === undefined)
        await new Promise<void>((resolve) => {
          found = resolve
        })
      return answer
    }
    const http = create({ clock, lookup })
    const url = `http://slow.example.com:${server.port}/late`
    const late = caught(post(http, { deadlineAt: clock.now() + 1_000, url }))
    await expect.poll(() => found).toBeDefined()
    clock.advance(1_000)
    expect(await late).toMatchObject({ code: 'timeout', written: false })
    found?.()
    await expect.poll(() => server.accepted).toBe(1)
    held.answer()
    await post(http, { deadlineAt: clock.now() + 60_000, url: `http://slow.example.com:${server.port}/next` })
    expect(held.heads.map((head) => head.split(' ')[1])).toEqual(['/next'])
  })

  it.each(['connecting', 'queued', 'waiting for the answer', 'reading'])(
    'aborts with the reason of the signal while %s',
    async (phase) => {
      const reading = await rawServer({ onRequest: (s) => s.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc') })
      const lookup = () => new Promise<never>(() => {})
      const http = create({ connections: 1, lookup, connectTimeoutMs: 200 })
      const controller = new AbortController()
      const { signal } = controller
      let first: Promise<unknown> = Promise.resolve()
      let url = `http://127.0.0.1:${server.port}/`
      if (phase === 'connecting') url = 'https://slow.example.com/'
      if (phase === 'reading') url = `http://127.0.0.1:${reading.port}/`
      if (phase === 'queued') {
        first = post(http, { url })
        await expect.poll(() => held.heads.length).toBe(1)
      }
      const result = caught(post(http, { url, signal }))
      if (phase === 'waiting for the answer') await expect.poll(() => held.heads.length).toBe(1)
      if (phase === 'reading') await expect.poll(() => reading.received).toBeGreaterThan(0)
      await new Promise((resolve) => setImmediate(resolve))
      const reason = new Error('shutting down')
      controller.abort(reason)
      expect(await result).toBe(reason)
      held.answer()
      await first
      expect(held.heads).toHaveLength(phase === 'queued' || phase === 'waiting for the answer' ? 1 : 0)
      await expect.poll(() => reading.open).toBe(0)
      await reading.close()
    },
  )

  it('sends nothing for a signal that was aborted before', async () => {
    const signal = AbortSignal.abort('gone')
    expect(await caught(post(create(), { signal }))).toBe('gone')
    expect(server.accepted).toBe(0)
  })

  it('aborts all that share a signal and nothing else, with one listener on it', async () => {
    const http = create()
    const controller = new AbortController()
    const { signal } = controller
    let listeners = 0
    const add = signal.addEventListener.bind(signal)
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners += 1
      add(...args)
    }
    const shared = Array.from({ length: 20 }, () => caught(post(http, { signal })))
    const other = post(http, { signal: new AbortController().signal })
    await expect.poll(() => held.heads.length).toBe(21)
    controller.abort('stop')
    expect(new Set(await Promise.all(shared))).toEqual(new Set(['stop']))
    expect(listeners).toBe(1)
    held.answer()
    expect(await other).toMatchObject({ status: 200 })
  })

  it.each<[string, Partial<HttpRequest>]>([
    ['a line break in a header value', { headers: { 'x-a': 'secret\r\nx-b: 1' } }],
    ['a NUL in a header value', { headers: { 'x-a': 'secret\0' } }],
    ['a value beyond latin1', { headers: { 'x-a': 'secret €' } }],
    ['a value that is no string', { headers: { 'x-a': 1 as unknown as string } }],
    ['a header name with a space', { headers: { 'x secret': '1' } }],
    ['an empty header name', { headers: { '': 'secret' } }],
    ['a host header', { headers: { Host: 'secret.example.com' } }],
    ['a content-length', { headers: { 'content-length': '99' } }],
    ['transfer-encoding', { headers: { 'Transfer-Encoding': 'chunked' } }],
    ['an upgrade', { headers: { upgrade: 'secret' } }],
    ['expect', { headers: { expect: '100-continue' } }],
    ['another method', { method: 'CONNECT' as 'POST' }],
    ['a method with a line break', { method: 'GET / HTTP/1.1\r\n' as 'POST' }],
    ['GET with a body', { method: 'GET', body: 'secret' }],
    ['a body that is neither text nor bytes', { body: {} as string }],
    ['a response of no bytes', { maxResponseBytes: 0 }],
    ['a response of half a byte', { maxResponseBytes: 0.5 }],
    ['a response of more than 4 MiB', { maxResponseBytes: 4_194_305 }],
  ])('refuses %s without sending', async (_name, more) => {
    const error = await caught(post(create(), more))
    expect(error).toMatchObject({ name: 'HttpError', code: 'invalid_request', written: false })
    expect(inspect(error)).not.toMatch(/secret/)
    expect(server.accepted).toBe(0)
  })

  it('is not worn out by requests that it refuses', async () => {
    held.answer()
    const http = create({ connections: 2 })
    for (let i = 0; i < 50; i++) await caught(post(http, { headers: { upgrade: 'h2c' } }))
    expect(await post(http)).toMatchObject({ status: 200 })
  })

  it('closes its sockets, fails what is under way and takes nothing more', async () => {
    const http = create()
    const underWay = caught(post(http))
    await expect.poll(() => held.heads.length).toBe(1)
    await http.close()
    expect(await underWay).toMatchObject({ name: 'HttpError', code: 'cancelled', written: 'unknown' })
    expect(await caught(post(http))).toMatchObject({ name: 'HttpError', code: 'cancelled', written: false })
    await expect.poll(() => server.open).toBe(0)
    await http.close()
  })

  it('closes a socket that is still connecting', async () => {
    const silent = await rawServer({})
    const http = create()
    const result = caught(post(http, { url: `https://127.0.0.1:${silent.port}/` }))
    await expect.poll(() => silent.accepted).toBe(1)
    await http.close()
    expect(isHttpError(await result)).toBe(true)
    await expect.poll(() => silent.open).toBe(0)
    await silent.close()
  })

  it('runs `check` without asking the network', () => {
    const http = create({
      lookup: async () => {
        throw new Error('was asked')
      },
    })
    expect(() => http.check('https://example.com/hook')).not.toThrow()
    expect(() => http.check('https://10.0.0.1/')).toThrow(expect.objectContaining({ code: 'blocked_url' }))
  })
})
