import { Temporal } from 'temporal-polyfill'
import type { QuietHours } from '../contracts/connection.ts'

/** The earliest instant at or after `at` (both epoch ms) that is not quiet: `at` itself where it is not. */
export type QuietUntil = (at: number) => number

/** Adjacent intervals are one stretch; checked settings leave some of the week free, so that it has an end. */
const MAX_STRETCHES = 64
const DAYS_AHEAD = 8

interface Stretch {
  readonly start: number
  readonly end: number
}

/**
 * Prepares quiet hours for many questions. Times are those of the wall clock in the zone: an interval that begins in an
 * hour that the clocks skip begins after it, and one that ends in an hour that they repeat ends with its second time.
 */
export function compileQuietHours(quiet: QuietHours): QuietUntil {
  const { timeZone } = quiet
  const intervals = quiet.intervals.map(({ days, from, to }) => ({
    days: new Set(days),
    from: Temporal.PlainTime.from(from),
    to: Temporal.PlainTime.from(to),
    nextDay: to <= from,
  }))
  // The answer holds for a while: until the quiet ends, or begins.
  let known = { from: 0, until: 0, quiet: false }

  function instant(date: Temporal.PlainDate, time: Temporal.PlainTime, disambiguation: 'compatible' | 'later'): number {
    return date.toPlainDateTime(time).toZonedDateTime(timeZone, { disambiguation }).epochMilliseconds
  }

  function* stretchesOf(date: Temporal.PlainDate): Generator<Stretch> {
    for (const { days, from, to, nextDay } of intervals) {
      // Temporal counts from Monday, 1, to Sunday, 7
      if (!days.has(date.dayOfWeek % 7)) continue
      const end = instant(nextDay ? date.add({ days: 1 }) : date, to, 'later')
      yield { start: instant(date, from, 'compatible'), end }
    }
  }

  function around(at: number): readonly Stretch[] {
    const today = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(timeZone).toPlainDate()
    return [-1, 0, 1].flatMap((days) => [...stretchesOf(today.add({ days }))])
  }

  function endOf(at: number): number {
    let end = at
    for (let round = 0; round < MAX_STRETCHES; round++) {
      const later = around(end).reduce((most, one) => (one.start <= end && one.end > most ? one.end : most), end)
      if (later === end) break
      end = later
    }
    return end
  }

  function nextStart(at: number): number {
    const today = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(timeZone).toPlainDate()
    for (let days = 0; days <= DAYS_AHEAD; days++) {
      const starts = [...stretchesOf(today.add({ days }))].filter((one) => one.end > one.start && one.start > at)
      if (starts.length > 0) return Math.min(...starts.map((one) => one.start))
    }
    return at + DAYS_AHEAD * 86_400_000
  }

  return (at) => {
    if (at < known.from || at >= known.until) {
      const end = endOf(at)
      known = end > at ? { from: at, until: end, quiet: true } : { from: at, until: nextStart(at), quiet: false }
    }
    return known.quiet ? known.until : at
  }
}
