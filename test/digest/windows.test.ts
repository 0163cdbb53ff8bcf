import { describe, expect, it } from 'vitest'
import { compileWindow } from '../../src/digest/windows.ts'

const at = (iso: string): number => Date.parse(iso)
const iso = (ms: number): string => new Date(ms).toISOString()

describe('windows of digests', () => {
  it('everyMs: closes so long after the first event, whatever comes later', () => {
    const closing = compileWindow({ everyMs: 60_000 })
    expect(closing(1000)).toEqual({ closesAt: 61_000, mustCloseAt: 61_000 })
  })

  it('idleMs and maxMs: closes after a pause, and at the latest maxMs after the first', () => {
    const closing = compileWindow({ idleMs: 10_000, maxMs: 60_000 })
    expect(closing(1000)).toEqual({ closesAt: 11_000, mustCloseAt: 61_000 })
  })

  it('cron: closes at the next time of the pattern in its zone', () => {
    const closing = compileWindow({ cron: '0 9 * * 1-5', timeZone: 'Europe/Dublin' })
    // Friday evening: Monday at nine, which is summer time
    expect(iso(closing(at('2026-07-03T18:00:00Z')).closesAt)).toBe('2026-07-06T08:00:00.000Z')
    // a winter's day
    expect(iso(closing(at('2026-01-07T08:59:59Z')).closesAt)).toBe('2026-01-07T09:00:00.000Z')
  })

  it('cron: an event at the very instant waits for the next one', () => {
    const closing = compileWindow({ cron: '0 9 * * *', timeZone: 'UTC' })
    expect(iso(closing(at('2026-01-07T09:00:00Z')).closesAt)).toBe('2026-01-08T09:00:00.000Z')
  })

  it('cron: answers the same whatever was asked before', () => {
    const pattern = { cron: '*/15 * * * *', timeZone: 'America/St_Johns' } as const
    const one = compileWindow(pattern)
    const times = [0, 3_600_000, 60_000, 86_400_000, 59_999, 899_999, 900_000, 900_001]
    for (const time of times) expect(one(time)).toEqual(compileWindow(pattern)(time))
  })

  describe('when the clocks change in Dublin', () => {
    // 2026: forward on 29 March at 01:00 UTC (01:00 → 02:00), back on 25 October at 01:00 UTC (02:00 → 01:00)
    const closing = compileWindow({ cron: '30 1 * * *', timeZone: 'Europe/Dublin' })

    it('a time that is skipped comes once, as the clocks go on', () => {
      const first = closing(at('2026-03-28T12:00:00Z')).closesAt
      expect(iso(first)).toBe('2026-03-29T01:00:00.000Z')
      expect(iso(closing(first).closesAt)).toBe('2026-03-30T00:30:00.000Z')
    })

    it('a time that is repeated comes once', () => {
      const first = closing(at('2026-10-24T12:00:00Z')).closesAt
      const next = closing(first).closesAt
      expect([iso(first), iso(next)]).toEqual(['2026-10-25T00:30:00.000Z', '2026-10-26T01:30:00.000Z'])
    })

    it('nine in the morning stays nine in the morning', () => {
      const morning = compileWindow({ cron: '0 9 * * *', timeZone: 'Europe/Dublin' })
      expect(iso(morning(at('2026-03-28T12:00:00Z')).closesAt)).toBe('2026-03-29T08:00:00.000Z')
      expect(iso(morning(at('2026-10-24T12:00:00Z')).closesAt)).toBe('2026-10-25T09:00:00.000Z')
    })
  })
})
