import { describe, expect, it } from 'vitest'
import { ghostFormat } from '../../src/payloads/ghost.ts'
import { digestMessage, eventMessage, storedEvent, testMessage } from './messages.ts'

const build = (message: Parameters<typeof ghostFormat.build>[0]) => ghostFormat.build(message).body

describe('ghostFormat', () => {
  it('writes an event as flat JSON, its keys in the documented order', () => {
    expect(ghostFormat.build(eventMessage())).toEqual({
      contentType: 'application/json',
      body: '{"type":"breach_logged","title":"Breach logged","body":"First line\\nSecond line","href":"https://app.example.com/breaches/1","orgName":"Acme","timestamp":"2026-11-21T09:00:00.250Z"}',
    })
  })

  it('puts metadata before the timestamp, its keys in the order given', () => {
    const metadata = { zulu: 1, alpha: { y: [true, null], x: 'a' }, mike: '' }
    expect(build(eventMessage({ metadata }))).toBe(
      '{"type":"breach_logged","title":"Breach logged","body":"First line\\nSecond line","href":"https://app.example.com/breaches/1","orgName":"Acme","metadata":{"zulu":1,"alpha":{"y":[true,null],"x":"a"},"mike":""},"timestamp":"2026-11-21T09:00:00.250Z"}',
    )
    expect(build(eventMessage({ metadata: {} }))).toContain('"metadata":{},"timestamp"')
  })

  it('writes a digest with its items, their keys in the documented order and no others', () => {
    const events = [storedEvent({ metadata: { left: 'out' } }), storedEvent({ id: 'evt_2', type: 'case_assigned' })]
    expect(build(digestMessage(events))).toBe(
      '{"type":"digest","subject":"2 updates from Acme","items":[{"type":"breach_logged","title":"Breach logged","body":"First line\\nSecond line","href":"https://app.example.com/breaches/1"},{"type":"case_assigned","title":"Breach logged","body":"First line\\nSecond line","href":"https://app.example.com/breaches/1"}],"href":"https://app.example.com/inbox","orgName":"Acme","timestamp":"2026-11-21T09:00:00.250Z"}',
    )
  })

  it('writes every item of a long digest, in order', () => {
    const events = Array.from({ length: 200 }, (_, i) => storedEvent({ id: `evt_${i}`, title: `Title ${i}` }))
    const { items } = JSON.parse(String(build(digestMessage(events)))) as { items: { title: string }[] }
    expect(items.map(({ title }) => title)).toEqual(events.map(({ title }) => title))
  })

  it('writes a test in the shape of an event', () => {
    expect(build(testMessage)).toBe(
      '{"type":"test","title":"Test notification","body":"This is a test.","href":"https://app.example.com/settings/integrations","orgName":"Acme","timestamp":"2026-11-21T09:00:00.250Z"}',
    )
  })

  it('keeps every script as it is, and only half a surrogate pair becomes U+FFFD', () => {
    const title = 'Ünïcode ✓ 日本 🎉 \\ud800'
    const body = String(build(eventMessage({ title, body: 'half \ud83d', metadata: { 'k\udc00': ['\\\ud800'] } })))
    expect(body).toContain('🎉')
    expect(body.isWellFormed()).toBe(true)
    expect(JSON.parse(body)).toMatchObject({ title, body: 'half \ufffd', metadata: { 'k\ufffd': ['\\\ufffd'] } })
  })
})
