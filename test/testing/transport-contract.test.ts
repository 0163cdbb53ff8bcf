import { AssertionError } from 'node:assert/strict'
import { connect } from 'node:net'
import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { fetchHttp, httpError, undiciHttp } from '../../src/http/index.ts'
import type { HttpPort, HttpRequest, HttpResponse, Outcome, SendContext } from '../../src/index.ts'
import { createRecorder, transportContract } from '../../src/testing/index.ts'
import {
  KEY,
  type Parcel,
  type ParcelConfig,
  type ParcelTransport,
  parcelHarness,
  parcelTransport,
  textOf,
} from './parcel-transport.ts'

type Context = SendContext<ParcelConfig>
interface Fault {
  readonly fault: string
  /** The case that has to notice, without the port. */
  readonly noticed: string
  /** What it says. */
  readonly words: RegExp
  readonly change: (own: ParcelTransport) => Partial<ParcelTransport>
}

const LOOPBACK = { allow: [{ cidr: '127.0.0.0/8', plainHttp: true }] }
const cases = (
  transport: ParcelTransport,
  http: Record<string, () => HttpPort> = { port: () => undiciHttp(LOOPBACK) },
) => transportContract({ ...parcelHarness, transport, http })

/** Sends through a port that behaves in another way. */
const over =
  (change: (http: HttpPort, context: Context) => (request: HttpRequest) => Promise<HttpResponse>) =>
  (own: ParcelTransport): Partial<ParcelTransport> => ({
    send: (parcel, context) =>
      own.send(parcel, { ...context, http: { ...context.http, request: change(context.http, context) } }),
  })

/** Reports something else than what happened. */
const reporting =
  (change: (outcome: Outcome, context: Context, parcel: Parcel) => unknown) =>
  (own: ParcelTransport): Partial<ParcelTransport> => ({
    send: async (parcel, context) => change(await own.send(parcel, context), context, parcel) as Outcome,
  })

const building =
  (change: (...args: [...Parameters<ParcelTransport['build']>, Parcel]) => object) =>
  (own: ParcelTransport): Partial<ParcelTransport> => ({
    build(message, connection) {
      const parcel = own.build(message, connection)
      return parcel && { body: JSON.stringify(change(message, connection, parcel)) }
    },
  })

const parsing =
  (validate: (value: unknown, own: ParcelTransport) => unknown) =>
  (own: ParcelTransport): Partial<ParcelTransport> => ({
    config: { '~standard': { version: 1, vendor: 'test', validate: (value) => validate(value, own) as never } },
  })

const ANSWER: HttpResponse = { status: 200, headers: {}, text: '{"id":"p_1"}', truncated: false }

const faults: readonly Fault[] = [
  // ------------------------------------------------------------------------------------------- config
  {
    fault: 'has a name that no dispatcher takes',
    noticed: 'config: a dispatcher takes the transport with its name, pace, deadline and retry policy',
    words: /name/,
    change: () => ({ name: 'My parcels' as never }),
  },
  {
    fault: 'has a retry policy that breaks a rule',
    noticed: 'config: a dispatcher takes the transport with its name, pace, deadline and retry policy',
    words: /jitter/,
    change: () => ({ retry: { jitter: 2 } }),
  },
  {
    fault: 'has a pace of nothing',
    noticed: 'config: a dispatcher takes the transport with its name, pace, deadline and retry policy',
    words: /perSecond/,
    change: () => ({ pace: { perSecond: 0, burst: 1 } }),
  },
  {
    fault: 'refuses the config that it stored',
    noticed: 'config: the schema accepts its own output and leaves it as it is, and so does JSON',
    words: /refuses its own output/,
    change: parsing(async (value, own) => {
      if (typeof value === 'object' && value !== null && 'stored' in value) return { issues: [{ message: 'unknown' }] }
      const result = await own.config['~standard'].validate(value)
      return result.issues ? result : { value: { ...result.value, stored: true } }
    }),
  },
  {
    fault: 'changes a config each time that it parses it',
    noticed: 'config: the schema accepts its own output and leaves it as it is, and so does JSON',
    words: /drift/,
    change: parsing(async (value, own) => {
      const result = await own.config['~standard'].validate(value)
      return result.issues ? result : { value: { ...result.value, room: `#${result.value.room}` } }
    }),
  },
  {
    fault: 'keeps what JSON does not',
    noticed: 'config: the schema accepts its own output and leaves it as it is, and so does JSON',
    words: /JSON/,
    change: parsing(async (value, own) => {
      const result = await own.config['~standard'].validate(value)
      return result.issues ? result : { value: { ...result.value, room: new Date(0) } }
    }),
  },
  {
    fault: 'has a schema that throws',
    noticed: 'config: what is no config is refused with issues, not by throwing',
    words: /throws instead of answering issues/,
    change: parsing((value, own) => {
      if (value === null) throw new TypeError('url of null')
      return own.config['~standard'].validate(value)
    }),
  },
  {
    fault: 'takes anything as a config',
    noticed: 'config: what is no config is refused with issues, not by throwing',
    words: /accepts/,
    change: parsing((value) => ({ value })),
  },
  {
    fault: 'does without a field that it calls required',
    noticed: 'config: a valid config lacks nothing; without a required field it is refused or incomplete',
    words: /style/,
    change: (own) => ({ fields: own.fields.map((field) => ({ ...field, required: true })) }),
  },
  {
    fault: 'misses something in a config that is complete',
    noticed: 'config: a valid config lacks nothing; without a required field it is refused or incomplete',
    words: /missing\(\)/,
    change: () => ({ missing: () => ['a room'] }),
  },
  {
    fault: 'describes no field for a key of its config',
    noticed: 'config: fields describe every key, each once, with a label and what there is to choose from',
    words: /leave out/,
    change: (own) => ({ fields: own.fields.filter((field) => field.name !== 'room') }),
  },
  {
    fault: 'leaves out the options of a select field',
    noticed: 'config: fields describe every key, each once, with a label and what there is to choose from',
    words: /style has no options/,
    change: (own) => ({ fields: own.fields.map(({ options: _, ...field }) => field) }),
  },
  {
    fault: 'forgets to mark its key as secret',
    noticed: 'config: every secret is in a field that is marked secret',
    words: /not marked secret/,
    change: (own) => ({ fields: own.fields.map(({ secret: _, ...field }) => field) }),
  },
  {
    fault: 'shows the query of the URL',
    noticed: 'config: labels and descriptions are text that tells no secret',
    words: /what describe gives tells a secret/,
    change: () => ({ describe: ({ url }) => url }),
  },
  {
    fault: 'makes the key the label',
    noticed: 'config: labels and descriptions are text that tells no secret',
    words: /what defaultLabel gives tells a secret/,
    change: () => ({ defaultLabel: ({ key, room }) => `${room} (${key.toUpperCase()})` }),
  },
  // -------------------------------------------------------------------------------------------- build
  {
    fault: 'cannot build digests',
    noticed: 'build: every kind of message builds at once, whatever its text',
    words: /a digest/,
    change: (own) => ({
      build(message, connection) {
        if (message.kind === 'digest') throw new Error('not implemented')
        return own.build(message, connection)
      },
    }),
  },
  {
    fault: 'builds asynchronously',
    noticed: 'build: every kind of message builds at once, whatever its text',
    words: /asynchronous/,
    change: (own) => ({ build: (async (...args: Parameters<typeof own.build>) => own.build(...args)) as never }),
  },
  {
    fault: 'writes the present into its payload',
    noticed: 'build: the same message gives the same payload, at any time',
    words: /another payload/,
    change: building((message) => ({ text: textOf(message), at: new Date().toISOString().slice(0, 10) })),
  },
  {
    fault: 'makes up an id for each payload',
    noticed: 'build: the same message gives the same payload, at any time',
    words: /another payload/,
    change: building((message) => ({ text: textOf(message), id: crypto.randomUUID() })),
  },
  {
    fault: 'sorts the events of the digest that it was given',
    noticed: 'build: leaves the message and the connection as they are',
    words: /read only/,
    change: (own) => ({
      build(message, connection) {
        if (message.kind === 'digest') Reflect.apply(Array.prototype.reverse, message.events, [])
        return own.build(message, connection)
      },
    }),
  },
  {
    fault: 'puts its room into payloads that connections share',
    noticed: 'build: connections of equal variant share their payloads',
    words: /equal variant/,
    change: building((message, { config }) => ({ text: textOf(message), room: config.room })),
  },
  {
    fault: 'puts the label of the connection into payloads that connections share',
    noticed: 'build: connections of equal variant share their payloads',
    words: /equal variant/,
    change: building((message, { label }) => ({ text: textOf(message), label })),
  },
  // -------------------------------------------------------------------------------------------- sends
  {
    fault: 'goes around context.http',
    noticed: 'sends: a good exchange is delivered, by requests through context.http alone',
    words: /did not go through context.http/,
    change: over((_http) => async ({ url, method, headers, body }) => {
      const response = await fetch(url, { method, headers, body: String(body) })
      return { ...ANSWER, status: response.status, text: await response.text() }
    }),
  },
  {
    fault: 'reports a delivery without having sent anything',
    noticed: 'sends: a good exchange is delivered, by requests through context.http alone',
    words: /0 requests went through context.http, not 1/,
    change: over(() => async () => ANSWER),
  },
  {
    fault: 'sends twice',
    noticed: 'sends: a good exchange is delivered, by requests through context.http alone',
    words: /2 requests went through context.http, not 1/,
    change: over((http) => async (request) => {
      await http.request(request)
      return http.request(request)
    }),
  },
  {
    fault: 'has a deadline of its own',
    noticed: 'sends: a good exchange is delivered, by requests through context.http alone',
    words: /later deadline/,
    change: over((http) => (request) => http.request({ ...request, deadlineAt: request.deadlineAt + 60_000 })),
  },
  {
    fault: 'makes up an outcome code',
    noticed: 'sends: a good exchange is delivered, by requests through context.http alone',
    words: /the field code of a retry outcome/,
    change: reporting(() => ({ kind: 'retry', code: 'no_luck' })),
  },
  {
    fault: 'adds a field to the outcome',
    noticed: 'sends: a good exchange is delivered, by requests through context.http alone',
    words: /no field response/,
    change: reporting((outcome) => ({ ...outcome, response: ANSWER })),
  },
  {
    fault: 'answers a boolean',
    noticed: 'sends: a good exchange is delivered, by requests through context.http alone',
    words: /no outcome/,
    change: reporting((outcome) => outcome.kind === 'delivered'),
  },
  {
    fault: 'loses the receipt',
    noticed: 'sends: the receipt finds the message again',
    words: /receipt/,
    change: reporting(({ kind, status }) => ({ kind, status })),
  },
  {
    fault: 'cuts characters in two',
    noticed: 'sends: every kind of message arrives as well-formed text',
    words: /cut in two/,
    change: building((message) => ({ text: textOf(message)?.slice(0, 200) })),
  },
  {
    fault: 'writes JSON by hand',
    noticed: 'sends: every kind of message arrives as well-formed text',
    words: /no JSON/,
    change: (own) => ({
      build: (message, connection) => own.build(message, connection) && { body: `{"text":"${textOf(message)}"}` },
    }),
  },
  {
    fault: 'rejects long messages instead of cutting them',
    noticed: 'sends: every kind of message arrives as well-formed text',
    words: /100 kB is neither delivered/,
    change: (own) => ({
      build: (message) => ({ body: JSON.stringify({ text: textOf(message) }) }),
      send: async (parcel, context) =>
        (parcel?.body.length ?? 0) > 50_000
          ? { kind: 'rejected', code: 'payload_too_large' }
          : own.send(parcel, context),
    }),
  },
  {
    fault: 'signs something else than what it sends',
    noticed: 'sends: each signature scheme verifies what arrives',
    words: /does not verify/,
    change: over((http) => (request) => http.request({ ...request, body: `${request.body}\n` })),
  },
  {
    fault: 'signs the id of the delivery for that of the message',
    noticed: 'sends: each signature scheme verifies what arrives',
    words: /another message id/,
    change: (own) => ({ send: (parcel, context) => own.send(parcel, { ...context, messageId: context.deliveryId }) }),
  },
  {
    fault: 'puts the token into the URL',
    noticed: 'sends: the token travels in a header, never in the URL',
    words: /in the URL/,
    change: over(
      (http, { token }) =>
        (request) =>
          http.request({ ...request, url: `${request.url}&token=${token}` }),
    ),
  },
  {
    fault: 'does not present the token',
    noticed: 'sends: the token travels in a header, never in the URL',
    words: /no header/,
    change: over((http) => (request) => http.request({ ...request, headers: {} })),
  },
  {
    fault: 'sends without a token',
    noticed: 'sends: without a token the outcome is reauthorize, and nothing is sent',
    words: /the outcome is/,
    change: (own) => ({ send: (parcel, context) => own.send(parcel, { token: 'none', ...context }) }),
  },
  {
    fault: 'sends what it does not support',
    noticed: 'sends: a message that is not supported is rejected as unsupported_message, and nothing is sent',
    words: /the outcome is delivered/,
    change: (own) => ({ build: (message, connection) => own.build(message, connection) ?? { body: '{}' } }),
  },
  // ------------------------------------------------------------------------------------------ answers
  {
    fault: 'ignores Retry-After',
    noticed: 'answers: 429 is tried again when Retry-After says: seconds, fractions, or an HTTP date',
    words: /is not read/,
    change: over((http) => async (request) => ({ ...(await http.request(request)), headers: {} })),
  },
  {
    fault: 'reads Retry-After as a whole number of seconds only',
    noticed: 'answers: 429 is tried again when Retry-After says: seconds, fractions, or an HTTP date',
    words: /1\.5 is not read/,
    change: over((http) => async (request) => {
      const response = await http.request(request)
      const after = String(Number.parseInt(response.headers['retry-after'] ?? '0', 10))
      return { ...response, headers: { 'retry-after': after } }
    }),
  },
  {
    fault: 'waits for ever when Retry-After is no number',
    noticed: 'answers: 429 without a Retry-After that can be read is tried again',
    words: /retryAfterMs/,
    change: reporting((outcome) => (outcome.status === 429 ? { ...outcome, retryAfterMs: Number('soon') } : outcome)),
  },
  {
    fault: 'tries again by itself',
    noticed: 'answers: 5xx is tried again, by the dispatcher and not by the transport',
    words: /after 500 the transport tried again/,
    change: over((http) => async (request) => {
      const response = await http.request(request)
      return response.status < 500 ? response : http.request(request)
    }),
  },
  {
    fault: 'gives up when the service is down',
    noticed: 'answers: 5xx is tried again, by the dispatcher and not by the transport',
    words: /500 is rejected/,
    change: reporting((outcome) =>
      (outcome.status ?? 0) >= 500 ? { kind: 'rejected', code: 'http_5xx', status: outcome.status } : outcome,
    ),
  },
  {
    fault: 'expects every error to be JSON',
    noticed: 'answers: 4xx is a failure that is told, with any body',
    words: /the transport threw SyntaxError/,
    change: over((http) => async (request) => {
      const response = await http.request(request)
      if (response.status >= 400) JSON.parse(response.text)
      return response
    }),
  },
  {
    fault: 'counts a client error as delivered',
    noticed: 'answers: 4xx is a failure that is told, with any body',
    words: /409 counts as delivered/,
    change: reporting((outcome) => (outcome.status === 409 ? { kind: 'delivered', status: 409 } : outcome)),
  },
  {
    fault: 'follows redirects',
    noticed: 'answers: a redirect is not followed, and delivers nothing',
    words: /was followed/,
    change: over((http) => async (request) => {
      const response = await http.request(request)
      const { location } = response.headers
      return location === undefined ? response : http.request({ ...request, url: location })
    }),
  },
  {
    fault: 'counts a redirect as delivered',
    noticed: 'answers: a redirect is not followed, and delivers nothing',
    words: /counts as delivered/,
    change: over((http) => async (request) => {
      const response = await http.request(request)
      return response.status < 400 ? ANSWER : response
    }),
  },
  {
    fault: 'trusts what the service answers',
    noticed: 'answers: 200 with a body that nobody expects is an outcome like any other',
    words: /the transport threw/,
    change: over((http) => async (request) => {
      const response = await http.request(request)
      if (response.status === 200) JSON.parse(response.text).id.trim()
      return response
    }),
  },
  {
    fault: 'hands on a receipt that is no text',
    noticed: 'answers: 200 with a body that nobody expects is an outcome like any other',
    words: /receipt/,
    change: reporting((outcome) =>
      outcome.snippet === '{"id":{}}' ? { kind: 'delivered', receipt: JSON.parse(outcome.snippet) } : outcome,
    ),
  },
  {
    fault: 'cuts what the service answered',
    noticed: 'answers: what the service says is handed over whole, or not at all',
    words: /the snippet of an outcome was cut/,
    change: reporting(({ snippet, ...outcome }) => ({ ...outcome, snippet: (snippet ?? '').slice(0, 500) })),
  },
  {
    fault: 'goes on trying where nobody is left',
    noticed: 'answers: a destination that no longer exists is gone',
    words: /410 is retry/,
    change: reporting((outcome) => (outcome.kind === 'gone' ? { ...outcome, kind: 'retry' } : outcome)),
  },
  {
    fault: 'goes on trying with dead credentials',
    noticed: 'answers: credentials that are dead are reauthorize',
    words: /401 revoked is retry/,
    change: reporting((outcome) => (outcome.kind === 'reauthorize' ? { ...outcome, kind: 'retry' } : outcome)),
  },
  {
    fault: 'goes on trying what is never taken',
    noticed: 'answers: a message that is never taken is rejected',
    words: /400 is retry/,
    change: reporting((outcome) => (outcome.kind === 'rejected' ? { ...outcome, kind: 'retry' } : outcome)),
  },
  {
    fault: 'takes an expired token for a revoked one',
    noticed: 'answers: an expired token is retry with token_expired, so that a new one is fetched',
    words: /401 expired is reauthorize/,
    change: reporting((outcome) =>
      outcome.kind === 'retry' && outcome.code === 'token_expired' ? { ...outcome, kind: 'reauthorize' } : outcome,
    ),
  },
  // ------------------------------------------------------------------------------------------ network
  {
    fault: 'throws what the network threw',
    noticed: 'network: a refused connection is tried again, and nothing can have arrived',
    words: /the transport threw .*refused/,
    change: over((http) => async (request) => {
      try {
        return await http.request(request)
      } catch (error) {
        throw new Error(String(error))
      }
    }),
  },
  {
    fault: 'calls every failure ambiguous',
    noticed: 'network: a refused connection is tried again, and nothing can have arrived',
    words: /called ambiguous/,
    change: reporting((outcome) => (outcome.kind === 'retry' ? { ...outcome, ambiguous: true } : outcome)),
  },
  {
    fault: 'tells the URL when it cannot be reached',
    noticed: 'network: a refused connection is tried again, and nothing can have arrived',
    words: /an outcome tells a secret/,
    change: reporting((outcome, { connection }) => ({ ...outcome, detail: `cannot reach ${connection.config.url}` })),
  },
  {
    fault: 'calls no failure ambiguous',
    noticed: 'network: a connection that breaks before the answer is tried again, and is ambiguous',
    words: /not called ambiguous/,
    change: reporting((outcome) => (outcome.kind === 'retry' ? { ...outcome, ambiguous: false } : outcome)),
  },
  {
    fault: 'sends again what may have arrived',
    noticed: 'network: a connection that breaks before the answer is tried again, and is ambiguous',
    words: /tried again/,
    change: over((http) => (request) => http.request(request).catch(() => http.request(request))),
  },
  {
    fault: 'gives up on an answer that it cannot read',
    noticed: 'network: an answer that is no HTTP is tried again, and is ambiguous',
    words: /SSH is rejected/,
    change: reporting((outcome) =>
      outcome.kind === 'retry' && outcome.code === 'invalid_response'
        ? { kind: 'rejected', code: 'invalid_response' }
        : outcome,
    ),
  },
  {
    fault: 'takes no answer for a good one',
    noticed: 'network: endless headers end the exchange as a failure',
    words: /counts as delivered/,
    change: over((http) => (request) => http.request(request).catch(() => ANSWER)),
  },
  {
    fault: 'leaves a connection open',
    noticed: 'network: of an endless body the beginning is read, and the connection is closed',
    words: /left open/,
    change: over(() => ({ url, body = '' }) => {
      const { host, hostname, port } = new URL(url)
      const socket = connect(Number(port), hostname)
      socket.on('error', () => {})
      socket.write(`POST / HTTP/1.1\r\nhost: ${host}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
      return new Promise((resolve) =>
        socket.once('data', () => {
          socket.pause()
          resolve(ANSWER)
        }),
      )
    }),
  },
  {
    fault: 'waits for ever',
    noticed: 'network: a service that never answers is a timeout by deadlineAt, and the connection is closed',
    words: /did not end by context.deadlineAt/,
    change: over((http) => (request) => http.request(request).catch(() => new Promise<never>(() => {}))),
  },
  {
    fault: 'reports a deadline as something else',
    noticed: 'network: a service that stops in the middle is a timeout by deadlineAt, and the connection is closed',
    words: /not a timeout/,
    change: reporting((outcome) =>
      outcome.kind === 'retry' && outcome.code === 'timeout' ? { ...outcome, code: 'network_error' } : outcome,
    ),
  },
  {
    fault: 'does not hand the signal on',
    noticed: 'network: with a signal that was aborted nothing is sent',
    words: /this one answered delivered/,
    change: over(
      (http) =>
        ({ signal: _, ...request }) =>
          http.request(request),
    ),
  },
  {
    fault: 'reports an abort as an outcome',
    noticed: 'network: an abort ends the exchange with signal.reason, and closes the connection',
    words: /this one answered retry/,
    change: over(
      (http) => (request) =>
        http.request(request).catch(() => {
          throw httpError({ code: 'cancelled', written: 'unknown', message: 'aborted' })
        }),
    ),
  },
  {
    fault: 'wraps the reason of an abort',
    noticed: 'network: an abort ends the exchange with signal.reason, and closes the connection',
    words: /another error than signal.reason/,
    change: over(
      (http) => (request) =>
        http.request(request).catch((cause: unknown) => {
          throw new Error('aborted', { cause })
        }),
    ),
  },
  // --------------------------------------------------------------------------------------- dispatched
  {
    fault: 'needs more than a dispatcher gives',
    noticed: 'dispatched: a connection is made, an event delivered, and neither tells a secret',
    words: /refuses the transport/,
    change: () => ({
      uniqueKey: ({ metadata }) => {
        if (metadata === undefined) throw new Error('no metadata')
        return String(metadata.room)
      },
    }),
  },
  {
    fault: 'spells what the service answers in another way, so that no secret is recognised',
    noticed: 'dispatched: no secret is recorded when the service repeats the request in its answer',
    words: /repeats the request tells a secret/,
    change: reporting((outcome) => ({ ...outcome, snippet: outcome.snippet?.toUpperCase() ?? '' })),
  },
]

async function noticedBy(transport: ParcelTransport, name: string): Promise<unknown> {
  const found = cases(transport).find((one) => one.name === name || one.name === `${name} (port)`)
  if (found === undefined) throw new Error(`there is no case "${name}"`)
  return found.run().then(
    () => undefined,
    (error: unknown) => error,
  )
}

describe('the transport contract', () => {
  it.each(faults)('notices a transport that $fault', async ({ noticed, words, change }) => {
    const own = parcelTransport()
    const error = await noticedBy({ ...own, ...change(own) }, noticed)
    expect(error).toBeInstanceOf(AssertionError)
    expect(error).toHaveProperty('message', expect.stringMatching(words))
  })

  it('does not print the secrets that it finds', async () => {
    const tellers = faults.filter(({ words }) => words.source.includes('tells a secret'))
    expect(tellers.length).toBeGreaterThan(2)
    for (const { noticed, change } of tellers) {
      const own = parcelTransport()
      const error = await noticedBy({ ...own, ...change(own) }, noticed)
      expect(inspect(error).toLowerCase()).not.toContain(KEY)
    }
  })

  it('has no case that cannot fail', () => {
    const names = cases(parcelTransport()).map(({ name }) => name.replace(' (port)', ''))
    expect(names.filter((name) => !faults.some(({ noticed }) => noticed === name))).toEqual([])
  })

  it('names every case once, and those with requests once for each port', () => {
    const names = transportContract({ ...parcelHarness, transport: parcelTransport() }).map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
    expect(names.filter((name) => name.endsWith(' (undiciHttp)'))).toHaveLength(
      names.filter((name) => name.endsWith(' (fetchHttp)')).length,
    )
  })

  it('leads every request to its own service, whatever host it names', async () => {
    const harness = {
      ...parcelHarness,
      transport: parcelTransport(),
      config: () => ({ url: 'https://parcels.invalid/in', room: 'R1', key: KEY }),
      http: { fetch: () => fetchHttp(LOOPBACK) },
    }
    const sending = transportContract(harness).filter(({ name }) => name.startsWith('sends: a good exchange'))
    expect(sending).toHaveLength(1)
    for (const { run } of sending) await run()
  })

  it('says why it skips a case, and does nothing then', async () => {
    const transport = createRecorder().transport('crm')
    const skipped = transportContract({ transport, config: () => ({}), success: () => ({}) }).filter(
      ({ skip }) => skip !== undefined,
    )
    expect(skipped.map(({ skip }) => skip)).toContain('needs harness.gone')
    expect(skipped.map(({ skip }) => skip)).toContain('the transport has no provider')
    for (const { run } of skipped) await run()
  })

  it('does not let a harness hide a promise of the transport', async () => {
    const { token: _t, ...noToken } = parcelHarness
    const { otherConfig: _o, ...noOther } = parcelHarness
    const transport = parcelTransport()
    const { provider: _p, ...noProvider } = transport
    const first = (harness: Parameters<typeof transportContract<never>>[0] | object) =>
      transportContract(harness as never)[0]?.run()
    await expect(first({ ...noToken, transport })).rejects.toThrow('needs harness.token')
    await expect(first({ ...noOther, transport })).rejects.toThrow('needs harness.otherConfig')
    await expect(first({ ...parcelHarness, transport, signingSecrets: [] })).rejects.toThrow('signingSecrets')
    await expect(first({ ...parcelHarness, transport: noProvider })).rejects.toThrow('names no provider')
  })
})

describe('a transport that keeps all of its promises', () => {
  for (const { name, skip, run } of transportContract({ ...parcelHarness, transport: parcelTransport() })) {
    it(name, async () => {
      expect(skip).toBeUndefined()
      await run()
    })
  }
})
