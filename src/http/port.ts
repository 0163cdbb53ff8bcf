import type { Clock } from '../contracts/clock.ts'
import type { HttpPort, HttpRequest, HttpResponse } from '../contracts/http.ts'
import { invalidInput, isSignalboxError } from '../errors.ts'
import { systemClock } from '../runtime/clock.ts'
import { createDeadlines, type Deadline } from '../runtime/deadlines.ts'
import type { CheckedUrl } from './check-url.ts'
import { toHttpError } from './error-map.ts'
import { createGuard, type EgressGuardOptions, type InternalGuard } from './guard.ts'
import { type HttpError, httpError } from './http-error.ts'
import { outgoingHeaders } from './outgoing.ts'

export interface HttpOptions extends EgressGuardOptions {
  /** What deadlines are measured on: the dispatcher's, where that has one of its own. @default the system's clock */
  readonly clock?: Clock
  /** Sent when a request names no `user-agent`; `false`: none. @default 'signalbox' */
  readonly userAgent?: string | false
}

/** One exchange, as the part that does the I/O sees it. It ends it by `succeed` or `fail`, once. */
export interface Exchange {
  readonly request: HttpRequest
  readonly url: CheckedUrl
  /** Names and values in turn. */
  headers: string[]
  /** Whether the request was written, as far as is known: kept up to date by the part that does the I/O. */
  written: boolean | 'unknown'
  /** Nobody waits any more: a request that has not started must not start. */
  settled: boolean
  /**
   * The I/O, set by the part that does it once there is something to end. Not a function that ends it: such a function
   * for each exchange, kept here, had V8 (13.6) keep all finished exchanges until a full collection.
   */
  io: { abort(reason: Error): void } | undefined
  /** The caller's, until it has its answer: a finished exchange must not keep alive what waited for it. */
  resolve: ((response: HttpResponse) => void) | undefined
  reject: ((reason: unknown) => void) | undefined
  deadline: Deadline<Exchange> | undefined
}

/** What the part that does the I/O is given. */
export interface PortInside {
  readonly guard: InternalGuard
  /** `discarding`: the rest of the body is still read, until `fail` or a second `succeed`, by the deadline at most. */
  succeed(exchange: Exchange, response: HttpResponse, discarding: boolean): void
  /** Rejects with the {@link HttpError} that stands for `error`. */
  fail(exchange: Exchange, error: unknown): void
}

/**
 * What both ports share: the guard, the deadline, the abort and the errors. `send` does the I/O; that the caller gets an
 * answer in time does not depend on it.
 */
export function createPort(options: HttpOptions, send: (exchange: Exchange, inside: PortInside) => void): HttpPort {
  const guard = createGuard(options)
  const clock = options.clock ?? systemClock()
  const userAgent = checkedUserAgent(options.userAgent ?? 'signalbox')
  const parse = remembered(guard.parse)
  const listened = new WeakSet<AbortSignal>()
  const open = createDeadlines<Exchange>(clock, (exchange) => cut(exchange, timeout(exchange.written)))
  let closed = false

  const release = (exchange: Exchange): void => {
    if (exchange.deadline !== undefined) open.remove(exchange.deadline)
    exchange.deadline = undefined
    exchange.headers = []
  }

  const refuse = (exchange: Exchange, reason: unknown): void => {
    release(exchange)
    exchange.settled = true
    exchange.reject?.(reason)
    exchange.resolve = undefined
    exchange.reject = undefined
  }

  const cut = (exchange: Exchange, reason: unknown): void => {
    refuse(exchange, reason)
    exchange.io?.abort(new Error('aborted'))
    exchange.io = undefined
  }

  const inside: PortInside = {
    guard,
    succeed(exchange, response, discarding) {
      if (!discarding) {
        release(exchange)
        exchange.io = undefined
      }
      exchange.settled = true
      exchange.resolve?.(response)
      exchange.resolve = undefined
      exchange.reject = undefined
    },
    fail(exchange, error) {
      refuse(exchange, exchange.settled ? undefined : toHttpError(error, exchange.written))
    },
  }

  /** One listener a signal, however many requests wait on it: shutdown shares one signal among all of them. */
  const listen = (signal: AbortSignal): void => {
    if (listened.has(signal)) return
    listened.add(signal)
    const abortAll = (): void => {
      for (const exchange of open.items()) if (exchange.request.signal === signal) cut(exchange, signal.reason)
    }
    signal.addEventListener('abort', abortAll, { once: true })
  }

  const start = (
    request: HttpRequest,
    url: CheckedUrl,
    headers: string[],
    resolve: (response: HttpResponse) => void,
    reject: (reason: unknown) => void,
  ): void => {
    const exchange: Exchange = {
      request,
      url,
      headers,
      written: false,
      settled: false,
      io: undefined,
      resolve,
      reject,
      deadline: undefined,
    }
    exchange.deadline = open.add(request.deadlineAt, exchange)
    send(exchange, inside)
  }

  return {
    clock,
    check: guard.check,
    request(request) {
      return new Promise((resolve, reject) => {
        const { signal } = request
        if (signal !== undefined) {
          if (signal.aborted) return reject(signal.reason)
          listen(signal)
        }
        if (closed) return reject(closedError(false))
        if (!(request.deadlineAt > clock.now())) return reject(timeout(false))
        try {
          start(request, parse(request.url), outgoingHeaders(request, userAgent), resolve, reject)
        } catch (error) {
          reject(blockedUrl(error))
        }
      })
    },
    async close() {
      closed = true
      for (const exchange of open.items()) cut(exchange, closedError(exchange.written))
      await guard.close()
    },
  }
}

function checkedUserAgent(value: string | false): string | false {
  if (value === false || (typeof value === 'string' && /^[\x21-\x7e](?:[\x20-\x7e]{0,254}[\x21-\x7e])?$/.test(value)))
    return value
  throw invalidInput('userAgent', 'must be printable ASCII, or false')
}

function timeout(written: boolean | 'unknown'): HttpError {
  return httpError({ code: 'timeout', written, message: 'the exchange did not end by its deadline' })
}

function closedError(written: boolean | 'unknown'): HttpError {
  return httpError({ code: 'cancelled', written, message: 'the HTTP port was closed' })
}

function blockedUrl(error: unknown): unknown {
  if (!isSignalboxError(error, 'blocked_url')) return error
  return httpError({ code: 'blocked_url', written: false, message: error.message })
}

const REMEMBERED_URLS = 1_000

/** Checking is pure and the same few URLs come again and again; the least recently made entries go first. */
function remembered(parse: (url: string) => CheckedUrl): (url: string) => CheckedUrl {
  const known = new Map<string, CheckedUrl>()
  return (url) => {
    const hit = known.get(url)
    if (hit !== undefined) return hit
    const checked = parse(url)
    if (known.size >= REMEMBERED_URLS) for (const [oldest] of known) if (known.delete(oldest)) break
    known.set(url, checked)
    return checked
  }
}
