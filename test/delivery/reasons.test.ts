import { describe, expect, it } from 'vitest'
import {
  configInvalidReason,
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
