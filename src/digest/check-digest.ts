import { Cron } from 'croner'
import type { DigestSettings, DigestWindow } from '../contracts/connection.ts'
import type { Importance } from '../contracts/event.ts'
import { checkOptions, invalidInput } from '../errors.ts'
import { isEventField } from './key.ts'
import { checkTimeZone } from './zone.ts'

const SECOND_MS = 1000
const MAX_WINDOW_MS = 35 * 86_400_000
const MAX_ITEMS = 1000
const MAX_TYPES = 1000
const IMPORTANCES: ReadonlySet<unknown> = new Set<Importance>(['low', 'normal', 'high', 'urgent'])

/** What of the catalog the settings may name; absent parts are not checked. */
export interface DigestNames {
  readonly hasType?: ((type: string) => boolean) | undefined
  readonly keys?: readonly string[] | undefined
}

/**
 * Checks a connection's digest settings and answers them complete, so that a later default changes no stored one.
 *
 * @param now epoch ms: a cron pattern must have a time after it.
 * @throws SignalboxError `invalid_input` naming the field, e.g. `digest.window.cron`.
 */
export function checkDigestSettings(value: unknown, now: number, names: DigestNames = {}): Required<DigestSettings> {
  const input = object(value, 'digest')
  checkOptions(input, ['window', 'key', 'leading', 'maxItems', 'keep', 'single', 'bypass'], 'digest.')
  const { leading = 'hold', maxItems = 200, keep = 'first', single = 'event' } = input
  if (leading !== 'hold' && leading !== 'send') throw invalidInput('digest.leading', "must be 'hold' or 'send'")
  if (!isWhole(maxItems, 1, MAX_ITEMS)) {
    throw invalidInput('digest.maxItems', `must be a whole number from 1 to ${MAX_ITEMS}`)
  }
  if (keep !== 'first' && keep !== 'last') throw invalidInput('digest.keep', "must be 'first' or 'last'")
  if (single !== 'event' && single !== 'digest') throw invalidInput('digest.single', "must be 'event' or 'digest'")
  return {
    window: checkWindow(input.window, now),
    key: checkKey(input.key, names),
    leading,
    maxItems,
    keep,
    single,
    bypass: checkBypass(input.bypass, names),
  }
}

function checkWindow(value: unknown, now: number): DigestWindow {
  const input = object(value, 'digest.window')
  const kinds = ['everyMs', 'idleMs', 'cron'].filter((kind) => input[kind] !== undefined)
  if (kinds.length !== 1) {
    throw invalidInput('digest.window', 'must be one of { everyMs }, { idleMs, maxMs } and { cron, timeZone }')
  }
  if (kinds[0] === 'everyMs') {
    checkOptions(input, ['everyMs'], 'digest.window.')
    return { everyMs: duration(input.everyMs, 'digest.window.everyMs') }
  }
  if (kinds[0] === 'idleMs') {
    checkOptions(input, ['idleMs', 'maxMs'], 'digest.window.')
    const idleMs = duration(input.idleMs, 'digest.window.idleMs')
    const maxMs = duration(input.maxMs, 'digest.window.maxMs')
    if (maxMs < idleMs) throw invalidInput('digest.window.maxMs', 'must be at least idleMs')
    return { idleMs, maxMs }
  }
  checkOptions(input, ['cron', 'timeZone'], 'digest.window.')
  const timeZone = checkTimeZone(input.timeZone, 'digest.window.timeZone')
  return { cron: checkCron(input.cron, timeZone, now), timeZone }
}

/** Five fields: minutes are the finest step. */
function checkCron(value: unknown, timeZone: string, now: number): string {
  const field = 'digest.window.cron'
  if (typeof value !== 'string' || value.length > 200 || !/^\S+(?: +\S+){4}$/.test(value.trim())) {
    throw invalidInput(field, 'must be a cron pattern of five fields: minute, hour, day, month, weekday')
  }
  let next: Date | null
  try {
    next = new Cron(value.trim(), { timezone: timeZone, paused: true }).nextRun(new Date(now))
  } catch {
    throw invalidInput(field, 'is not a cron pattern: five fields, minute hour day month weekday')
  }
  if (next === null) throw invalidInput(field, 'names no time that will come')
  return value.trim()
}

function checkKey(value: unknown, names: DigestNames): string {
  if (value === undefined || value === '') return ''
  if (typeof value !== 'string' || value.length > 256) throw invalidInput('digest.key', 'must be the name of a field')
  if (isEventField(value) || names.keys?.includes(value)) return value
  throw invalidInput(
    'digest.key',
    'must be type, category, importance, metadata.… or one of the `digestKeys` of the catalog',
  )
}

function checkBypass(value: unknown, names: DigestNames): Required<DigestSettings>['bypass'] {
  if (value === undefined) return {}
  const input = object(value, 'digest.bypass')
  checkOptions(input, ['importance', 'eventTypes'], 'digest.bypass.')
  const bypass: { importance?: readonly Importance[]; eventTypes?: readonly string[] } = {}
  if (input.importance !== undefined) {
    if (!isImportances(input.importance)) {
      throw invalidInput('digest.bypass.importance', 'must be an array of low, normal, high and urgent')
    }
    bypass.importance = [...new Set(input.importance)]
  }
  if (input.eventTypes !== undefined) bypass.eventTypes = checkTypes(input.eventTypes, names)
  return bypass
}

function checkTypes(value: unknown, names: DigestNames): readonly string[] {
  const field = 'digest.bypass.eventTypes'
  if (!Array.isArray(value) || value.length > MAX_TYPES) {
    throw invalidInput(field, `must be an array of at most ${MAX_TYPES} event types`)
  }
  value.forEach((type: unknown, index) => {
    if (typeof type !== 'string' || type === '' || type.length > 256) {
      throw invalidInput(`${field}[${index}]`, 'must be an event type')
    }
    if (names.hasType?.(type) === false) {
      throw invalidInput(`${field}[${index}]`, `the catalog has no event type '${type}'`)
    }
  })
  return [...new Set<string>(value)]
}

function isImportances(value: unknown): value is readonly Importance[] {
  return Array.isArray(value) && value.every((one) => IMPORTANCES.has(one))
}

function duration(value: unknown, field: string): number {
  if (isWhole(value, SECOND_MS, MAX_WINDOW_MS)) return value
  throw invalidInput(field, 'must be a whole number of ms, from 1000 (a second) to 35 days')
}

function isWhole(value: unknown, least: number, most: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most
}

function object(value: unknown, field: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  throw invalidInput(field, 'must be an object')
}
