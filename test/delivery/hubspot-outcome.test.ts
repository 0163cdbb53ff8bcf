import { describe, expect, it } from 'vitest'
import type { Outcome } from '../../src/contracts/outcome.ts'
import { hubspotOutcome } from '../../src/delivery/hubspot-outcome.ts'

/** 2026-03-10T17:18:00Z */
const NOW = Date.UTC(2026, 2, 10, 17, 18)

function outcomeOf(
  status: number,
  body: object | string,
  more: { attempt?: number; retryAfter?: string } = {},
): Outcome {
  const { attempt = 1, retryAfter } = more
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const headers: Record<string, string> = retryAfter === undefined ? {} : { 'retry-after': retryAfter }
  return hubspotOutcome({ status, headers, text }, NOW, attempt)
}

const error = (category: string) => ({ status: 'error', message: 'No.', correlationId: 'c', category })
const told = (category: string) => ({ providerCode: category, detail: 'No.' })
const EXPIRED = 'The authorisation has expired; connect again (No)'
const LACKING = 'The authorisation lacks a permission; connect again (No)'

describe('what HubSpot answers to the upsert of a contact', () => {
  it('is delivered, with the contact’s id where there is one', () => {
    const results = [{ id: '512', new: true }]
    expect(outcomeOf(200, { status: 'COMPLETE', results })).toEqual({
      kind: 'delivered',
      status: 200,
      receipt: { id: '512' },
    })
    expect(outcomeOf(201, 'ok')).toEqual({ kind: 'delivered', status: 201 })
  })

  it.each<[number, string, object]>([
    [401, 'EXPIRED_AUTHENTICATION', { kind: 'retry', code: 'token_expired', detail: EXPIRED }],
    [401, 'INVALID_AUTHENTICATION', { kind: 'retry', code: 'token_expired', detail: EXPIRED }],
    [403, 'MISSING_SCOPES', { kind: 'reauthorize', code: 'missing_scope', detail: LACKING }],
    [400, 'VALIDATION_ERROR', { kind: 'rejected', code: 'invalid_payload' }],
    [404, 'OBJECT_NOT_FOUND', { kind: 'rejected', code: 'http_4xx' }],
    [413, 'REQUEST_TOO_LARGE', { kind: 'rejected', code: 'payload_too_large' }],
    [423, 'LOCKED', { kind: 'retry', code: 'provider_error', retryAfterMs: 2_000 }],
    [500, 'INTERNAL_ERROR', { kind: 'retry', code: 'http_5xx', ambiguous: true }],
    [503, 'UNAVAILABLE', { kind: 'retry', code: 'http_5xx' }],
  ])('%i %s', (status, category, outcome) => {
    expect(outcomeOf(status, error(category))).toEqual({ status, ...told(category), ...outcome })
  })

  it('a conflict is tried once more, then it is the end', () => {
    const conflict = { code: 'provider_error', status: 409, ...told('CONFLICT') }
    expect(outcomeOf(409, error('CONFLICT'))).toEqual({ kind: 'retry', ...conflict })
    expect(outcomeOf(409, error('CONFLICT'), { attempt: 2 })).toEqual({ kind: 'rejected', ...conflict })
  })

  it.each([
    ['TEN_SECONDLY_ROLLING', undefined, 10_000],
    ['SECONDLY', undefined, 1_000],
    // until midnight
    ['DAILY', undefined, (6 * 60 + 42) * 60 * 1000],
    ['DAILY', '30', 30_000],
    ['OTHER', undefined, undefined],
  ])('429 of the limit %s with Retry-After %s waits for %s ms', (policyName, retryAfter, retryAfterMs) => {
    const body = { status: 'error', message: 'No.', errorType: 'RATE_LIMIT', policyName }
    expect(outcomeOf(429, body, retryAfter === undefined ? {} : { retryAfter })).toEqual({
      kind: 'retry',
      code: 'rate_limited',
      status: 429,
      ...told(policyName),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    })
  })

  it('an account that moves is waited for as long as HubSpot says', () => {
    expect(outcomeOf(477, error('MIGRATION'), { retryAfter: '3600' })).toMatchObject({
      kind: 'retry',
      retryAfterMs: 3_600_000,
    })
  })

  it.each<[string, number, object]>([
    ['VALIDATION_ERROR', 1, { kind: 'rejected', code: 'invalid_payload' }],
    ['CONFLICT', 1, { kind: 'retry', code: 'provider_error' }],
    ['CONFLICT', 2, { kind: 'rejected', code: 'provider_error' }],
    ['RATE_LIMITS', 1, { kind: 'retry', code: 'rate_limited' }],
    ['OBJECT_NOT_FOUND', 1, { kind: 'rejected', code: 'provider_error' }],
  ])('207 with %s for the contact, at attempt %i', (category, attempt, outcome) => {
    const body = { status: 'COMPLETE', results: [], numErrors: 1, errors: [error(category)] }
    expect(outcomeOf(207, body, { attempt })).toEqual({ ...outcome, status: 207, ...told(category) })
  })

  it('207 with a result is delivered; with neither it may be repeated', () => {
    const receipt = { id: '512' }
    expect(outcomeOf(207, { results: [receipt], errors: [] })).toEqual({ kind: 'delivered', status: 207, receipt })
    expect(outcomeOf(207, '{')).toEqual({ kind: 'retry', code: 'invalid_response', status: 207 })
  })

  it('goes by the status where the answer is no JSON', () => {
    expect(outcomeOf(400, '<html>')).toEqual({ kind: 'rejected', code: 'invalid_payload', status: 400 })
    expect(outcomeOf(429, '')).toEqual({ kind: 'retry', code: 'rate_limited', status: 429 })
    expect(outcomeOf(302, '')).toEqual({ kind: 'retry', code: 'redirect', status: 302 })
  })
})
