import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileQuietHours } from '../../src/digest/quiet-hours.ts'

const DAILY = [0, 1, 2, 3, 4, 5, 6]
const iso = (ms: number): string => new Date(ms).toISOString()

function until(quiet: Parameters<typeof compileQuietHours>[0], at: string): string {
  return iso(compileQuietHours(quiet)(Date.parse(at)))
}

describe('quiet hours', () => {
  const nights = { timeZone: 'Europe/Dublin', intervals: [{ days: DAILY, from: '22:00', to: '07:00' }] }

  it('put off what falls into them to their end, over midnight', () => {
    expect(until(nights, '2026-01-10T23:15:00Z')).toBe('2026-01-11T07:00:00.000Z')
    expect(until(nights, '2026-01-11T03:00:00Z')).toBe('2026-01-11T07:00:00.000Z')
  })

  it('begin at their first minute and end before their last', () => {
    expect(until(nights, '2026-01-10T21:59:59.999Z')).toBe('2026-01-10T21:59:59.999Z')
    expect(until(nights, '2026-01-10T22:00:00.000Z')).toBe('2026-01-11T07:00:00.000Z')
    expect(until(nights, '2026-01-11T06:59:59.999Z')).toBe('2026-01-11T07:00:00.000Z')
    expect(until(nights, '2026-01-11T07:00:00.000Z')).toBe('2026-01-11T07:00:00.000Z')
  })

  it('are those of the wall clock in their zone', () => {
    expect(until(nights, '2026-07-10T21:30:00Z')).toBe('2026-07-11T06:00:00.000Z')
    expect(until({ ...nights, timeZone: 'Asia/Tokyo' }, '2026-07-10T13:30:00Z')).toBe('2026-07-10T22:00:00.000Z')
  })

  it('join where one interval begins as another ends', () => {
    const weekend = {
      timeZone: 'UTC',
      intervals: [
        { days: [6, 0], from: '00:00', to: '00:00' },
        { days: [5], from: '18:00', to: '00:00' },
        { days: [1], from: '00:00', to: '08:00' },
      ],
    }
    // Friday, 9 January 2026, in the evening: until Monday morning
    expect(until(weekend, '2026-01-09T19:00:00Z')).toBe('2026-01-12T08:00:00.000Z')
    expect(until(weekend, '2026-01-12T08:00:00Z')).toBe('2026-01-12T08:00:00.000Z')
  })

  it('hold on their days only', () => {
    const friday = { timeZone: 'UTC', intervals: [{ days: [5], from: '09:00', to: '17:00' }] }
    expect(until(friday, '2026-01-09T10:00:00Z')).toBe('2026-01-09T17:00:00.000Z')
    expect(until(friday, '2026-01-10T10:00:00Z')).toBe('2026-01-10T10:00:00.000Z')
  })

  describe('when the clocks change', () => {
    it('a night in spring is an hour shorter, one in autumn an hour longer', () => {
      expect(until(nights, '2026-03-28T23:00:00Z')).toBe('2026-03-29T06:00:00.000Z')
      expect(until(nights, '2026-10-24T22:00:00Z')).toBe('2026-10-25T07:00:00.000Z')
    })

    it('an end in the repeated hour is its second time', () => {
      const early = { timeZone: 'Europe/Dublin', intervals: [{ days: DAILY, from: '22:00', to: '01:30' }] }
      expect(until(early, '2026-10-25T00:45:00Z')).toBe('2026-10-25T01:30:00.000Z')
    })

    it('a beginning in the skipped hour is after it', () => {
      const early = { timeZone: 'Europe/Dublin', intervals: [{ days: DAILY, from: '01:30', to: '05:00' }] }
      // 01:30 does not exist on 29 March: quiet from 02:30 (01:30 UTC)
      expect(until(early, '2026-03-29T01:29:59Z')).toBe('2026-03-29T01:29:59.000Z')
      expect(until(early, '2026-03-29T01:30:00Z')).toBe('2026-03-29T04:00:00.000Z')
    })
  })

  it('answer the same whatever was asked before, and always a time that is not quiet', () => {
    const time = fc.tuple(fc.integer({ min: 0, max: 23 }), fc.constantFrom('00', '15', '30', '45'))
    const interval = fc.record({
      days: fc.uniqueArray(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 4 }),
      from: time.map(([hour, minute]) => `${String(hour).padStart(2, '0')}:${minute}`),
      to: time.map(([hour, minute]) => `${String(hour).padStart(2, '0')}:${minute}`),
    })
    const settings = fc.record({
      timeZone: fc.constantFrom('UTC', 'Europe/Dublin', 'America/St_Johns', 'Australia/Lord_Howe', 'Asia/Kathmandu'),
      intervals: fc.array(interval, { minLength: 1, maxLength: 3 }),
    })
    const year = fc.integer({ min: Date.parse('2026-01-01T00:00:00Z'), max: Date.parse('2026-12-31T00:00:00Z') })
    fc.assert(
      fc.property(settings, fc.array(year, { minLength: 2, maxLength: 6 }), (quiet, times) => {
        // what leaves no time free is refused at registration
        fc.pre(quiet.intervals.every((one) => one.days.length <= 4) && quiet.intervals.length * 4 < 12)
        const asked = compileQuietHours(quiet)
        for (const at of times) {
          const answer = asked(at)
          expect(answer).toBe(compileQuietHours(quiet)(at))
          expect(answer).toBeGreaterThanOrEqual(at)
          expect(compileQuietHours(quiet)(answer)).toBe(answer)
        }
      }),
      { numRuns: 300 },
    )
  })
})
