import { describe, expect, it } from 'vitest'
import {
  configInvalidReason,
  endDetail,
  isOutcomeCode,
  missingReason,
  outcomeText,
  pausedReason,
} from '../../src/delivery/reasons.ts'

describe('texts for people', () => {
  it('says what happened, with the HTTP status where there is one', () => {
    expect(outcomeText('timeout')).toBe('The destination did not answer in time')
    expect(outcomeText('http_5xx', 503)).toBe('The destination failed with an error of its own (HTTP 503)')
  })

  it('of an end begins with what it means, and quotes the service where that adds something', () => {
    expect(endDetail('missing_scope', 'Missing: chat.write.')).toEqual({
      detail: 'The authorisation lacks a permission; connect again (Missing: chat.write)',
    })
    expect(endDetail('target_gone', ' Unknown Webhook ', 'The webhook was deleted')).toEqual({
      detail: 'The webhook was deleted (Unknown Webhook)',
    })
    expect(endDetail('target_gone', '404: Not Found', 'The webhook was deleted')).toEqual({
      detail: 'The webhook was deleted',
    })
  })

  it.each([undefined, '', ' . ', '404: Not Found', 'NotFound', 'Forbidden.', '401: Unauthorized', 'Gone'])(
    'leaves it to the code where the service said no more than %j',
    (said) => {
      expect(endDetail('target_gone', said)).toEqual({})
    },
  )

  it('says why a connection is not active, and since when', () => {
    expect(pausedReason(5)).toEqual({ code: 'paused', text: 'Paused by a person', since: 5 })
    expect(missingReason(['a team', 'a channel'], 5)).toEqual({
      code: 'missing',
      text: 'Still missing: a team, a channel',
      since: 5,
    })
    expect(configInvalidReason('url: must be HTTPS', 5)).toMatchObject({
      code: 'config_invalid',
      text: 'The settings of this connection are not valid: url: must be HTTPS',
    })
    expect(configInvalidReason(undefined, 5).text).toBe('The settings of this connection are not valid')
  })

  it('knows its codes from names that objects merely inherit', () => {
    expect(isOutcomeCode('rate_limited')).toBe(true)
    expect(isOutcomeCode('constructor')).toBe(false)
    expect(isOutcomeCode(undefined)).toBe(false)
  })
})
