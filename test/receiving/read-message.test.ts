import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { defineCatalog } from '../../src/catalog/index.ts'
import type { Message } from '../../src/contracts/message.ts'
import { cloudEventsFormat, ghostFormat, standardFormat } from '../../src/payloads/index.ts'
import { type ReceiverOptions, receiver } from '../../src/receiving/index.ts'
import { standardWebhooks } from '../../src/signing/index.ts'
import { fakeClock } from '../../src/testing/index.ts'
import { AT, digestMessage, eventMessage, storedEvent, testMessage } from '../payloads/messages.ts'
import { NOW, SECRET, signed } from './support.ts'

const formats = { ghost: ghostFormat, standard: standardFormat, cloudevents: cloudEventsFormat() }

const receive = (payload: unknown, options: Partial<ReceiverOptions> = {}) =>
  receiver({ scheme: standardWebhooks(), secrets: [SECRET], clock: fakeClock({ now: NOW }), ...options }).receive(
    signed(payload),
  )
const bodyOf = (name: keyof typeof formats, message: Message) => String(formats[name].build(message).body)

describe.each(['ghost', 'standard', 'cloudevents'] as const)('what the format %s wrote', (name) => {
  it('is read back: an event', async () => {
    const message = eventMessage({ metadata: { records: 12 } })
    const { event, type } = await receive(bodyOf(name, message))
    const { id, orgId, category, importance } = message.event
    expect(type).toBe('breach_logged')
    expect(event).toEqual({
      kind: 'event',
      type: 'breach_logged',
      title: 'Breach logged',
      body: 'First line\nSecond line',
      href: 'https://app.example.com/breaches/1',
      orgName: 'Acme',
      metadata: { records: 12 },
      timestamp: AT,
      ...(name === 'ghost' ? {} : { id, orgId, category, importance }),
    })
  })

  it('is read back: a digest', async () => {
    const events = [storedEvent({ metadata: { a: 1 } }), storedEvent({ id: 'evt_2', type: 'member_joined' })]
    const { event } = await receive(bodyOf(name, digestMessage(events, { total: 3, key: 'k' })))
    expect(event).toMatchObject({
      kind: 'digest',
      type: 'digest',
      subject: '2 updates from Acme',
      href: 'https://app.example.com/inbox',
      items: [{ type: 'breach_logged', title: 'Breach logged' }, { type: 'member_joined' }],
      timestamp: AT,
      ...(name === 'ghost' ? {} : { total: 3, key: 'k', items: [{ id: 'evt_1', timestamp: AT }, { id: 'evt_2' }] }),
    })
  })

  it('is read back: a test', async () => {
    const { event } = await receive(bodyOf(name, testMessage))
    expect(event).toMatchObject({ kind: 'test', type: 'test', title: 'Test notification', orgName: 'Acme' })
  })

  it('is read by that name, and by no other', async () => {
    const body = bodyOf(name, eventMessage())
    expect((await receive(body, { format: name })).event).toMatchObject({ type: 'breach_logged' })
    const other = name === 'ghost' ? 'standard' : 'ghost'
    const { event, eventError } = await receive(body, { format: other })
    expect(event).toBeUndefined()
    expect(eventError).toMatchObject({ code: 'invalid_input', field: 'payload' })
  })
})

describe('payloads of others', () => {
  const whole = JSON.parse(bodyOf('standard', eventMessage()))
  const digest = JSON.parse(bodyOf('standard', digestMessage([storedEvent()])))

  it.each([
    [
      'an event of Stripe',
      { id: 'evt_1', object: 'event', type: 'charge.succeeded', created: 1, data: { object: {} } },
    ],
    ['a number', 7],
    ['a list', [whole]],
    ['null', null],
    ['a time that is none', { ...whole, timestamp: '2026-13-21T09:00:00.000Z' }],
    ['a time in seconds', { ...whole, timestamp: 1_780_000_000 }],
    ['data that is a list', { ...whole, data: [] }],
    ['a title that is no text', { ...whole, data: { ...whole.data, title: 1 } }],
    ['metadata that is no object', { ...whole, data: { ...whole.data, metadata: [] } }],
    ['an importance that nobody knows', { ...whole, data: { ...whole.data, importance: 'mad' } }],
    ['a digest with an item that is none', { ...digest, data: { ...digest.data, items: [{}] } }],
    ['a digest without items', { ...digest, data: { ...digest.data, items: undefined } }],
    ['a digest whose total is no number', { ...digest, data: { ...digest.data, total: '3' } }],
    ['a prototype', JSON.parse('{"__proto__":{"type":"x","title":"","body":"","href":"","orgName":""}}')],
  ])('%s is handed over without an event', async (_, payload) => {
    const webhook = await receive(payload)
    expect(webhook.payload).toEqual(payload)
    expect(webhook.event).toBeUndefined()
    expect(webhook.eventError).toBeUndefined()
  })
})

describe('with a catalog', () => {
  const catalog = defineCatalog({
    categories: {
      breach: {
        label: 'Breach',
        events: {
          breach_logged: {
            label: 'Logged',
            metadata: z.object({ records: z.number(), level: z.string().default('a') }),
          },
          breach_closed: { label: 'Closed' },
        },
      },
    },
  })

  it('an event of it comes with its metadata, as it was sent', async () => {
    const { event } = await receive(bodyOf('ghost', eventMessage({ metadata: { records: 2 } })), { catalog })
    expect(event).toMatchObject({ kind: 'event', type: 'breach_logged', metadata: { records: 2 } })
  })

  it('digests and tests come too', async () => {
    expect((await receive(bodyOf('ghost', testMessage), { catalog })).event).toMatchObject({ kind: 'test' })
    const digest = bodyOf('standard', digestMessage([storedEvent()]))
    expect((await receive(digest, { catalog })).event).toMatchObject({ kind: 'digest' })
  })

  it.each([
    ['a type that it lacks', eventMessage({ type: 'breach_reopened' }), 'type'],
    ['metadata that its schema refuses', eventMessage({ metadata: { records: 'two' } }), 'metadata.records'],
    ['metadata that is missing', eventMessage(), 'metadata'],
  ])('%s leaves the event out and says why, and the payload is there', async (_, message, field) => {
    const webhook = await receive(bodyOf('ghost', message), { catalog })
    expect(webhook.event).toBeUndefined()
    expect(webhook.eventError).toMatchObject({ code: 'invalid_input', field })
    expect(webhook.payload).toMatchObject({ title: 'Breach logged' })
  })

  it('a payload of others says that it is none of ours', async () => {
    expect((await receive({ type: 'breach_closed' }, { catalog })).eventError).toMatchObject({ field: 'payload' })
  })
})
