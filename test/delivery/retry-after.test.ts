import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseRetryAfter } from '../../src/delivery/retry-after.ts'

const NOW = Date.UTC(2026, 10, 2, 12, 0, 0)

describe('Retry-After', () => {
  it.each([
    ['120', 120_000],
    ['0', 0],
    [' 5 ', 5_000],
    ['1.5', 1_500],
    ['0.0001', 1],
    ['Mon, 02 Nov 2026 12:00:30 GMT', 30_000],
    ['Monday, 02-Nov-26 12:01:00 GMT', 60_000],
    ['Mon Nov  2 12:00:10 2026', 10_000],
    ['Sun, 06 Nov 1994 08:49:37 GMT', 0],
  ])('reads %j', (value, ms) => {
    expect(parseRetryAfter(value, NOW)).toBe(ms)
  })

  it.each([
    undefined,
    '',
    '-5',
    '+5',
    '1e3',
    'soon',
    'Infinity',
    '5, 10',
    '2026-11-02T12:00:30Z',
    'Mon, 99 Zzz 2026 12:00:30 GMT',
    '5 seconds',
  ])('takes %j for none', (value) => {
    expect(parseRetryAfter(value, NOW)).toBeUndefined()
  })

  it('stays a usable number when the header is absurd', () => {
    expect(parseRetryAfter('9'.repeat(60), NOW)).toBe(Number.MAX_SAFE_INTEGER)
    expect(parseRetryAfter('9'.repeat(5_000), NOW)).toBeUndefined()
  })

  it('answers undefined or a whole number of at least 0, whatever arrives', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.double().map(String),
          fc.date({ noInvalidDate: true }).map((d) => d.toUTCString()),
        ),
        (value) => {
          const ms = parseRetryAfter(value, NOW)
          expect(ms === undefined || (Number.isSafeInteger(ms) && ms >= 0)).toBe(true)
        },
      ),
    )
  })
})
