import type { DigestMessage, EventMessage, Message, StoredEvent, TestMessage } from '../../contracts/index.ts'

export const ORG = 'org_1'

/** 2026-11-21T09:00:00.250Z */
const AT = Date.UTC(2026, 10, 21, 9, 0, 0, 250)

export function anEvent(changes: Partial<StoredEvent> = {}): EventMessage {
  const event: StoredEvent = { ...EVENT, ...changes }
  return { kind: 'event', id: event.messageId, orgId: ORG, orgName: event.orgName, timestamp: event.timestamp, event }
}

function aDigest(count: number, changes: Partial<DigestMessage> = {}): DigestMessage {
  const events = Array.from({ length: count }, (_, n): StoredEvent => {
    const number = n + 1
    return {
      ...EVENT,
      id: `evt_${number}`,
      messageId: `msg_e${number}`,
      title: `Breach ${number} logged`,
      href: `https://app.example.com/breaches/${number}`,
      timestamp: AT + n * 1000,
    }
  })
  return {
    kind: 'digest',
    id: 'msg_digest',
    orgId: ORG,
    orgName: 'Acme',
    timestamp: AT + 3_600_000,
    key: '',
    subject: `${count} updates from Acme`,
    href: 'https://app.example.com/inbox',
    events,
    total: count,
    ...changes,
  }
}

const EVENT: StoredEvent = {
  id: 'evt_1',
  orgId: ORG,
  type: 'breach_logged',
  category: 'breach',
  title: 'Breach logged',
  body: 'A laptop was lost.\nIt was encrypted.',
  href: 'https://app.example.com/breaches/1',
  orgName: 'Acme',
  importance: 'normal',
  timestamp: AT,
  messageId: 'msg_1',
  acceptedAt: AT + 1,
}

const TEST: TestMessage = {
  kind: 'test',
  id: 'msg_test',
  orgId: ORG,
  orgName: 'Acme',
  timestamp: AT,
  title: 'Test notification',
  body: 'This is a test.',
  href: 'https://app.example.com/settings',
}

/** Every control character that `dispatch` accepts. */
const CONTROLS = String.fromCharCode(...Array.from({ length: 31 }, (_, n) => n + 1), 0x7f, 0x85, 0x2028, 0x2029, 0xfeff)

/** One sequence of several code points, right-to-left text with its overrides, and what chat services take as markup. */
const ODD = `👩‍👩‍👧‍👦 ‮שלום عليكم‬ <!channel> <@U1> @everyone <at>all</at> {{DATE(2026-01-01,SHORT)}} & &amp; *_~\`[x](y)\`~_* </script>`

function uncategorised(): EventMessage {
  const { category: _, ...event } = EVENT
  return { kind: 'event', id: 'msg_1', orgId: ORG, orgName: 'Acme', timestamp: AT, event }
}

/** What a dispatcher may hand to any transport. */
export const MESSAGES: readonly { readonly name: string; readonly message: Message }[] = [
  { name: 'an event', message: anEvent() },
  {
    name: 'an urgent event with metadata',
    message: anEvent({
      importance: 'urgent',
      metadata: { severity: 2, tags: ['a', 'b'], nested: { z: null, a: 1.5 } },
    }),
  },
  { name: 'an event without a category', message: uncategorised() },
  { name: 'an event with an empty title and body', message: anEvent({ title: '', body: '', orgName: '' }) },
  { name: 'an event with a body of 100 kB', message: anEvent({ body: 'All work and no play. '.repeat(4_600) }) },
  // at an even and at an odd offset: a limit that counts code units cuts one of them in two
  { name: 'an event of 25,000 emoji', message: anEvent({ title: '🦉'.repeat(1_000), body: '🦉'.repeat(25_000) }) },
  {
    name: 'an event of a letter and 25,000 emoji',
    message: anEvent({ title: `a${'🦉'.repeat(1_000)}`, body: `a${'🦉'.repeat(25_000)}` }),
  },
  { name: 'an event with markup and right-to-left text', message: anEvent({ title: ODD, body: ODD, orgName: ODD }) },
  {
    name: 'an event with control characters',
    message: anEvent({ title: `a${CONTROLS}b`, body: `a${CONTROLS}b`, orgName: `a${CONTROLS}b` }),
  },
  {
    name: 'an event with a link of 8,000 characters',
    message: anEvent({ href: `https://app.example.com/?q=${'a'.repeat(7_970)}` }),
  },
  { name: 'a digest of one event', message: aDigest(1) },
  { name: 'a digest of 200 events, of 1,000', message: aDigest(200, { total: 1_000, key: 'breach' }) },
  { name: 'a test', message: TEST },
]
