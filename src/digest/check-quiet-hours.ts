import type { QuietHours } from '../contracts/connection.ts'
import { checkOptions, invalidInput } from '../errors.ts'
import { checkTimeZone } from './zone.ts'

const MAX_INTERVALS = 50
const DAY_MINUTES = 1440
const WEEK_MINUTES = 7 * DAY_MINUTES
const TIME = /^(?:[01]\d|2[0-3]):[0-5]\d$/

/**
 * Checks a connection's quiet hours.
 *
 * @throws SignalboxError `invalid_input` naming the field, e.g. `quietHours.intervals[0].from`; also where they leave no
 *   minute of the week free.
 */
export function checkQuietHours(value: unknown): QuietHours {
  if (typeof value !== 'object' || value === null) {
    throw invalidInput('quietHours', 'must be { timeZone, intervals: [{ days, from, to }] }')
  }
  checkOptions(value, ['timeZone', 'intervals'], 'quietHours.')
  const input = value as Partial<Record<keyof QuietHours, unknown>>
  const timeZone = checkTimeZone(input.timeZone, 'quietHours.timeZone')
  const { intervals: given } = input
  if (!Array.isArray(given) || given.length === 0 || given.length > MAX_INTERVALS) {
    throw invalidInput('quietHours.intervals', `must be an array of 1 to ${MAX_INTERVALS} intervals`)
  }
  const intervals = given.map((one: unknown, index) => checkInterval(one, `quietHours.intervals[${index}]`))
  if (freeMinutes(intervals) === 0) throw invalidInput('quietHours.intervals', 'must leave some of the week free')
  return { timeZone, intervals }
}

type Interval = QuietHours['intervals'][number]

function checkInterval(value: unknown, field: string): Interval {
  if (typeof value !== 'object' || value === null) throw invalidInput(field, 'must be { days, from, to }')
  checkOptions(value, ['days', 'from', 'to'], `${field}.`)
  const { days, from, to } = value as Partial<Record<keyof Interval, unknown>>
  if (
    !Array.isArray(days) ||
    days.length === 0 ||
    !days.every((day) => Number.isInteger(day) && day >= 0 && day <= 6)
  ) {
    throw invalidInput(`${field}.days`, 'must be an array of days, 0 (Sunday) to 6')
  }
  return {
    days: [...new Set<number>(days)].sort(),
    from: checkTime(from, `${field}.from`),
    to: checkTime(to, `${field}.to`),
  }
}

function checkTime(value: unknown, field: string): string {
  if (typeof value === 'string' && TIME.test(value)) return value
  throw invalidInput(field, 'must be a time of day, 00:00 to 23:59')
}

function freeMinutes(intervals: readonly Interval[]): number {
  const quiet = new Uint8Array(WEEK_MINUTES)
  for (const { days, from, to } of intervals) {
    const start = minutes(from)
    const length = minutes(to) > start ? minutes(to) - start : minutes(to) + DAY_MINUTES - start
    for (const day of days) {
      for (let i = 0; i < length; i++) quiet[(day * DAY_MINUTES + start + i) % WEEK_MINUTES] = 1
    }
  }
  return quiet.reduce((free, one) => free - one, WEEK_MINUTES)
}

function minutes(time: string): number {
  return Number(time.slice(0, 2)) * 60 + Number(time.slice(3))
}
