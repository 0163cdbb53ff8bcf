import type { Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { type Certificate, certificateAuthority } from '../http/support/certificates.ts'

/** One way in which an endpoint fails, or answers with more than it should: all that was sent to it, wherever it can. */
export interface Fault {
  readonly name: string
  onConnect?(socket: Socket): void
  /** `request`: as it arrived. `secrets`: what the owner of the endpoint knows beside it. */
  onRequest?(socket: Socket, request: string, secrets: readonly string[]): void
  readonly certificate?: Certificate
  readonly scheme?: 'http' | 'https'
  readonly host?: string
  /** Nothing listens. */
  readonly closed?: boolean
}

type Compose = (request: string, secrets: readonly string[]) => string | Uint8Array

export const authority = certificateAuthority()

const end =
  (compose: Compose): NonNullable<Fault['onRequest']> =>
  (socket, request, secrets) => {
    const answer = compose(request, secrets)
    socket.end(typeof answer === 'string' ? Buffer.from(answer, 'latin1') : answer)
  }
/** Stays open. */
const keep =
  (compose: Compose): NonNullable<Fault['onRequest']> =>
  (socket, request, secrets) => {
    const answer = compose(request, secrets)
    socket.write(typeof answer === 'string' ? Buffer.from(answer, 'latin1') : answer)
  }
const every =
  (ms: number, start: string, compose: Compose): NonNullable<Fault['onRequest']> =>
  (socket, request, secrets) => {
    if (start !== '') socket.write(start)
    const timer = setInterval(() => socket.write(compose(request, secrets)), ms)
    socket.on('close', () => clearInterval(timer))
  }
/** As fast as the other side reads, for as long as it does. */
const flood =
  (start: string, compose: Compose): NonNullable<Fault['onRequest']> =>
  (socket, request, secrets) => {
    const chunk = compose(request, secrets)
    socket.write(start)
    const more = (): void => {
      while (!socket.destroyed && socket.write(chunk));
    }
    socket.on('drain', more)
    more()
  }

const all: Compose = (request, secrets) => `${request}\r\n${secrets.join('\r\n')}`
const line = (request: string, secrets: readonly string[]) => String(all(request, secrets)).replace(/[\r\n]+/g, ' ~ ')
const header = (request: string, name: string) => new RegExp(`^${name}: (.*)\r$`, 'im').exec(request)?.[1] ?? ''
const target = (request: string) => request.split(' ', 2)[1] ?? ''
const json = (value: unknown) => JSON.stringify(value)

const answer = (status: string, body: string | Uint8Array, headers = ''): string =>
  `HTTP/1.1 ${status}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${headers}\r\n${Buffer.from(body).toString('latin1')}`
const chunked = (rest: string) => `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${rest}`
const inChunk = (text: string) => `${Buffer.byteLength(text, 'latin1').toString(16)}\r\n${text}\r\n`
const echo = (status: string, headers = ''): Fault => ({
  name: `answers ${status} and repeats the request`,
  onRequest: end((request, secrets) =>
    answer(status, String(all(request, secrets)), `x-echo: ${line(request, secrets)}\r\n${headers}`),
  ),
})
const says = (
  name: string,
  status: string,
  compose: (request: string, secrets: readonly string[]) => string,
): Fault => ({
  name,
  onRequest: end((request, secrets) => answer(status, compose(request, secrets))),
})

const connecting: readonly Fault[] = [
  { name: 'listens nowhere', closed: true },
  { name: 'has a name that does not resolve', host: 'unknown.example.com' },
  { name: 'has a name that resolves to a private address', host: 'private.example.com' },
  { name: 'closes as soon as it accepted', onConnect: (s) => s.end() },
  { name: 'resets as soon as it accepted', onConnect: (s) => s.resetAndDestroy() },
  { name: 'accepts TCP and never shakes hands', scheme: 'https' },
  { name: 'closes in the TLS handshake', scheme: 'https', onConnect: (s) => s.once('data', () => s.end()) },
  {
    name: 'speaks plain HTTP where TLS is due',
    scheme: 'https',
    onConnect: (s) => s.once('data', () => s.end(answer('200 OK', 'hello'))),
  },
  { name: 'speaks TLS where plain HTTP is due', scheme: 'http', certificate: authority.issue({ ip: '127.0.0.1' }) },
  {
    name: 'has a certificate of an unknown authority',
    certificate: certificateAuthority().issue({ ip: '127.0.0.1' }),
  },
  { name: 'has a certificate for another address', certificate: authority.issue({ ip: '127.0.0.9' }) },
  {
    name: 'has a certificate for another name',
    certificate: authority.issue({ dns: 'other.example.com' }),
    host: 'receiver.example.com',
  },
  {
    name: 'has a certificate that has expired',
    certificate: authority.issue({ ip: '127.0.0.1', notAfter: new Date('2020-01-01') }),
  },
  {
    name: 'repeats the request over TLS',
    certificate: authority.issue({ ip: '127.0.0.1' }),
    onRequest: end((...x) => answer('500 No', String(all(...x)))),
  },
]

const beforeAnswer: readonly Fault[] = [
  { name: 'never answers', onRequest: () => {} },
  { name: 'closes after the request', onRequest: (s) => s.end() },
  { name: 'resets after the request', onRequest: (s) => s.resetAndDestroy() },
]

const statusLine: readonly Fault[] = [
  { name: 'answers no HTTP but the request', onRequest: end(all) },
  { name: 'answers HTTP/0.9 with the request', onRequest: end((...x) => `<html>${all(...x)}</html>`) },
  { name: 'answers an unknown version', onRequest: end((...x) => `HTTP/9.9 200 ${line(...x)}\r\n\r\n`) },
  { name: 'answers the request for a status', onRequest: end((...x) => `HTTP/1.1 ${line(...x)}\r\n\r\n`) },
  { name: 'answers status 99', onRequest: end((...x) => `HTTP/1.1 99 ${line(...x)}\r\n\r\n`) },
  { name: 'answers status 600', onRequest: end((...x) => answer(`600 ${line(...x)}`, '')) },
  { name: 'answers status 999', onRequest: end((...x) => answer(`999 ${line(...x)}`, '')) },
  { name: 'repeats the request in the status line', onRequest: end((...x) => answer(`500 ${line(...x)}`, '')) },
  { name: 'stops in the status line', onRequest: keep((...x) => `HTTP/1.1 200 ${line(...x)}`) },
  { name: 'closes in the status line', onRequest: end((...x) => `HTTP/1.1 200 ${line(...x)}`) },
  { name: 'has a status line without end', onRequest: flood('HTTP/1.1 200 ', line) },
  { name: 'sends 100 and nothing more', onRequest: keep(() => 'HTTP/1.1 100 Continue\r\n\r\n') },
  {
    name: 'sends 103 without end',
    onRequest: every(20, '', (...x) => `HTTP/1.1 103 Early Hints\r\nlink: <${line(...x)}>\r\n\r\n`),
  },
  { name: 'floods with 103', onRequest: flood('', (...x) => `HTTP/1.1 103 Hints\r\nlink: <${line(...x)}>\r\n\r\n`) },
  {
    name: 'upgrades without being asked',
    onRequest: keep((...x) => `HTTP/1.1 101 Switching\r\nupgrade: ${line(...x)}\r\nconnection: upgrade\r\n\r\n`),
  },
]

const headers: readonly Fault[] = [
  { name: 'stops in the headers', onRequest: keep((...x) => `HTTP/1.1 200 OK\r\nx-echo: ${line(...x)}\r\n`) },
  { name: 'closes in the headers', onRequest: end((...x) => `HTTP/1.1 200 OK\r\nx-echo: ${line(...x)}\r\n`) },
  { name: 'sends a header byte now and then', onRequest: every(100, 'HTTP/1.1 200 OK\r\n', () => 'x') },
  {
    name: 'has one huge header',
    onRequest: keep((...x) => answer('200 OK', '', `x-big: ${line(...x).repeat(100)}\r\n`)),
  },
  { name: 'has headers without end', onRequest: flood('HTTP/1.1 200 OK\r\n', (...x) => `x-more: ${line(...x)}\r\n`) },
  { name: 'has the request for a header', onRequest: end((...x) => `HTTP/1.1 200 OK\r\n${line(...x)}\r\n\r\n`) },
  { name: 'has a NUL in a header', onRequest: end((...x) => answer('200 OK', '', `x-a: \0${line(...x)}\r\n`)) },
  {
    name: 'has two lengths that differ',
    onRequest: end((...x) => `HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n${all(...x)}`),
  },
  {
    name: 'has the request for a length',
    onRequest: end((...x) => `HTTP/1.1 200 OK\r\ncontent-length: ${line(...x)}\r\n\r\nabc`),
  },
  {
    name: 'has the request for a Retry-After',
    onRequest: end((...x) => answer('503 No', '', `retry-after: ${line(...x)}\r\n`)),
  },
]

const bodies: readonly Fault[] = [
  {
    name: 'closes before the body is complete',
    onRequest: end((...x) => `HTTP/1.1 200 OK\r\ncontent-length: 90000\r\n\r\n${all(...x)}`),
  },
  {
    name: 'resets in the body',
    onRequest: (s, ...x) =>
      s.write(`HTTP/1.1 200 OK\r\ncontent-length: 90000\r\n\r\n${all(...x)}`, () =>
        setTimeout(() => s.resetAndDestroy(), 30),
      ),
  },
  {
    name: 'stops in the body',
    onRequest: keep((...x) => `HTTP/1.1 200 OK\r\ncontent-length: 90000\r\n\r\n${all(...x)}`),
  },
  {
    name: 'sends a body byte every 100 ms',
    onRequest: every(100, 'HTTP/1.1 200 OK\r\ncontent-length: 99999\r\n\r\n', () => 'x'),
  },
  { name: 'closes between chunks', onRequest: end((...x) => chunked(inChunk(String(all(...x))))) },
  { name: 'has the request for a chunk size', onRequest: end((...x) => chunked(`${line(...x)}\r\nabc\r\n0\r\n\r\n`)) },
  { name: 'has a chunk longer than it says', onRequest: end((...x) => chunked(`2\r\n${all(...x)}\r\n0\r\n\r\n`)) },
  { name: 'never ends its chunks', onRequest: keep((...x) => chunked(inChunk(String(all(...x))))) },
  { name: 'has a body without end', onRequest: flood('HTTP/1.1 500 No\r\n\r\n', all) },
  { name: 'has chunks without end', onRequest: flood(chunked(''), (...x) => inChunk(String(all(...x)))) },
  {
    name: 'repeats the request in gzip',
    onRequest: end((...x) => {
      const body = gzipSync(String(all(...x)))
      return Buffer.concat([
        Buffer.from(`HTTP/1.1 500 No\r\ncontent-encoding: gzip\r\ncontent-length: ${body.length}\r\n\r\n`),
        body,
      ])
    }),
  },
  {
    name: 'says gzip and repeats the request as it is',
    onRequest: end((...x) => answer('500 No', String(all(...x)), 'content-encoding: gzip\r\n')),
  },
  {
    name: 'repeats the request with invalid UTF-8',
    onRequest: end((...x) => Buffer.from(answer('500 No', `\xff${all(...x)}\xff`), 'latin1')),
  },
  { name: 'has a 204 with a body', onRequest: end((...x) => `HTTP/1.1 204 No Content\r\n\r\n${all(...x)}`) },
  {
    name: 'repeats the request in an answer more',
    onRequest: keep((...x) => answer('200 OK', 'one') + answer('500 No', String(all(...x)))),
  },
]

const statuses: readonly Fault[] = [
  echo('200 OK'),
  echo('202 Accepted'),
  echo('304 Not Modified'),
  echo('400 Bad Request'),
  echo('401 Unauthorized', 'www-authenticate: Bearer\r\n'),
  echo('403 Forbidden'),
  echo('404 Not Found'),
  echo('410 Gone'),
  echo('413 Too Large'),
  echo('429 Too Many Requests', 'retry-after: 0\r\n'),
  echo('500 No'),
  echo('502 Bad Gateway'),
  echo('503 Unavailable', 'retry-after: 120\r\n'),
  echo('504 Gateway Timeout'),
  ...['301', '302', '307', '308'].map(
    (status): Fault => ({
      name: `redirects with ${status} to a URL that has the request in it`,
      onRequest: end((request, secrets) =>
        answer(
          `${status} Moved`,
          String(all(request, secrets)),
          `location: http://127.0.0.1:9/?${encodeURIComponent(line(request, secrets))}\r\n`,
        ),
      ),
    }),
  ),
]

const spellings: readonly Fault[] = [
  says('repeats the request as JSON', '400 No', (...x) => json({ error: all(...x), request: x })),
  says('repeats the request URL-encoded', '400 No', (...x) => encodeURIComponent(String(all(...x)))),
  says('repeats the request in base64', '400 No', (...x) => Buffer.from(String(all(...x))).toString('base64')),
  says('repeats each header on its own', '400 No', (r) => json([header(r, 'authorization'), header(r, 'x-api-key')])),
  says('repeats its URL whole', '400 No', (r) => `POST http://${header(r, 'host')}${target(r)} failed`),
  says('repeats its path alone', '400 No', (r) => `cannot POST ${target(r)}`),
  says('repeats the parts of its path', '400 No', (r) => json(target(r).split(/[/?&=]/))),
  says('repeats a token without its scheme', '401 No', (r) => `not known: ${header(r, 'authorization').split(' ')[1]}`),
  says('repeats a password that was sent in base64', '401 No', (r) => {
    const [user, password] = Buffer.from(header(r, 'x-basic').split(' ')[1] ?? '', 'base64')
      .toString()
      .split(':')
    return `wrong password ${password} of the user ${user}`
  }),
  says('repeats a key where snippets are cut', '400 No', (r) => `${'x'.repeat(2_048 - 24)}${header(r, 'x-api-key')}`),
  says(
    'repeats an app key where snippets are cut',
    '400 No',
    (r) => `${'x'.repeat(2_048 - 24)}${header(r, 'x-app-key')}`,
  ),
  says(
    'repeats an app key where details are cut',
    '400 No',
    (r) => `${'x'.repeat(500 - 24 - 10)}${header(r, 'x-app-key')}`,
  ),
  says('repeats a key where bodies are cut', '400 No', (r) => `${'x'.repeat(16_384 - 24)}${header(r, 'x-api-key')}`),
  says('repeats an app key as its error word', '400 No', (r) => json({ error: header(r, 'x-app-key') })),
  says('repeats an app key as the id of the message', '200 OK', (r) => json({ id: header(r, 'x-app-key') })),
]

/** Those of `test/http/faults.test.ts`, made to repeat what they were sent, and more. */
export const faults: readonly Fault[] = [
  ...connecting,
  ...beforeAnswer,
  ...statusLine,
  ...headers,
  ...bodies,
  ...statuses,
  ...spellings,
]
