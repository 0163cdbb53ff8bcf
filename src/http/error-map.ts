import type { OutcomeCode } from '../contracts/outcome.ts'
import { type HttpError, httpError, isHttpError } from './http-error.ts'

type Written = boolean | 'unknown'

const WORDS: Partial<Record<OutcomeCode, string>> = {
  timeout: 'the destination could not be reached in time',
  dns_error: 'the name could not be resolved',
  tls_error: 'the TLS handshake or the certificate failed',
  connection_refused: 'the connection was refused',
  connection_reset: 'the connection was closed before the response was complete',
  network_error: 'the network failed',
  invalid_response: 'the response is not valid HTTP',
  response_too_large: 'the response headers are too large',
  invalid_request: 'the request is not valid HTTP',
  blocked_url: 'the URL is blocked',
  cancelled: 'the HTTP port was closed',
}

/** Codes of Node's sockets and resolver, and of undici, which we know by name. */
const CODES: Readonly<Record<string, OutcomeCode>> = {
  ECONNREFUSED: 'connection_refused',
  ECONNRESET: 'connection_reset',
  ECONNABORTED: 'connection_reset',
  EPIPE: 'connection_reset',
  ETIMEDOUT: 'timeout',
  ENOTFOUND: 'dns_error',
  EAI_AGAIN: 'dns_error',
  EAI_FAIL: 'dns_error',
  EAI_NODATA: 'dns_error',
  ENODATA: 'dns_error',
  ESERVFAIL: 'dns_error',
  ETIMEOUT: 'dns_error',
  EPROTO: 'tls_error',
  HOSTNAME_MISMATCH: 'tls_error',
  INVALID_CA: 'tls_error',
  INVALID_PURPOSE: 'tls_error',
  PATH_LENGTH_EXCEEDED: 'tls_error',
  SELF_SIGNED_CERT_IN_CHAIN: 'tls_error',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'tls_error',
  UND_ERR_CONNECT_TIMEOUT: 'timeout',
  UND_ERR_HEADERS_TIMEOUT: 'timeout',
  UND_ERR_BODY_TIMEOUT: 'timeout',
  UND_ERR_HEADERS_OVERFLOW: 'response_too_large',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'invalid_response',
  UND_ERR_RES_EXCEEDED_MAX_SIZE: 'response_too_large',
  UND_ERR_INVALID_ARG: 'invalid_request',
  UND_ERR_NOT_SUPPORTED: 'invalid_request',
  UND_ERR_REQ_CONTENT_LENGTH_MISMATCH: 'invalid_request',
  UND_ERR_DESTROYED: 'cancelled',
  UND_ERR_CLOSED: 'cancelled',
}

const TLS_CODE = /^(?:ERR_TLS_|ERR_SSL_|CERT_|CRL_|UNABLE_TO_|ERROR_IN_)/

interface Thrown {
  readonly name?: unknown
  readonly code?: unknown
  readonly message?: unknown
  readonly cause?: unknown
  readonly errors?: unknown
}

/**
 * The one place where errors of undici, fetch, Node's sockets, TLS and DNS get our code. Only a code of theirs, never
 * their text, reaches the message: theirs may name the URL or quote the response.
 */
export function toHttpError(error: unknown, written: Written): HttpError {
  const root = rootOf(error)
  if (isHttpError(root)) return root.written === written ? root : httpError({ ...fields(root), written })
  const code = codeOf(root)
  const theirs = typeof root.code === 'string' && /^[A-Z][A-Z0-9_]{1,63}$/.test(root.code) ? ` (${root.code})` : ''
  return httpError({ code, written, message: `${WORDS[code] ?? code}${theirs}` })
}

function fields(error: HttpError): Pick<HttpError, 'code' | 'message'> {
  return { code: error.code, message: error.message }
}

/** Fetch wraps what happened in a `TypeError`; several addresses that failed come in one `AggregateError`. */
function rootOf(error: unknown): Thrown {
  let root: unknown = error
  for (let depth = 0; depth < 4 && isThrown(root); depth++) {
    if (isHttpError(root)) break
    if (Array.isArray(root.errors) && isThrown(root.errors[0])) root = root.errors[0]
    else if (typeof root.code !== 'string' && isThrown(root.cause)) root = root.cause
    else break
  }
  return isThrown(root) ? root : {}
}

function isThrown(value: unknown): value is Thrown {
  return typeof value === 'object' && value !== null
}

function codeOf({ name, code, message, cause }: Thrown): OutcomeCode {
  // undici's parser errors have the code HPE_… or none at all.
  if (name === 'HTTPParserError') return 'invalid_response'
  if (typeof code === 'string') {
    if (code === 'UND_ERR_SOCKET') return /^bad /.test(String(message)) ? 'invalid_response' : 'connection_reset'
    const known = CODES[code]
    if (known !== undefined) return known
    if (code.startsWith('HPE_')) return 'invalid_response'
    if (TLS_CODE.test(code)) return 'tls_error'
    return 'network_error'
  }
  // Fetch refuses the ports of its "bad port" list, whatever the address.
  if (message === 'bad port') return 'blocked_url'
  // A `TypeError` of fetch that wraps nothing is about the arguments.
  if (name === 'TypeError' && cause === undefined && message !== 'fetch failed') return 'invalid_request'
  return 'network_error'
}
