import type { HttpRequest } from '../contracts/http.ts'
import { type HttpError, httpError } from './http-error.ts'

const METHODS: ReadonlySet<string> = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE'])

/** Written by the HTTP client itself. */
const RESERVED: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

const MAX_RESPONSE_BYTES = 4_194_304

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const NOT_A_VALUE = /[^\t\x20-\x7e\x80-\xff]/

/**
 * The headers of a request, names and values in turn, with ours added.
 *
 * What undici would refuse is refused here: a pool whose client refused a request never uses that client again.
 *
 * @throws HttpError `invalid_request`
 */
export function outgoingHeaders(request: HttpRequest, userAgent: string | false): string[] {
  const { method, headers, body, maxResponseBytes } = request
  if (!METHODS.has(method)) throw invalid('the method is not one of those allowed')
  if (maxResponseBytes !== undefined && !isWithin(maxResponseBytes, 1, MAX_RESPONSE_BYTES))
    throw invalid(`maxResponseBytes is not a whole number from 1 to ${MAX_RESPONSE_BYTES}`)
  if (body !== undefined) {
    if (typeof body !== 'string' && !(body instanceof Uint8Array)) throw invalid('the body is neither text nor bytes')
    if (method === 'GET') throw invalid('a GET request has no body')
  }

  const flat: string[] = []
  let hasAgent = userAgent === false
  let hasEncoding = false
  for (const name in headers) {
    const value = headers[name]
    if (value === undefined) continue
    const lower = name.toLowerCase()
    if (RESERVED.has(lower) || !TOKEN.test(name)) throw invalid('a header name is not allowed')
    if (typeof value !== 'string' || NOT_A_VALUE.test(value)) throw invalid('a header value is not allowed')
    if (lower === 'user-agent') hasAgent = true
    if (lower === 'accept-encoding') hasEncoding = true
    flat.push(name, value)
  }
  if (!hasAgent && userAgent !== false) flat.push('user-agent', userAgent)
  // A compressed answer is of no use to a reader that keeps the beginning and never inflates.
  if (!hasEncoding) flat.push('accept-encoding', 'identity')
  return flat
}

function isWithin(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most
}

function invalid(message: string): HttpError {
  return httpError({ code: 'invalid_request', written: false, message })
}
