import { type Dispatcher, Dispatcher1Wrapper } from 'undici'
import type { HttpPort } from '../contracts/http.ts'
import { createPort, type Exchange, type HttpOptions, type PortInside } from './port.ts'
import {
  invalidStatus,
  joinedHeaders,
  MAX_INTERIM_RESPONSES,
  type ReceivedHeaders,
  tooManyInterim,
} from './received.ts'
import { addChunk, bodyStart, bodyText } from './response-text.ts'

/**
 * An {@link HttpPort} on `globalThis.fetch`, read at each call, for hosts whose tests replace fetch (msw's
 * `setupServer`, a spy). Same guard, limits and errors as `undiciHttp`, at several times its CPU a request; addresses
 * are guarded where the fetch is Node's own, URLs with any. Fetch refuses a few ports that `undiciHttp` does not (1, 22,
 * 25 …), with the code `blocked_url`.
 *
 * @throws SignalboxError `invalid_input` when the allow list is malformed.
 * @example
 * const dispatcher = createDispatcher({ http: fetchHttp(), … }) // with a fakeClock: fetchHttp({ clock })
 */
export function fetchHttp(options: HttpOptions = {}): HttpPort {
  return createPort(options, (exchange, inside) => {
    run(exchange, inside).catch((error: unknown) => inside.fail(exchange, error))
  })
}

/** The platform's own, with the option that its types leave to undici's. */
interface Init {
  method: string
  headers: [string, string][]
  redirect: 'manual'
  signal: AbortSignal
  dispatcher: unknown
  body?: Uint8Array
}

async function run(exchange: Exchange, inside: PortInside): Promise<void> {
  const { request, url, headers } = exchange
  const controller = new AbortController()
  let received: ReceivedHeaders | undefined
  const note = (headers: ReceivedHeaders): void => {
    received = headers
  }
  exchange.io = controller
  const init: Init = {
    method: request.method,
    headers: pairs(headers),
    redirect: 'manual',
    signal: controller.signal,
    // Fetch of Node 22 and 24 speaks an older dispatcher's language.
    dispatcher: new Dispatcher1Wrapper(
      inside.guard.agent.compose((dispatch) => observed(dispatch, exchange, inside, note)),
    ),
  }
  // As bytes: fetch gives a string a content type of its own.
  if (request.body !== undefined)
    init.body = typeof request.body === 'string' ? Buffer.from(request.body) : request.body
  const response = await globalThis.fetch(url.origin + url.path, init as RequestInit)

  exchange.written = true
  if (response.status < 200 || response.status > 599) {
    inside.fail(exchange, invalidStatus())
    return controller.abort()
  }
  const body = bodyStart(request.maxResponseBytes)
  const reader = response.body?.getReader()
  while (reader !== undefined) {
    const { done, value } = await reader.read()
    if (done || !addChunk(body, value)) break
  }
  const answer = {
    status: response.status,
    // None were seen where something else answered in the place of the network.
    headers: received === undefined ? Object.fromEntries(response.headers) : joinedHeaders(received),
    text: bodyText(body),
    truncated: body.truncated,
  }
  inside.succeed(exchange, answer, false)
  // Fetch can't discard without reading: the connection goes with what is left of the body.
  if (body.truncated) controller.abort()
}

/** Notes how far the request got, and hides from fetch that a body is compressed, so that it is not inflated. */
function observed(
  dispatch: Dispatcher.Dispatch,
  exchange: Exchange,
  inside: PortInside,
  note: (headers: ReceivedHeaders) => void,
): Dispatcher.Dispatch {
  let interim = 0
  return (options, handler) =>
    dispatch(
      { ...options, headersTimeout: 0, bodyTimeout: 0 },
      {
        onRequestStart(controller, context) {
          if (exchange.settled) return controller.abort(new Error('aborted'))
          exchange.written = 'unknown'
          handler.onRequestStart?.(controller, context)
        },
        onResponseStarted() {
          exchange.written = true
          handler.onResponseStarted?.()
        },
        onResponseStart(controller, status, headers, message) {
          if (status < 100 || status > 599) {
            inside.fail(exchange, invalidStatus())
            return controller.abort(new Error('aborted'))
          }
          if (status >= 200) note(headers)
          else interim += 1
          if (interim > MAX_INTERIM_RESPONSES) {
            inside.fail(exchange, tooManyInterim())
            return controller.abort(new Error('aborted'))
          }
          const raw = controller.rawHeaders
          if (Array.isArray(raw))
            controller.rawHeaders = uncoded(raw.map((part: Buffer | string) => part.toString('latin1')))
          const { 'content-encoding': _, ...rest } = headers
          handler.onResponseStart?.(controller, status, rest, message)
        },
        onRequestUpgrade: (controller, status, headers, socket) =>
          handler.onRequestUpgrade?.(controller, status, headers, socket),
        onResponseData: (controller, chunk) => handler.onResponseData?.(controller, chunk),
        onResponseEnd: (controller, trailers) => handler.onResponseEnd?.(controller, trailers),
        onResponseError: (controller, error) => handler.onResponseError?.(controller, error),
        onBodySent: (chunk) => handler.onBodySent?.(chunk),
        onRequestSent: () => handler.onRequestSent?.(),
      },
    )
}

function uncoded(raw: readonly string[]): string[] {
  return raw.filter((_, i) => raw[i - (i % 2)]?.toLowerCase() !== 'content-encoding')
}

function pairs(flat: readonly string[]): [string, string][] {
  const list: [string, string][] = []
  for (let i = 0; i + 1 < flat.length; i += 2) list.push([flat[i] ?? '', flat[i + 1] ?? ''])
  return list
}
