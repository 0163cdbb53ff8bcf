import { describe, expect, it } from 'vitest'
import { standardFormat } from '../../src/payloads/standard.ts'
import { AT, digestMessage, eventMessage, storedEvent, testMessage } from './messages.ts'

describe('standardFormat', () => {
  it('wraps an event in type, timestamp and data', () => {
    expect(standardFormat.build(eventMessage({ metadata: { z: 1, a: 2 } }))).toEqual({
      contentType: 'application/json',
      body: '{"type":"breach_logged","timestamp":"2026-11-21T09:00:00.250Z","data":{"id":"evt_1","orgId":"org_1","orgName":"Acme","category":"breach","importance":"high","title":"Breach logged","body":"First line\\nSecond line","href":"https://app.example.com/breaches/1","metadata":{"z":1,"a":2}}}',
    })
  })

  it('leaves out what an event does not have', () => {
    const { category, ...event } = storedEvent()
    const body = standardFormat.build({ ...eventMessage(), event }).body
    expect(category).toBe('breach')
    expect(body).not.toContain('category')
    expect(body).not.toContain('metadata')
  })

  it('wraps a digest: its events whole, and how many there were', () => {
    const events = [storedEvent(), storedEvent({ id: 'evt_2', timestamp: AT + 1000, metadata: { k: 1 } })]
    expect(standardFormat.build(digestMessage(events, { key: 'breach', total: 7 })).body).toBe(
      '{"type":"digest","timestamp":"2026-11-21T09:00:00.250Z","data":{"orgId":"org_1","orgName":"Acme","subject":"2 updates from Acme","href":"https://app.example.com/inbox","key":"breach","total":7,"items":[{"id":"evt_1","type":"breach_logged","timestamp":"2026-11-21T09:00:00.250Z","category":"breach","importance":"high","title":"Breach logged","body":"First line\\nSecond line","href":"https://app.example.com/breaches/1"},{"id":"evt_2","type":"breach_logged","timestamp":"2026-11-21T09:00:01.250Z","category":"breach","importance":"high","title":"Breach logged","body":"First line\\nSecond line","href":"https://app.example.com/breaches/1","metadata":{"k":1}}]}}',
    )
    expect(standardFormat.build(digestMessage(events)).body).not.toContain('"key"')
  })

  it('wraps a test', () => {
    expect(standardFormat.build(testMessage).body).toBe(
      '{"type":"test","timestamp":"2026-11-21T09:00:00.250Z","data":{"orgId":"org_1","orgName":"Acme","title":"Test notification","body":"This is a test.","href":"https://app.example.com/settings/integrations"}}',
    )
  })
})
