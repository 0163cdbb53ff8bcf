import { describe, expect, it } from 'vitest'
import { checkDigestSettings } from '../../src/digest/check-digest.ts'
import { checkQuietHours } from '../../src/digest/check-quiet-hours.ts'
import { isSignalboxError } from '../../src/errors.ts'

const NOW = Date.parse('2026-06-01T00:00:00Z')
const hourly = { window: { everyMs: 3_600_000 } }

function fieldOf(call: () => unknown): string | undefined {
  try {
    call()
  } catch (error) {
    if (isSignalboxError(error, 'invalid_input')) return error.field
    throw error
  }
  return undefined
}

describe('digest settings', () => {
  it('are completed, so that later defaults change no stored ones', () => {
    expect(checkDigestSettings(hourly, NOW)).toEqual({
      ...hourly,
      key: '',
      leading: 'hold',
      maxItems: 200,
      keep: 'first',
      single: 'event',
      bypass: {},
    })
  })

  it.each<[string, unknown]>([
    ['digest', 'hourly'],
    ['digest.every', { every: 1, ...hourly }],
    ['digest.window', {}],
    ['digest.window', { window: {} }],
    ['digest.window', { window: { everyMs: 1000, cron: '0 * * * *' } }],
    ['digest.window.everyMs', { window: { everyMs: 999 } }],
    ['digest.window.everyMs', { window: { everyMs: Number.NaN } }],
    ['digest.window.everyMs', { window: { everyMs: 36 * 86_400_000 } }],
    ['digest.window.maxMs', { window: { everyMs: 1000, maxMs: 2000 } }],
    ['digest.window.maxMs', { window: { idleMs: 5000 } }],
    ['digest.window.maxMs', { window: { idleMs: 5000, maxMs: 4000 } }],
    ['digest.window.timeZone', { window: { cron: '0 9 * * *' } }],
    ['digest.window.timeZone', { window: { cron: '0 9 * * *', timeZone: 'Mars/Olympus' } }],
    ['digest.window.timeZone', { window: { cron: '0 9 * * *', timeZone: '+02:00' } }],
    ['digest.window.cron', { window: { cron: '0 9 * *', timeZone: 'UTC' } }],
    ['digest.window.cron', { window: { cron: '* * * * * *', timeZone: 'UTC' } }],
    ['digest.window.cron', { window: { cron: '61 9 * * *', timeZone: 'UTC' } }],
    ['digest.window.cron', { window: { cron: '0 0 30 2 *', timeZone: 'UTC' } }],
    ['digest.key', { ...hourly, key: 'title' }],
    ['digest.key', { ...hourly, key: 'metadata.' }],
    ['digest.key', { ...hourly, key: 'matter' }],
    ['digest.leading', { ...hourly, leading: true }],
    ['digest.maxItems', { ...hourly, maxItems: 0 }],
    ['digest.maxItems', { ...hourly, maxItems: 1001 }],
    ['digest.keep', { ...hourly, keep: 'all' }],
    ['digest.single', { ...hourly, single: 'none' }],
    ['digest.bypass.importance', { ...hourly, bypass: { importance: ['very'] } }],
    ['digest.bypass.eventTypes[1]', { ...hourly, bypass: { eventTypes: ['a', 7] } }],
  ])('%s is refused: %j', (field, settings) => {
    expect(fieldOf(() => checkDigestSettings(settings, NOW))).toBe(field)
  })

  it('name only keys and types that the catalog has', () => {
    const names = { hasType: (type: string) => type === 'breach_logged', keys: ['matter'] }
    const settings = { ...hourly, key: 'matter', bypass: { eventTypes: ['breach_logged'] } }
    expect(checkDigestSettings(settings, NOW, names)).toMatchObject(settings)
    const unknown = { ...hourly, bypass: { eventTypes: ['nope'] } }
    expect(fieldOf(() => checkDigestSettings(unknown, NOW, names))).toBe('digest.bypass.eventTypes[0]')
  })
})

describe('quiet hours', () => {
  const night = { days: [1, 2], from: '22:00', to: '07:00' }

  it('are answered without repeats', () => {
    const intervals = [{ ...night, days: [2, 1, 2] }]
    expect(checkQuietHours({ timeZone: 'Europe/Dublin', intervals })).toEqual({
      timeZone: 'Europe/Dublin',
      intervals: [night],
    })
  })

  it.each<[string, unknown]>([
    ['quietHours', null],
    ['quietHours.zone', { zone: 'UTC' }],
    ['quietHours.timeZone', { intervals: [night] }],
    ['quietHours.intervals', { timeZone: 'UTC', intervals: [] }],
    ['quietHours.intervals[0]', { timeZone: 'UTC', intervals: ['night'] }],
    ['quietHours.intervals[0].days', { timeZone: 'UTC', intervals: [{ ...night, days: [7] }] }],
    ['quietHours.intervals[0].days', { timeZone: 'UTC', intervals: [{ ...night, days: [] }] }],
    ['quietHours.intervals[0].from', { timeZone: 'UTC', intervals: [{ ...night, from: '24:00' }] }],
    ['quietHours.intervals[1].to', { timeZone: 'UTC', intervals: [night, { ...night, to: '7:00' }] }],
    [
      'quietHours.intervals',
      { timeZone: 'UTC', intervals: [{ days: [0, 1, 2, 3, 4, 5, 6], from: '06:00', to: '06:00' }] },
    ],
  ])('%s is refused: %j', (field, settings) => {
    expect(fieldOf(() => checkQuietHours(settings))).toBe(field)
  })
})
