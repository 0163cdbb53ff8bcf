import { describe, expect, it } from 'vitest'
import type { HttpFailure } from '../../src/contracts/http.ts'
import type { OutcomeCode } from '../../src/contracts/outcome.ts'
import { classifyHttpFailure, classifyResponse } from '../../src/delivery/classify.ts'

const NOW = 1_800_000_000_000
const failure = (code: OutcomeCode, written: HttpFailure['written']): HttpFailure => ({
  name: 'HttpError',
  code,
  written,
  message: 'no answer within 5 s',
})

describe('a webhook endpoint’s response', () => {
  it.each([200, 201, 202, 204, 299])('%i is delivered', (status) => {
    expect(classifyResponse({ status, headers: {} }, NOW)).toEqual({ kind: 'delivered', status })
  })

  it('410 means that the endpoint is gone', () => {
    expect(classifyResponse({ status: 410, headers: { 'retry-after': '5' } }, NOW)).toEqual({
      kind: 'gone',
      code: 'gone',
      status: 410,
    })
  })

  it.each<[number, OutcomeCode]>([
    [301, 'redirect'],
    [304, 'redirect'],
    [308, 'redirect'],
    [400, 'http_4xx'],
    [401, 'http_4xx'],
    [404, 'http_4xx'],
    [429, 'rate_limited'],
    [500, 'http_5xx'],
    [503, 'http_5xx'],
    [199, 'invalid_response'],
    [600, 'invalid_response'],
    [0, 'invalid_response'],
  ])('%i is tried again as %s', (status, code) => {
    expect(classifyResponse({ status, headers: {} }, NOW)).toEqual({ kind: 'retry', code, status })
  })

  it.each([502, 504])('%i may have arrived behind the gateway', (status) => {
    expect(classifyResponse({ status, headers: {} }, NOW)).toMatchObject({ kind: 'retry', ambiguous: true })
  })

  it.each([429, 503, 404, 302])('honours Retry-After on %i', (status) => {
    expect(classifyResponse({ status, headers: { 'retry-after': '7' } }, NOW)).toMatchObject({ retryAfterMs: 7_000 })
  })

  it('passes over a Retry-After that cannot be read', () => {
    expect(classifyResponse({ status: 429, headers: { 'retry-after': 'soon' } }, NOW)).not.toHaveProperty(
      'retryAfterMs',
    )
  })
})

describe('no response', () => {
  it.each<OutcomeCode>(['timeout', 'connection_reset', 'network_error', 'invalid_response'])(
    '%s is ambiguous unless the request was certainly not written',
    (code) => {
      expect(classifyHttpFailure(failure(code, true))).toMatchObject({ kind: 'retry', code, ambiguous: true })
      expect(classifyHttpFailure(failure(code, 'unknown'))).toMatchObject({ kind: 'retry', code, ambiguous: true })
      expect(classifyHttpFailure(failure(code, false))).toEqual({
        kind: 'retry',
        code,
        detail: 'no answer within 5 s',
      })
    },
  )

  it.each<OutcomeCode>(['dns_error', 'tls_error', 'connection_refused'])('%s is tried again', (code) => {
    expect(classifyHttpFailure(failure(code, false))).toMatchObject({ kind: 'retry', code })
  })

  it.each<OutcomeCode>(['blocked_address', 'blocked_url', 'invalid_request'])('%s is final', (code) => {
    expect(classifyHttpFailure(failure(code, false))).toMatchObject({ kind: 'rejected', code })
  })
})
