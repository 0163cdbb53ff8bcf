import { describe, expect, it } from 'vitest'
import type { StoredEvent } from '../../src/contracts/event.ts'
import { digestKeyOf } from '../../src/digest/key.ts'
import { compileTiming } from '../../src/digest/timing.ts'

const NOON = Date.parse('2026-01-07T12:00:00Z')
const event: StoredEvent = {
  id: 'evt_1',
  orgId: 'org_1',
  type: 'case_assigned',
  category: 'cases',
  title: 'T',
  body: 'B',
  href: 'https://app.example.com/',
  orgName: 'Acme',
  importance: 'normal',
  metadata: { matter: { id: 7 }, ok: true, list: [1] },
  timestamp: NOON,
  messageId: 'msg_1',
  acceptedAt: NOON,
}
const digest = { window: { everyMs: 3_600_000 } }
const allDay = {
  timeZone: 'UTC',
  intervals: [{ days: [3], from: '11:00', to: '18:00' }],
}
const SIX = Date.parse('2026-01-07T18:00:00Z')

describe('when an event goes out', () => {
  it('at once, without settings', () => {
    expect(compileTiming({}, undefined).route(event)).toEqual({ kind: 'send', dueAt: NOON })
  })

  it('at the end of the quiet hours; urgent ones at once', () => {
    const { route, allowedAt } = compileTiming({ quietHours: allDay }, undefined)
    expect(route(event)).toEqual({ kind: 'send', dueAt: SIX })
    expect(route({ ...event, importance: 'urgent' })).toEqual({ kind: 'send', dueAt: NOON })
    expect([allowedAt(NOON, 'high'), allowedAt(NOON, 'urgent'), allowedAt(SIX, 'low')]).toEqual([SIX, NOON, SIX])
  })

  it('with the digest, which closes at the end of the quiet hours', () => {
    expect(compileTiming({ digest, quietHours: allDay }, undefined).route(event)).toEqual({
      kind: 'collect',
      key: '',
      closesAt: SIX,
      mustCloseAt: SIX,
      maxItems: 200,
      keep: 'first',
      leading: false,
    })
  })

  it('beside the digest, where its importance or its type bypasses it', () => {
    const bypass = { importance: ['urgent'], eventTypes: ['breach_logged'] } as const
    const { route } = compileTiming({ digest: { ...digest, bypass } }, undefined)
    expect(route(event).kind).toBe('collect')
    expect(route({ ...event, importance: 'urgent' }).kind).toBe('send')
    expect(route({ ...event, type: 'breach_logged' }).kind).toBe('send')
  })
})

describe('the key that digests group by', () => {
  it.each([
    [undefined, ''],
    ['', ''],
    ['type', 'case_assigned'],
    ['category', 'cases'],
    ['importance', 'normal'],
    ['metadata.matter.id', '7'],
    ['metadata.ok', 'true'],
    ['metadata.list', ''],
    ['metadata.matter', ''],
    ['metadata.matter.nope', ''],
    ['metadata.toString', ''],
    ['title', ''],
  ])('%s → %j', (key, expected) => {
    expect(digestKeyOf(key, event, undefined)).toBe(expected)
  })

  it('may be computed by the catalog; what throws is no group', () => {
    const keys = {
      day: (one: StoredEvent) => new Date(one.timestamp).toISOString().slice(0, 10),
      broken: () => {
        throw new Error('no')
      },
    }
    expect(digestKeyOf('day', event, keys)).toBe('2026-01-07')
    expect(digestKeyOf('broken', event, keys)).toBe('')
  })

  it('has at most 256 characters, whole ones', () => {
    const long = { ...event, metadata: { name: `${'x'.repeat(255)}😀` } }
    expect(digestKeyOf('metadata.name', long, undefined)).toBe('x'.repeat(255))
  })
})
