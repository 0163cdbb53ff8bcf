import { inspect } from 'node:util'
import { errors } from 'undici'
import { describe, expect, it } from 'vitest'
import type { OutcomeCode } from '../../src/contracts/outcome.ts'
import { toHttpError } from '../../src/http/error-map.ts'
import { httpError, isHttpError } from '../../src/http/index.ts'

const coded = (code: string, message = 'at https://secret.example.com/secret') =>
  Object.assign(new Error(message), { code })
const fetchFailed = (cause?: unknown) => new TypeError('fetch failed', cause === undefined ? undefined : { cause })

describe('every error has one code of ours', () => {
  it.each<[string, unknown, OutcomeCode]>([
    ['ECONNREFUSED', coded('ECONNREFUSED'), 'connection_refused'],
    ['ECONNRESET', coded('ECONNRESET'), 'connection_reset'],
    ['EPIPE', coded('EPIPE'), 'connection_reset'],
    ['ETIMEDOUT', coded('ETIMEDOUT'), 'timeout'],
    ['EHOSTUNREACH', coded('EHOSTUNREACH'), 'network_error'],
    ['ENETUNREACH', coded('ENETUNREACH'), 'network_error'],
    ['EMFILE', coded('EMFILE'), 'network_error'],
    ['ENOTFOUND', coded('ENOTFOUND'), 'dns_error'],
    ['EAI_AGAIN', coded('EAI_AGAIN'), 'dns_error'],
    ['an expired certificate', coded('CERT_HAS_EXPIRED'), 'tls_error'],
    ['a self-signed one', coded('DEPTH_ZERO_SELF_SIGNED_CERT'), 'tls_error'],
    ['a self-signed chain', coded('SELF_SIGNED_CERT_IN_CHAIN'), 'tls_error'],
    ['an unknown issuer', coded('UNABLE_TO_VERIFY_LEAF_SIGNATURE'), 'tls_error'],
    ['another name', coded('ERR_TLS_CERT_ALTNAME_INVALID'), 'tls_error'],
    ['another protocol', coded('ERR_SSL_WRONG_VERSION_NUMBER'), 'tls_error'],
    ['EPROTO', coded('EPROTO'), 'tls_error'],
    ['connect timeout', new errors.ConnectTimeoutError('secret'), 'timeout'],
    ['headers timeout', new errors.HeadersTimeoutError('secret'), 'timeout'],
    ['body timeout', new errors.BodyTimeoutError('secret'), 'timeout'],
    ['headers overflow', new errors.HeadersOverflowError('secret'), 'response_too_large'],
    ['length mismatch of the response', new errors.ResponseContentLengthMismatchError('secret'), 'invalid_response'],
    ['length mismatch of the request', new errors.RequestContentLengthMismatchError('secret'), 'invalid_request'],
    ['invalid argument', new errors.InvalidArgumentError('secret'), 'invalid_request'],
    ['socket error', new errors.SocketError('other side closed'), 'connection_reset'],
    ['unasked response', new errors.SocketError('bad response'), 'invalid_response'],
    ['destroyed', new errors.ClientDestroyedError('secret'), 'cancelled'],
    ['closed', new errors.ClientClosedError('secret'), 'cancelled'],
    [
      'parser error',
      Object.assign(new errors.HTTPParserError('secret'), { code: 'HPE_INVALID_CONSTANT', data: 'secret' }),
      'invalid_response',
    ],
    ['parser error without a code', new errors.HTTPParserError('secret'), 'invalid_response'],
    [
      'parser error with an empty code',
      Object.assign(new errors.HTTPParserError('secret'), { code: '' }),
      'invalid_response',
    ],
    [
      'several addresses',
      new AggregateError([coded('ECONNREFUSED'), coded('ENETUNREACH')], 'secret'),
      'connection_refused',
    ],
    ['fetch, refused', fetchFailed(coded('ECONNREFUSED')), 'connection_refused'],
    ['fetch, several addresses', fetchFailed(new AggregateError([coded('ETIMEDOUT')])), 'timeout'],
    ['fetch, parser error without a code', fetchFailed(new errors.HTTPParserError('secret')), 'invalid_response'],
    [
      'fetch, blocked',
      fetchFailed(httpError({ code: 'blocked_address', written: false, message: 'no' })),
      'blocked_address',
    ],
    ['fetch, a port of its bad list', fetchFailed(new Error('bad port')), 'blocked_url'],
    ['fetch, nothing known', fetchFailed(), 'network_error'],
    ['fetch, arguments', new TypeError('secret is an invalid header value'), 'invalid_request'],
    ['an assertion', coded('ERR_ASSERTION'), 'network_error'],
    ['a plain error', new Error('secret'), 'network_error'],
    ['no error at all', 'secret', 'network_error'],
    ['undefined', undefined, 'network_error'],
    [
      'a circle',
      Object.assign(new Error('secret'), {
        cause: {
          get cause() {
            return this
          },
        },
      }),
      'network_error',
    ],
  ])('%s', (_, thrown, code) => {
    const error = toHttpError(thrown, 'unknown')
    expect(error).toMatchObject({ name: 'HttpError', code, written: 'unknown' })
    expect(error.message).not.toBe('')
    expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(/secret(?!ly)/)
    expect('cause' in error).toBe(false)
  })
})

describe('isHttpError', () => {
  it('knows errors of both builds and of third parties, and no others', () => {
    const own = httpError({ code: 'timeout', written: false, message: 'late' })
    const other = Object.defineProperty(new Error('other build'), Symbol.for('signalbox.http-error'), { value: true })
    expect([own, other].every(isHttpError)).toBe(true)
    expect(own).toBeInstanceOf(Error)
    for (const value of [
      new Error('HttpError'),
      { name: 'HttpError', code: 'timeout', written: false },
      null,
      undefined,
      'x',
    ])
      expect(isHttpError(value)).toBe(false)
  })
})
