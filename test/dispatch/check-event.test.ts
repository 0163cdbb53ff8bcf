import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { catalogIndex, defineCatalog } from '../../src/catalog/index.ts'
import type { EventBase } from '../../src/contracts/event.ts'
import { checkEvent } from '../../src/dispatch/check-event.ts'
import { isSignalboxError } from '../../src/errors.ts'

const catalog = catalogIndex(
  defineCatalog({
    categories: {
      breach: {
        label: 'Breach',
        events: {
          breach_logged: { label: 'Logged', metadata: z.object({ severity: z.number().default(1) }) },
          breach_closed: {
            label: 'Closed',
            metadata: z.object({ name: z.string() }),
            summary: ({ name }: { name: string }) => ({
              title: `Closed: ${name}`,
              body: '',
              href: 'https://a.example/b',
            }),
          },
        },
      },
    },
  }),
)

let counter = 0
const ids = (prefix: string): string => `${prefix}_${++counter}`
const open = { catalog: undefined, ids, maxEventBytes: 2048 }
const strict = { ...open, catalog }
const event: EventBase = { orgId: 'org_1', type: 'anything', title: 'T', body: 'B', href: 'https://app.example.com/1' }

function refusal(input: unknown, deps: typeof open | typeof strict = open): string {
  try {
    checkEvent(input as EventBase, undefined, 1000, deps)
  } catch (error) {
    if (isSignalboxError(error, 'invalid_input')) return `${error.field} | ${error.message}`
    throw error
  }
  throw new Error('it was accepted')
}

describe('an event without a catalog', () => {
  it('is completed with ids, importance, and the time of acceptance', () => {
    const accepted = checkEvent(event, undefined, 1234, open)
    expect(accepted).toMatchObject({ importance: 'normal', timestamp: 1234, acceptedAt: 1234, orgName: undefined })
    expect(accepted.id).toMatch(/^evt_/)
    expect(accepted.messageId).toMatch(/^msg_/)
  })

  it('keeps its own category, id and timestamp', () => {
    const accepted = checkEvent(
      { ...event, id: 'e1', category: 'any', timestamp: '2026-03-01T10:00:00+02:00' },
      undefined,
      0,
      open,
    )
    expect(accepted).toMatchObject({ id: 'e1', category: 'any', timestamp: Date.UTC(2026, 2, 1, 8) })
  })

  it.each([
    ['no object', null, 'event'],
    ['an unknown field', { ...event, titel: 'x' }, 'titel'],
    ['no orgId', { ...event, orgId: undefined }, 'orgId'],
    ['an empty id', { ...event, id: '' }, 'id'],
    ['an id of 257 characters', { ...event, id: 'x'.repeat(257) }, 'id'],
    ['an id with NUL', { ...event, id: 'a\0b' }, 'id'],
    ['an id with a lone surrogate', { ...event, id: 'a\ud800' }, 'id'],
    ['a reserved type', { ...event, type: 'digest' }, 'type'],
    ['no title', { ...event, title: undefined }, 'title'],
    ['an empty title', { ...event, title: '' }, 'title'],
    ['a body with NUL', { ...event, body: 'a\0' }, 'body'],
    ['a relative href', { ...event, href: '/cases/1' }, 'href'],
    ['a script href', { ...event, href: 'javascript:alert(1)' }, 'href'],
    ['an unknown importance', { ...event, importance: 'huge' }, 'importance'],
    ['a date without an offset', { ...event, timestamp: '2026-03-01T10:00:00' }, 'timestamp'],
    ['a timestamp in seconds and a half', { ...event, timestamp: 1.5 }, 'timestamp'],
    ['metadata that is an array', { ...event, metadata: [] }, 'metadata'],
    ['a cycle', { ...event, metadata: cycle() }, 'metadata'],
    ['a BigInt', { ...event, metadata: { n: 1n } }, 'metadata'],
    ['NUL in metadata', { ...event, metadata: { a: [{ b: '\0' }] } }, 'metadata.a[0].b'],
    ['too large', { ...event, body: 'é'.repeat(1024) }, 'event'],
  ])('is refused with %s, naming the field', (_what, input, field) => {
    expect(refusal(input)).toMatch(new RegExp(`^${field.replace(/[[\].]/g, '\\$&')} \\| `))
  })

  it('never quotes the text of the event in an error', () => {
    const secret = 'hunter2-hunter2'
    for (const input of [
      { ...event, href: secret },
      { ...event, title: `${secret}\0` },
      { ...event, timestamp: secret },
      { ...event, metadata: { value: `${secret}\0` } },
    ]) {
      expect(refusal(input)).not.toContain(secret)
    }
  })

  it('makes lone surrogates U+FFFD, in texts and metadata, and leaves escapes that only look like them', () => {
    const accepted = checkEvent(
      { ...event, title: 'a\ud800b', metadata: { 'k\udc00': ['\ud83d', '\\ud800', '👻'] } },
      undefined,
      0,
      open,
    )
    expect(accepted.title).toBe('a\ufffdb')
    expect(accepted.metadata).toEqual({ 'k\ufffd': ['\ufffd', '\\ud800', '👻'] })
  })

  it('takes a copy of metadata: later changes by the caller do not reach it', () => {
    const metadata = { list: [1] }
    const accepted = checkEvent({ ...event, metadata }, undefined, 0, open)
    metadata.list.push(2)
    expect(accepted.metadata).toEqual({ list: [1] })
  })

  it('fits up to the limit in bytes, not characters', () => {
    expect(() => checkEvent({ ...event, body: 'x'.repeat(1900) }, undefined, 0, open)).not.toThrow()
  })
})

describe('an event of a catalog', () => {
  it('gets its category and the output of its schema', () => {
    const accepted = checkEvent({ ...event, type: 'breach_logged', metadata: {} }, undefined, 0, strict)
    expect(accepted).toMatchObject({ category: 'breach', metadata: { severity: 1 } })
  })

  it('gets title, body and href from its summary', () => {
    const accepted = checkEvent({ orgId: 'o', type: 'breach_closed', metadata: { name: 'X' } }, undefined, 0, strict)
    expect(accepted).toMatchObject({ title: 'Closed: X', body: '', href: 'https://a.example/b' })
  })

  it.each([
    ['an unknown type', event, 'type'],
    ['another category', { ...event, type: 'breach_logged', metadata: {}, category: 'team' }, 'category'],
    [
      'metadata its schema refuses',
      { ...event, type: 'breach_logged', metadata: { severity: 'x' } },
      'metadata.severity',
    ],
  ])('is refused with %s', (_what, input, field) => {
    expect(refusal(input, strict).startsWith(`${field} | `)).toBe(true)
  })
})

function cycle(): object {
  const value: { self?: object } = {}
  value.self = value
  return value
}
