import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { HttpPort, HttpResponse } from '../../src/contracts/http.ts'
import type { OutcomeCode } from '../../src/contracts/outcome.ts'
import { fetchHttp, type HttpError, type HttpOptions, isHttpError, undiciHttp } from '../../src/http/index.ts'
import { type Certificate, certificateAuthority } from './support/certificates.ts'
import type { FaultJob, FaultReport } from './support/fault-client.ts'
import { type RawServer, rawServer } from './support/raw-server.ts'

const authority = certificateAuthority()
/** Not a measure of speed: what never settles would hang the suite without it. */
const GUARD_MS = 1_000

interface Fault {
  readonly name: string
  onConnect?(socket: Socket): void
  onRequest?(socket: Socket, head: string, nth: number): void
  readonly certificate?: Certificate
  readonly scheme?: 'http' | 'https'
  readonly host?: string
  readonly body?: Uint8Array
  /** Requests made one after the other on the same port; the last is looked at. */
  readonly requests?: number
  /** The server does not read, and so does not see that the other side has gone. */
  readonly deaf?: boolean
  /** Codes that are right: for some, timing decides which. */
  readonly fails?: readonly OutcomeCode[]
  readonly written?: readonly (boolean | 'unknown')[]
  readonly answers?: (response: HttpResponse) => void
}

const say = (text: string) => (socket: Socket) => socket.end(text, 'latin1')
/** Stays open. */
const keep = (text: string | Uint8Array) => (socket: Socket) => void socket.write(text)
const every =
  (ms: number, text: string, start = '') =>
  (socket: Socket) => {
    if (start !== '') socket.write(start)
    const timer = setInterval(() => socket.write(text), ms)
    socket.on('close', () => clearInterval(timer))
  }
/** As fast as the other side reads, for as long as it does. */
const flood = (start: string, chunk: string) => (socket: Socket) => {
  socket.write(start)
  const more = (): void => {
    while (!socket.destroyed && socket.write(chunk));
  }
  socket.on('drain', more)
  more()
}
const bomb = gzipSync(Buffer.alloc(32 << 20))
const ok = (body: string, headers = '') =>
  `HTTP/1.1 200 OK\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${headers}\r\n${body}`
const chunked = (rest: string) => `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${rest}`
const kilobyte = 'x'.repeat(1024)
const sent = [true, 'unknown'] as const

const faults: readonly Fault[] = [
  // ------------------------------------------------------------------------------------------ while connecting
  { name: 'closes as soon as it accepted', onConnect: (s) => s.end(), fails: ['connection_reset'] },
  { name: 'resets as soon as it accepted', onConnect: (s) => s.resetAndDestroy(), fails: ['connection_reset'] },
  { name: 'accepts TCP and never shakes hands', scheme: 'https', fails: ['timeout'], written: [false] },
  {
    name: 'closes in the TLS handshake',
    scheme: 'https',
    onConnect: (s) => s.once('data', () => s.end()),
    fails: ['connection_reset', 'tls_error'],
    written: [false],
  },
  {
    name: 'speaks plain HTTP where TLS is due',
    scheme: 'https',
    onConnect: (s) => s.once('data', () => s.end(ok('hello'))),
    fails: ['tls_error'],
    written: [false],
  },
  {
    name: 'speaks TLS where plain HTTP is due',
    certificate: authority.issue({ ip: '127.0.0.1' }),
    scheme: 'http',
    fails: ['invalid_response', 'connection_reset'],
  },
  {
    name: 'has a certificate of an unknown authority',
    certificate: certificateAuthority().issue({ ip: '127.0.0.1' }),
    fails: ['tls_error'],
    written: [false],
  },
  {
    name: 'has a certificate for another address',
    certificate: authority.issue({ ip: '127.0.0.9' }),
    fails: ['tls_error'],
    written: [false],
  },
  {
    name: 'has a certificate for another name',
    certificate: authority.issue({ dns: 'other.example.com' }),
    host: 'receiver.example.com',
    fails: ['tls_error'],
    written: [false],
  },
  {
    name: 'has a certificate that has expired',
    certificate: authority.issue({ ip: '127.0.0.1', notAfter: new Date('2020-01-01') }),
    fails: ['tls_error'],
    written: [false],
  },
  // ------------------------------------------------------------------------------------------ before an answer
  { name: 'never answers', onRequest: () => {}, fails: ['timeout'], written: sent },
  {
    name: 'never reads a large body',
    body: new Uint8Array(4 << 20),
    deaf: true,
    onConnect: (s) => s.pause(),
    fails: ['timeout'],
  },
  {
    name: 'answers and never reads a large body',
    body: new Uint8Array(4 << 20),
    deaf: true,
    onConnect: (s) => {
      s.pause()
      s.write(ok('early', 'connection: close\r\n'))
    },
    answers: (r) => expect(r).toMatchObject({ status: 200, text: 'early' }),
  },
  { name: 'closes after the request', onRequest: (s) => s.end(), fails: ['connection_reset'], written: sent },
  {
    name: 'resets after the request',
    onRequest: (s) => s.resetAndDestroy(),
    fails: ['connection_reset'],
    written: sent,
  },
  {
    name: 'resets in the middle of a large request',
    body: new Uint8Array(4 << 20),
    onRequest: (s) => s.resetAndDestroy(),
    fails: ['connection_reset'],
    written: sent,
  },
  {
    name: 'closes a kept connection when the second request arrives',
    requests: 2,
    onRequest: (s, _, nth) => (nth === 1 ? s.write(ok('first')) : s.end()),
    fails: ['connection_reset'],
    written: sent,
  },
  {
    name: 'closes a kept connection between requests',
    requests: 2,
    onRequest: (s) => void s.end(ok('again')),
    answers: (r) => expect(r.text).toBe('again'),
  },
  // ------------------------------------------------------------------------------------------ status line
  { name: 'answers no HTTP at all', onRequest: say('SSH-2.0-OpenSSH_9.6\r\n'), fails: ['invalid_response'] },
  { name: 'answers HTTP/0.9', onRequest: say('<html>hello</html>'), fails: ['invalid_response'] },
  { name: 'answers an unknown version', onRequest: say('HTTP/9.9 200 OK\r\n\r\n'), fails: ['invalid_response'] },
  {
    name: 'answers a status that is no number',
    onRequest: say('HTTP/1.1 abc OK\r\n\r\n'),
    fails: ['invalid_response'],
  },
  { name: 'answers status 99', onRequest: say('HTTP/1.1 99 Low\r\n\r\n'), fails: ['invalid_response'] },
  {
    name: 'answers status 099',
    onRequest: say('HTTP/1.1 099 Low\r\n\r\n'),
    fails: ['invalid_response'],
  },
  {
    name: 'answers status 600',
    onRequest: say('HTTP/1.1 600 High\r\ncontent-length: 0\r\n\r\n'),
    fails: ['invalid_response'],
    written: [true],
  },
  {
    name: 'answers status 999',
    onRequest: say('HTTP/1.1 999 High\r\ncontent-length: 0\r\n\r\n'),
    fails: ['invalid_response'],
    written: [true],
  },
  { name: 'answers status 2000', onRequest: say('HTTP/1.1 2000 OK\r\n\r\n'), fails: ['invalid_response'] },
  { name: 'stops in the status line', onRequest: keep('HTTP/1.1 20'), fails: ['timeout'], written: sent },
  { name: 'closes in the status line', onRequest: say('HTTP/1.1 20'), fails: ['connection_reset', 'invalid_response'] },
  {
    name: 'has a status line without end',
    onRequest: flood('HTTP/1.1 200 ', kilobyte),
    fails: ['timeout', 'invalid_response', 'response_too_large'],
  },
  {
    name: 'sends 100 and nothing more',
    onRequest: keep('HTTP/1.1 100 Continue\r\n\r\n'),
    fails: ['invalid_response', 'timeout'],
  },
  {
    name: 'sends 103 without end',
    onRequest: every(20, 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n'),
    fails: ['timeout'],
    written: [true],
  },
  {
    name: 'floods with 103',
    onRequest: flood('', 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n'.repeat(20)),
    fails: ['invalid_response'],
    written: [true],
  },
  {
    name: 'sends 103 and then answers',
    onRequest: keep(`HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n${ok('done')}`),
    answers: (r) => expect(r).toMatchObject({ status: 200, text: 'done' }),
  },
  {
    name: 'upgrades without being asked',
    onRequest: keep('HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n'),
    fails: ['invalid_response'],
  },
  // ------------------------------------------------------------------------------------------ headers
  {
    name: 'stops in the headers',
    onRequest: keep('HTTP/1.1 200 OK\r\nx-a: 1\r\n'),
    fails: ['timeout'],
    written: [true],
  },
  {
    name: 'closes in the headers',
    onRequest: say('HTTP/1.1 200 OK\r\nx-a: 1\r\n'),
    fails: ['connection_reset', 'invalid_response'],
    written: [true],
  },
  {
    name: 'sends a header byte now and then',
    onRequest: every(100, 'x', 'HTTP/1.1 200 OK\r\n'),
    fails: ['timeout'],
    written: [true],
  },
  {
    name: 'has one huge header',
    onRequest: keep(ok('', `x-big: ${'a'.repeat(70_000)}\r\n`)),
    fails: ['response_too_large'],
  },
  {
    name: 'has headers without end',
    onRequest: flood('HTTP/1.1 200 OK\r\n', `x-more: ${kilobyte}\r\n`),
    fails: ['response_too_large'],
  },
  {
    name: 'has a header without colon',
    onRequest: say('HTTP/1.1 200 OK\r\nnonsense\r\n\r\n'),
    fails: ['invalid_response'],
  },
  {
    name: 'has a NUL in a header',
    onRequest: say('HTTP/1.1 200 OK\r\nx-a: a\0b\r\ncontent-length: 0\r\n\r\n'),
    fails: ['invalid_response'],
  },
  {
    name: 'has two lengths that differ',
    onRequest: say('HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nabc'),
    fails: ['invalid_response'],
  },
  {
    name: 'has a negative length',
    onRequest: say('HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\nabc'),
    fails: ['invalid_response'],
  },
  {
    name: 'has a length that is no number',
    onRequest: say('HTTP/1.1 200 OK\r\ncontent-length: ten\r\n\r\nabc'),
    fails: ['invalid_response'],
  },
  {
    name: 'has a length and chunks',
    onRequest: say('HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n'),
    fails: ['invalid_response'],
  },
  // ------------------------------------------------------------------------------------------ body
  {
    name: 'closes before the body is complete',
    onRequest: say('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc'),
    fails: ['connection_reset', 'invalid_response'],
    written: [true],
  },
  {
    name: 'closes a last body before it is complete',
    onRequest: say('HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 10\r\n\r\nabc'),
    fails: ['connection_reset', 'invalid_response'],
    written: [true],
  },
  {
    name: 'resets in the body',
    onRequest: (s) =>
      s.write('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc', () => setTimeout(() => s.resetAndDestroy(), 30)),
    fails: ['connection_reset'],
    written: [true],
  },
  {
    name: 'stops in the body',
    onRequest: keep('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc'),
    fails: ['timeout'],
    written: [true],
  },
  {
    name: 'sends a body byte every 100 ms',
    onRequest: every(100, 'x', 'HTTP/1.1 200 OK\r\ncontent-length: 99999\r\n\r\n'),
    fails: ['timeout'],
    written: [true],
  },
  {
    name: 'closes between chunks',
    onRequest: say(chunked('3\r\nabc\r\n')),
    fails: ['connection_reset', 'invalid_response'],
    written: [true],
  },
  {
    name: 'closes in a chunk',
    onRequest: say(chunked('a\r\nabc')),
    fails: ['connection_reset', 'invalid_response'],
    written: [true],
  },
  {
    name: 'has a chunk size that is no number',
    onRequest: say(chunked('zz\r\nabc\r\n0\r\n\r\n')),
    fails: ['invalid_response'],
  },
  {
    name: 'has a chunk size beyond all bounds',
    onRequest: say(chunked('fffffffffffffffff\r\nabc\r\n')),
    fails: ['invalid_response'],
  },
  {
    name: 'has a chunk longer than it says',
    onRequest: say(chunked('2\r\nabcdef\r\n0\r\n\r\n')),
    fails: ['invalid_response'],
  },
  { name: 'never ends its chunks', onRequest: keep(chunked('3\r\nabc\r\n')), fails: ['timeout'], written: [true] },
  {
    name: 'has a body without end',
    onRequest: flood('HTTP/1.1 200 OK\r\n\r\n', kilobyte.repeat(64)),
    answers: (r) => expect([r.status, r.text.length, r.truncated]).toEqual([200, 16_384, true]),
  },
  {
    name: 'has chunks without end',
    onRequest: flood(chunked(''), `10000\r\n${kilobyte.repeat(64)}\r\n`),
    answers: (r) => expect([r.status, r.text.length, r.truncated]).toEqual([200, 16_384, true]),
  },
  {
    name: 'has a long body and stops in it',
    onRequest: keep(`HTTP/1.1 200 OK\r\ncontent-length: 60000\r\n\r\n${kilobyte.repeat(20)}`),
    answers: (r) => expect([r.status, r.text.length, r.truncated]).toEqual([200, 16_384, true]),
  },
  {
    name: 'has a body of exactly 16 KiB',
    onRequest: keep(ok(kilobyte.repeat(16))),
    answers: (r) => expect([r.text.length, r.truncated]).toEqual([16_384, false]),
  },
  {
    name: 'has a body of 16 KiB and a byte',
    onRequest: keep(ok(`${kilobyte.repeat(16)}y`)),
    answers: (r) => expect([r.text.length, r.truncated]).toEqual([16_384, true]),
  },
  {
    name: 'has a character across the 16 KiB mark',
    onRequest: keep(ok(`x${'€'.repeat(10_000)}`)),
    answers: (r) => expect([r.text, r.truncated]).toEqual([`x${'€'.repeat(5_461)}`, true]),
  },
  {
    name: 'sends a gzip bomb nobody asked for',
    onRequest: (s) => {
      s.write(`HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: ${bomb.length}\r\n\r\n`)
      s.write(bomb)
    },
    answers: (r) => {
      expect([r.status, r.truncated, r.headers['content-encoding']]).toEqual([200, true, 'gzip'])
      // Still compressed.
      expect(r.text.charCodeAt(0)).toBe(0x1f)
    },
  },
  {
    name: 'says gzip and sends something else',
    onRequest: keep(ok('not gzip', 'content-encoding: gzip\r\n')),
    answers: (r) => expect(r.text).toBe('not gzip'),
  },
  {
    name: 'has a body of invalid UTF-8',
    onRequest: (s) => {
      s.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n')
      s.write(Buffer.from([0xff, 0x61]))
    },
    answers: (r) => expect(r.text).toBe('\ufffda'),
  },
  {
    name: 'has a 204 with a body',
    onRequest: say('HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\nhello'),
    answers: (r) => expect([r.status, r.text]).toEqual([204, '']),
  },
  {
    name: 'sends an answer more than it was asked',
    onRequest: keep(ok('one') + ok('two')),
    answers: (r) => expect(r.text).toBe('one'),
  },
  // ------------------------------------------------------------------------------------------ redirects
  ...['http://169.254.169.254/latest/meta-data', 'https://10.0.0.1/', 'file:///etc/passwd', '//[::1]/', '/same'].map(
    (location): Fault => ({
      name: `redirects to ${location}`,
      onRequest: keep(`HTTP/1.1 302 Found\r\nlocation: ${location}\r\ncontent-length: 0\r\n\r\n`),
      answers: (r) => expect([r.status, r.headers.location]).toEqual([302, location]),
    }),
  ),
  {
    name: 'redirects with a 307, body and all',
    onRequest: keep('HTTP/1.1 307 Temporary\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 2\r\n\r\nhi'),
    answers: (r) => expect([r.status, r.text]).toEqual([307, 'hi']),
  },
]

/** Of this process, those of the servers included. */
const sockets = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length

const unhandled: unknown[] = []
const onUnhandled = (reason: unknown): void => void unhandled.push(reason)

beforeAll(() => {
  process.on('unhandledRejection', onUnhandled)
  process.on('uncaughtException', onUnhandled)
})
afterAll(() => {
  process.off('unhandledRejection', onUnhandled)
  process.off('uncaughtException', onUnhandled)
})

describe.each([
  ['undiciHttp', undiciHttp],
  ['fetchHttp', fetchHttp],
] as const)('%s, when the destination', (_, make: (options: HttpOptions) => HttpPort) => {
  it('listens nowhere, says so', async () => {
    const server = await rawServer({})
    await server.close()
    const result = await outcome(make, { name: '' }, server)
    expect(result).toMatchObject({ code: 'connection_refused', written: false })
  })

  it.each(faults)('$name, answers or fails as it should', async (fault) => {
    const server = await rawServer(fault, fault.certificate)
    try {
      const result = await outcome(make, fault, server)
      if (fault.answers !== undefined) {
        if (isHttpError(result)) throw result
        fault.answers(result)
      } else {
        if (!isHttpError(result)) throw new Error(`answered ${result.status}`)
        expect(fault.fails).toContain(result.code)
        if (fault.written !== undefined) expect(fault.written).toContain(result.written)
        expect(Object.keys(result).sort()).toEqual(['code', 'name', 'written'])
        expect(result.cause).toBeUndefined()
        expect(`${result.message} ${result.stack}`).not.toMatch(/topsecret|127\.0\.0\.1|receiver\.example/)
      }
      await expect.poll(() => (fault.deaf === true ? sockets() - server.open : server.open)).toBe(0)
    } finally {
      await server.close()
    }
  })
})

it('does all of it side by side in a process of its own, and leaves no memory or rejection behind', async () => {
  expect(faults.length).toBeGreaterThanOrEqual(60)
  const single = faults.filter((fault) => fault.requests === undefined)
  const servers = await Promise.all(single.map((fault) => rawServer(fault, fault.certificate)))
  const jobs = single.map((fault, i): FaultJob => {
    return { url: urlOf(fault, servers[i]), bytes: fault.body?.byteLength ?? 20, deadlineMs: deadlineMs(fault) }
  })
  // A small nursery and one arena: what is measured is what is kept, not what waits to be collected.
  const client = fork(fileURLToPath(new URL('./support/fault-client.ts', import.meta.url)), {
    execArgv: ['--expose-gc', '--max-semi-space-size=1'],
    env: { ...process.env, MALLOC_ARENA_MAX: '1' },
  })
  try {
    client.send({ jobs, ca: authority.cert })
    const report: FaultReport = (await once(client, 'message'))[0]
    const expected = single.map((fault) => `${fault.name}: ${fault.answers === undefined ? 'fails' : 'answers'}`)
    const seen = report.results.map((result, i) => {
      return `${single[i % single.length]?.name}: ${result === 'answered' ? 'answers' : 'fails'}`
    })
    expect(seen).toEqual([...expected, ...expected])
    expect(report.unhandled).toEqual([])
    expect(report.grewBytes / (1 << 20)).toBeLessThan(32)
  } finally {
    client.kill()
    await Promise.all(servers.map((server) => server.close()))
  }
  expect(unhandled).toEqual([])
})

/** Short where the deadline is what ends it. */
function deadlineMs({ fails }: Fault): number {
  return fails?.includes('timeout') === true ? 400 : 5_000
}

function urlOf(fault: Fault, server: RawServer | undefined): string {
  const scheme = fault.scheme ?? (fault.certificate === undefined ? 'http' : 'https')
  return `${scheme}://${fault.host ?? '127.0.0.1'}:${server?.port}/topsecret?sig=topsecret`
}

async function outcome(
  make: (options: HttpOptions) => HttpPort,
  fault: Fault,
  server: RawServer,
): Promise<HttpError | HttpResponse> {
  const http = make({
    allow: [{ cidr: '127.0.0.0/8', plainHttp: true }],
    lookup: async () => [{ address: '127.0.0.1', family: 4 }],
    ca: authority.cert,
  })
  const request = () =>
    http.request({
      method: 'POST',
      url: urlOf(fault, server),
      headers: { 'content-type': 'application/json', authorization: 'Bearer topsecret' },
      body: fault.body ?? '{"secret":"topsecret"}',
      deadlineAt: Date.now() + deadlineMs(fault),
    })
  let guard: NodeJS.Timeout | undefined
  const stuck = new Promise<never>((_, reject) => {
    guard = setTimeout(
      () => reject(new Error('did not settle')),
      (fault.requests ?? 1) * (deadlineMs(fault) + GUARD_MS),
    )
  })
  try {
    for (let i = 1; i < (fault.requests ?? 1); i++) {
      await Promise.race([request(), stuck])
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    return await Promise.race([request(), stuck])
  } catch (error) {
    if (isHttpError(error)) return error
    throw error
  } finally {
    clearTimeout(guard)
    await http.close()
  }
}
