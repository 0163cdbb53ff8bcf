import { describe, expect, it } from 'vitest'
import type { Outcome } from '../../src/contracts/outcome.ts'
import { salesforceOutcome } from '../../src/delivery/salesforce-outcome.ts'

function outcomeOf(status: number, body: object | string = ''): Outcome {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return salesforceOutcome({ status, headers: {}, text }, 0)
}

const error = (errorCode: string, fields?: readonly string[]) => ({
  message: 'No.',
  errorCode,
  ...(fields === undefined ? {} : { fields }),
})

const EXPIRED = 'The authorisation has expired; connect again (No)'
const LACKING = 'The authorisation lacks a permission; connect again (No)'

describe('what Salesforce answers to an upsert', () => {
  it.each([
    [201, { id: '00Q1', success: true, errors: [], created: true }, { receipt: { id: '00Q1' } }],
    [200, { id: '00Q1', success: true, errors: [], created: false }, { receipt: { id: '00Q1' } }],
    [204, '', {}],
  ])('%i is delivered', (status, body, more) => {
    expect(outcomeOf(status, body)).toEqual({ kind: 'delivered', status, ...more })
  })

  it('300 says that the record is not the only one, and ends the message', () => {
    expect(outcomeOf(300, ['/services/data/v68.0/sobjects/Lead/00Q1'])).toEqual({
      kind: 'rejected',
      code: 'provider_error',
      status: 300,
      detail: 'Several records have this external id',
    })
  })

  it.each<[number, string, object]>([
    [401, 'INVALID_SESSION_ID', { kind: 'retry', code: 'token_expired', detail: EXPIRED }],
    [403, 'REQUEST_LIMIT_EXCEEDED', { kind: 'retry', code: 'rate_limited', retryAfterMs: 3_600_000 }],
    [403, 'API_DISABLED_FOR_ORG', { kind: 'reauthorize', code: 'missing_scope', detail: LACKING }],
    [400, 'INVALID_FIELD', { kind: 'rejected', code: 'invalid_payload' }],
    [400, 'DUPLICATES_DETECTED', { kind: 'rejected', code: 'invalid_payload' }],
    [400, 'UNABLE_TO_LOCK_ROW', { kind: 'retry', code: 'provider_error' }],
    [404, 'NOT_FOUND', { kind: 'rejected', code: 'http_4xx' }],
    [500, 'UNKNOWN_EXCEPTION', { kind: 'retry', code: 'http_5xx', ambiguous: true }],
    [503, 'SERVER_UNAVAILABLE', { kind: 'retry', code: 'http_5xx' }],
  ])('%i %s', (status, errorCode, outcome) => {
    expect(outcomeOf(status, [error(errorCode)])).toEqual({
      status,
      providerCode: errorCode,
      detail: 'No.',
      ...outcome,
    })
  })

  it('names the fields that were wrong, where the message does not', () => {
    const missing = {
      ...error('REQUIRED_FIELD_MISSING', ['Company']),
      message: 'Required fields are missing: [Company]',
    }
    const errors = [error('STRING_TOO_LONG', ['City', 'Country']), missing, error('INVALID_FIELD', [])]
    expect(outcomeOf(400, errors)).toMatchObject({
      providerCode: 'STRING_TOO_LONG',
      detail: 'No. (City, Country); Required fields are missing: [Company]; No.',
    })
  })

  it.each([['{'], ['[null, 7, {"message": 5}]'], ['[['], ['{"message":"No."}'], ['']])(
    'goes by the status where the answer is %j',
    (text) => {
      expect(outcomeOf(400, text)).toEqual({ kind: 'rejected', code: 'invalid_payload', status: 400 })
      expect(outcomeOf(403, text)).toEqual({ kind: 'reauthorize', code: 'missing_scope', status: 403 })
    },
  )
})
