import type { StoredEvent } from '../../src/contracts/event.ts'
import type { DigestMessage, EventMessage, TestMessage } from '../../src/contracts/message.ts'

/** 2026-11-21T09:00:00.250Z */
export const AT = Date.UTC(2026, 10, 21, 9, 0, 0, 250)

export function storedEvent(changes: Partial<StoredEvent> = {}): StoredEvent {
  return {
    id: 'evt_1',
    orgId: 'org_1',
    type: 'breach_logged',
    category: 'breach',
    title: 'Breach logged',
    body: 'First line\nSecond line',
    href: 'https://app.example.com/breaches/1',
    orgName: 'Acme',
    importance: 'high',
    timestamp: AT,
    messageId: 'msg_1',
    acceptedAt: AT + 1,
    ...changes,
  }
}

export function eventMessage(changes: Partial<StoredEvent> = {}): EventMessage {
  const event = storedEvent(changes)
  const { messageId: id, orgId, orgName, timestamp } = event
  return { kind: 'event', id, orgId, orgName, timestamp, event }
}

export function digestMessage(events: readonly StoredEvent[], changes: Partial<DigestMessage> = {}): DigestMessage {
  return {
    kind: 'digest',
    id: 'msg_2',
    orgId: 'org_1',
    orgName: 'Acme',
    timestamp: AT,
    key: '',
    subject: `${events.length} updates from Acme`,
    href: 'https://app.example.com/inbox',
    events,
    total: events.length,
    ...changes,
  }
}

export const testMessage: TestMessage = {
  kind: 'test',
  id: 'msg_3',
  orgId: 'org_1',
  orgName: 'Acme',
  timestamp: AT,
  title: 'Test notification',
  body: 'This is a test.',
  href: 'https://app.example.com/settings/integrations',
}
