import { randomUUID } from 'node:crypto'
import { type Message, TEST_BODY, TEST_TITLE } from 'signalbox/payloads'

export interface Sample {
  readonly type: string
  readonly title?: string | undefined
  readonly body?: string | undefined
  readonly href: string
  readonly metadata?: object | undefined
}

const ORG = { orgId: 'org_cli', orgName: 'signalbox' }

/** A message as a dispatcher would make it: `test` and `digest` are kinds of their own. */
export function sampleMessage({ type, href, metadata, ...words }: Sample, now: number): Message {
  const base = { id: newId('msg'), ...ORG, timestamp: now }
  const body = words.body ?? TEST_BODY
  if (type === 'test') return { kind: 'test', ...base, title: words.title ?? TEST_TITLE, body, href }
  const event = (eventType: string, title: string) => ({
    id: newId('evt'),
    ...ORG,
    type: eventType,
    title,
    body,
    href,
    importance: 'normal' as const,
    ...(metadata === undefined ? {} : { metadata }),
    timestamp: now,
    messageId: base.id,
    acceptedAt: now,
  })
  if (type !== 'digest') return { kind: 'event', ...base, event: event(type, words.title ?? type) }
  const events = [event('example_one', 'The first event'), event('example_two', 'The second event')]
  return { kind: 'digest', ...base, key: '', subject: words.title ?? '2 events', href, events, total: events.length }
}

function newId(prefix: string): string {
  return `${prefix}_${randomUUID().replaceAll('-', '')}`
}
