import type {
  ConnectionRecord,
  DigestSettings,
  DigestWindow,
  QuietHours,
  StoredEvent,
} from '../../src/contracts/index.ts'
import { CATEGORY_OF, IMPORTANCES } from './settings.ts'
import { createZone, HOUR_MS, MINUTE_MS, readings, type Zone } from './zones.ts'

/** What the rules say, worked out anew and slowly: nothing here is taken from the library. */
export interface Oracle {
  wants(connection: ConnectionRecord, event: StoredEvent): boolean
  /** The first instant at or after `at` that is not quiet. */
  quietUntil(quiet: QuietHours | undefined, at: number): number
  /** Every pair of times that may be right for an event that joins a digest at `at`. */
  closings(connection: ConnectionRecord, window: DigestWindow, at: number): readonly Closing[]
  /** Whether the event goes out by itself although the connection collects. */
  bypasses(digest: DigestSettings, event: StoredEvent): boolean
  keyOf(digest: DigestSettings, event: StoredEvent): string
}

export interface Closing {
  readonly closesAt: number
  readonly mustCloseAt: number
}

const DAY_MS = 24 * HOUR_MS

export function createOracle(): Oracle {
  const zones = new Map<string, Zone>()
  const zoneOf = (name: string): Zone => {
    const zone = zones.get(name) ?? createZone(name)
    zones.set(name, zone)
    return zone
  }

  /** `first` or last instant of a local time; one that is skipped counts as an hour later. */
  function instantOf(zone: Zone, local: number, which: 'first' | 'last'): number {
    const found = zone.instants(local)
    const instants = found.length > 0 ? found : zone.instants(local + HOUR_MS)
    return (which === 'first' ? instants[0] : instants.at(-1)) ?? Number.NaN
  }

  function quietUntil(quiet: QuietHours | undefined, at: number): number {
    if (quiet === undefined) return at
    const zone = zoneOf(quiet.timeZone)
    const stretches: { readonly start: number; readonly end: number }[] = []
    const today = Math.floor(zone.local(at) / DAY_MS) * DAY_MS
    for (let day = today - 2 * DAY_MS; day <= today + 15 * DAY_MS; day += DAY_MS) {
      for (const { days, from, to } of quiet.intervals) {
        if (!days.includes(readings(day).weekday)) continue
        const start = instantOf(zone, day + minutes(from) * MINUTE_MS, 'first')
        const endDay = minutes(to) > minutes(from) ? day : day + DAY_MS
        stretches.push({ start, end: instantOf(zone, endDay + minutes(to) * MINUTE_MS, 'last') })
      }
    }
    let free = at
    for (;;) {
      const inside = stretches.find((one) => one.start <= free && free < one.end)
      if (inside === undefined) return free
      free = inside.end
    }
  }

  /** The instants that a pattern may name next: one, but for hours that the clocks repeat or skip. */
  function cronTimes(pattern: string, timeZone: string, at: number): readonly number[] {
    const zone = zoneOf(timeZone)
    const fits = compilePattern(pattern)
    const found: number[] = []
    for (let t = (Math.floor(at / MINUTE_MS) + 1) * MINUTE_MS; ; t += MINUTE_MS) {
      const local = zone.local(t)
      const isGapEnd = zone.local(t - MINUTE_MS) !== local - MINUTE_MS && local - zone.local(t - MINUTE_MS) > 0
      if (isGapEnd) {
        // what would have been in the gap may come at its end
        for (let skipped = zone.local(t - MINUTE_MS) + MINUTE_MS; skipped < local; skipped += MINUTE_MS) {
          if (fits(skipped)) found.push(t)
        }
      }
      if (!fits(local)) continue
      found.push(t)
      if (zone.instants(local).length === 1) return found
    }
  }

  function windowTimes(window: DigestWindow, at: number): readonly Closing[] {
    if ('everyMs' in window) return [{ closesAt: at + window.everyMs, mustCloseAt: at + window.everyMs }]
    if ('idleMs' in window) return [{ closesAt: at + window.idleMs, mustCloseAt: at + window.maxMs }]
    return cronTimes(window.cron, window.timeZone, at).map((time) => ({ closesAt: time, mustCloseAt: time }))
  }

  return {
    wants({ categories, eventTypes, minImportance }, event) {
      const category = CATEGORY_OF[event.type] ?? ''
      const narrowed = eventTypes.filter((type) => CATEGORY_OF[type] === category)
      return (
        (categories.length === 0 || categories.includes(category)) &&
        (narrowed.length === 0 || narrowed.includes(event.type)) &&
        (minImportance === undefined || IMPORTANCES.indexOf(event.importance) >= IMPORTANCES.indexOf(minImportance))
      )
    },
    quietUntil,
    closings: ({ quietHours }, window, at) =>
      windowTimes(window, at).map(({ closesAt, mustCloseAt }) => ({
        closesAt: quietUntil(quietHours, closesAt),
        mustCloseAt: quietUntil(quietHours, mustCloseAt),
      })),
    bypasses: ({ bypass = {} }, event) =>
      (bypass.importance ?? []).includes(event.importance) || (bypass.eventTypes ?? []).includes(event.type),
    keyOf({ key }, event) {
      if (key === 'type' || key === 'importance') return event[key]
      if (key !== 'metadata.matter') return ''
      const { metadata } = event
      return metadata !== undefined && 'matter' in metadata ? String(metadata.matter) : ''
    },
  }
}

/** The fields in use: numbers, ranges, lists of steps and stars; day of month and month are stars. */
function compilePattern(pattern: string): (local: number) => boolean {
  const [minute = '', hour = '', , , weekday = ''] = pattern.split(' ')
  const fits = (field: string, value: number): boolean => {
    if (field === '*') return true
    if (field.startsWith('*/')) return value % Number(field.slice(2)) === 0
    const [from = 0, to = from] = field.split('-').map(Number)
    return value >= from && value <= to
  }
  return (local) => {
    const shown = readings(local)
    return fits(minute, shown.minute) && fits(hour, shown.hour) && fits(weekday, shown.weekday)
  }
}

function minutes(time: string): number {
  return Number(time.slice(0, 2)) * 60 + Number(time.slice(3))
}
