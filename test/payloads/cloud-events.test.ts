import { describe, expect, it } from 'vitest'
import { cloudEventsFormat } from '../../src/payloads/cloud-events.ts'
import { standardFormat } from '../../src/payloads/standard.ts'
import { digestMessage, eventMessage, storedEvent, testMessage } from './messages.ts'

const source = 'https://app.example.com'
const format = cloudEventsFormat({ source })

describe('cloudEventsFormat', () => {
  it('writes the attributes of CloudEvents 1.0, the id being the message id', () => {
    expect(format.build(eventMessage({ metadata: { z: 1, a: 2 } }))).toEqual({
      contentType: 'application/cloudevents+json',
      body: '{"specversion":"1.0","id":"msg_1","source":"https://app.example.com","type":"breach_logged","time":"2026-11-21T09:00:00.250Z","datacontenttype":"application/json","data":{"id":"evt_1","orgId":"org_1","orgName":"Acme","category":"breach","importance":"high","title":"Breach logged","body":"First line\\nSecond line","href":"https://app.example.com/breaches/1","metadata":{"z":1,"a":2}}}',
    })
  })

  it.each([
    ['event', eventMessage(), 'breach_logged'],
    ['digest', digestMessage([storedEvent()]), 'digest'],
    ['test', testMessage, 'test'],
  ])('gives an %s every required attribute, non-empty, and the data of standardFormat', (_, message, type) => {
    const event = JSON.parse(String(format.build(message).body)) as Record<string, unknown>
    const standard = JSON.parse(String(standardFormat.build(message).body)) as Record<string, unknown>
    expect(event).toMatchObject({ specversion: '1.0', id: message.id, source, type })
    expect(event.data).toEqual(standard.data)
    // Attribute names: lower-case letters and digits.
    for (const name of Object.keys(event)) expect(name).toMatch(/^[a-z0-9]+$/)
  })

  it.each([
    'https://app.example.com/a?b=c#d',
    'urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66',
    '/signalbox',
    'a/b:c',
    '//h:1/',
    'mailto:a@b.example',
    'a%20b',
  ])('accepts the source %s', (accepted) => {
    const { body } = cloudEventsFormat({ source: accepted }).build(testMessage)
    expect(JSON.parse(String(body))).toMatchObject({ source: accepted })
  })

  it.each(['', 'a b', 'é', '1a:b', ':a', 'a%2', 'a#b#c', '"'])('refuses the source %j', (refused) => {
    expect(() => cloudEventsFormat({ source: refused })).toThrow(
      expect.objectContaining({ code: 'invalid_input', field: 'source' }),
    )
  })

  it('has a source by default', () => {
    expect(JSON.parse(String(cloudEventsFormat().build(testMessage).body))).toMatchObject({ source: '/signalbox' })
  })
})
