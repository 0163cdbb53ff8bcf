import { getResponse, type HttpHandler, HttpResponse, http } from 'msw'
import { invalidInput } from '../../errors.ts'
import { createFaults, type FailOptions, type Fault, type Faults } from './faults.ts'
import { type Loopback, startLoopback } from './loopback.ts'
import { createRateLimiter, type RateLimit, type RateLimiter } from './rate-limiter.ts'

/** One request that arrived, with what it was answered. */
export interface FakeRequest<Operation extends string = string> {
  readonly operation: Operation
  readonly method: string
  /** Of the real service, query included. */
  readonly url: string
  /** HTTP status of the answer; 0: the connection broke off. */
  readonly status: number
  /** The service's own word where it refused. */
  readonly error?: string
  /** Epoch ms. */
  readonly at: number
}

/** What all fakes have. */
export interface Fake<Received, Failure, Operation extends string, Listening extends Loopback> {
  /** For plain `setupServer(...fake.handlers)`, which sees global fetch: give the dispatcher `fetchHttp()`. */
  readonly handlers: readonly HttpHandler[]
  /** What was accepted, oldest first: the same list all the time. */
  readonly received: readonly Received[]
  /** Every request with its answer, oldest first: the same list all the time. */
  readonly requests: readonly FakeRequest<Operation>[]
  /** Orders failures, which come before all checks. @throws SignalboxError `invalid_input` for options that break a rule */
  fail(failure: Failure, options?: FailOptions<Operation>): void
  /** Limits messages a destination: 1 a second where nothing is said. `false`: no limit. @default false */
  rateLimit(limit?: RateLimit | false): void
  /** Everything as it was created; what `received` and `requests` hold is dropped. */
  reset(): void
  /**
   * The same fake on 127.0.0.1, for `undiciHttp` and for other processes.
   *
   * @example
   * const listening = await slack.listen()
   * const dispatcher = createDispatcher({
   *   store: memoryStore(),
   *   transports: [slackTransport(listening.options)],
   *   egress: listening.egress,
   * })
   */
  listen(): Promise<Listening>
}

/** A request as the services' own code sees it. */
export interface Call {
  readonly method: string
  /** Of the real service. */
  readonly url: URL
  readonly headers: Headers
  readonly bytes: Uint8Array
  /** `bytes` as UTF-8. */
  readonly text: string
  /** Epoch ms. */
  readonly at: number
  /** A URL of the service as this client reaches it: for URLs in answers. */
  link(url: string): string
}

/** An answer as data. At most one of `json` and `text`; status 0 breaks the connection off. */
export interface Reply {
  readonly status: number
  readonly json?: unknown
  readonly text?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly error?: string
}

export interface FakeParts<Failure, Operation extends string> {
  /** msw patterns of all that the fake answers. */
  readonly patterns: readonly (string | RegExp)[]
  readonly now: () => number
  /** The real origin of a path on the loopback server. */
  locate(path: string): string | undefined
  operation(call: Call): Operation
  isMessage(operation: Operation): boolean
  reply(call: Call, operation: Operation, limiter: RateLimiter): Reply | Promise<Reply>
  /** The answer that stands for a failure that was ordered. */
  failure(fault: Fault<Failure>, operation: Operation, call: Call): Reply
}

export interface FakeCore<Failure, Operation extends string> {
  readonly handlers: readonly HttpHandler[]
  readonly requests: readonly FakeRequest<Operation>[]
  readonly faults: Faults<Failure, Operation>
  readonly limiter: RateLimiter
  reset(): void
  listen(): Promise<Loopback>
}

/** The failure that every fake knows: the connection breaks off after the request was read. */
export const NETWORK_ERROR: Reply = { status: 0, error: 'network_error' }

/** A bare status, as gateways in front of a service answer. */
export function httpStatus(status: number): Reply {
  return { status, error: `http_${status}` }
}

/** What `fail` is given as a status. @throws SignalboxError `invalid_input` */
export function checkStatus(status: number): void {
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    throw invalidInput('failure', 'must be an HTTP status from 200 to 599, or a word of the service')
  }
}

/** What the fakes share: handlers, the log of requests, ordered failures, the loopback server. */
export function createFakeCore<Failure, Operation extends string>(
  parts: FakeParts<Failure, Operation>,
): FakeCore<Failure, Operation> {
  const requests: FakeRequest<Operation>[] = []
  const faults = createFaults<Failure, Operation>(parts.isMessage)
  const limiter = createRateLimiter()

  const handlersFor = (link: Call['link']): HttpHandler[] =>
    parts.patterns.map((pattern) => http.all(pattern, async ({ request }) => answer(request, link)))

  const answer = async (request: Request, link: Call['link']): Promise<HttpResponse<string>> => {
    const bytes = new Uint8Array(await request.arrayBuffer())
    const call: Call = {
      method: request.method,
      url: new URL(request.url),
      headers: request.headers,
      bytes,
      text: new TextDecoder().decode(bytes),
      at: parts.now(),
      link,
    }
    const operation = parts.operation(call)
    const fault = faults.take(operation)
    let reply: Reply | undefined
    if (fault === undefined || fault.afterPosting) reply = await parts.reply(call, operation, limiter)
    // what was refused anyway keeps its own reason
    if (fault !== undefined && reply?.error === undefined) reply = parts.failure(fault, operation, call)
    reply ??= NETWORK_ERROR
    const { status, error } = reply
    requests.push({
      operation,
      method: call.method,
      url: request.url,
      status,
      ...(error === undefined ? {} : { error }),
      at: call.at,
    })
    return toResponse(reply)
  }

  return {
    handlers: handlersFor((url) => url),
    requests,
    faults,
    limiter,
    reset() {
      requests.length = 0
      faults.clear()
      limiter.set(false)
    },
    listen: () =>
      startLoopback({
        locate: parts.locate,
        answer: (request, link) => getResponse(handlersFor(link), request),
      }),
  }
}

function toResponse({ status, json, text, headers }: Reply): HttpResponse<string> {
  if (status === 0) return HttpResponse.error()
  const type = json === undefined ? 'text/plain; charset=utf-8' : 'application/json; charset=utf-8'
  const body = json === undefined ? text : JSON.stringify(json)
  // statuses that can't have a body refuse one
  const empty = body === undefined || [204, 205, 304].includes(status)
  return new HttpResponse<string>(empty ? null : body, {
    status,
    headers: { ...(empty ? {} : { 'content-type': type }), ...headers },
  })
}
