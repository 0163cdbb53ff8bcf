import type { Dispatcher } from 'undici'
import type { HttpPort } from '../contracts/http.ts'
import { createPort, type Exchange, type HttpOptions, type PortInside } from './port.ts'
import { invalidStatus, joinedHeaders, MAX_INTERIM_RESPONSES, tooManyInterim } from './received.ts'
import { addChunk, type BodyStart, bodyStart, bodyText } from './response-text.ts'

/**
 * The default {@link HttpPort}, on undici: keep-alive per destination, nothing but HTTP/1.1, no redirects, no proxies
 * from the environment, no decompression.
 *
 * @throws SignalboxError `invalid_input` when the allow list is malformed.
 * @example
 * const http = undiciHttp()
 * const { status } = await http.request({
 *   method: 'POST', url: 'https://hooks.example.com/in', headers: { 'content-type': 'application/json' },
 *   body: '{}', deadlineAt: Date.now() + 10_000,
 * })
 * await http.close()
 */
export function undiciHttp(options: HttpOptions = {}): HttpPort {
  return createPort(options, (exchange, inside) => {
    const { request, url, headers } = exchange
    inside.guard.dispatcherOf(url.origin).dispatch(
      {
        origin: url.origin,
        path: url.path,
        method: request.method,
        headers,
        body: request.body ?? null,
        // The port keeps the deadline; undici's own timeouts are for single phases.
        headersTimeout: 0,
        bodyTimeout: 0,
      },
      handler(exchange, inside),
    )
  })
}

/** A body that is this much longer than what is kept is cheaper to leave, with its connection, than to read. */
const MAX_DISCARDED_BYTES = 65_536

function handler(exchange: Exchange, inside: PortInside): Dispatcher.DispatchHandler {
  let body = bodyStart(exchange.request.maxResponseBytes)
  let interim = 0
  let status = 0
  let headers: Readonly<Record<string, string>> = {}

  return {
    onRequestStart(controller) {
      // It waited for a connection longer than anyone waited for it.
      if (exchange.settled) return controller.abort(aborted())
      exchange.written = 'unknown'
      exchange.io = controller
    },
    onResponseStarted() {
      exchange.written = true
    },
    onResponseStart(controller, statusCode, received) {
      if (statusCode < 100 || statusCode > 599) {
        inside.fail(exchange, invalidStatus())
        return controller.abort(aborted())
      }
      if (statusCode < 200) {
        interim += 1
        if (interim <= MAX_INTERIM_RESPONSES) return
        inside.fail(exchange, tooManyInterim())
        return controller.abort(aborted())
      }
      status = statusCode
      headers = joinedHeaders(received)
    },
    onResponseData(controller, chunk) {
      if (addChunk(body, chunk) || exchange.settled) return
      const isShort = Number(headers['content-length']) <= body.maxBytes + MAX_DISCARDED_BYTES
      inside.succeed(exchange, { status, headers, text: bodyText(body), truncated: true }, isShort)
      if (!isShort) controller.abort(aborted())
    },
    onResponseEnd() {
      inside.succeed(exchange, { status, headers, text: bodyText(body), truncated: body.truncated }, false)
      // undici keeps finished requests in its queue for a while, and with them this handler
      body = NO_BODY
      headers = {}
    },
    onResponseError(_controller, error) {
      inside.fail(exchange, error)
    },
  }
}

const NO_BODY: BodyStart = { maxBytes: 0, chunks: [], size: 0, truncated: true }

function aborted(): Error {
  return new Error('aborted')
}
