import type { StoredEvent } from '../contracts/event.ts'
import type { Message } from '../contracts/message.ts'
import { isoTime } from './json.ts'

/** The type that a message has on the wire. */
export function typeOf(message: Message): string {
  return message.kind === 'event' ? message.event.type : message.kind
}

/** The `data` of envelope formats. A key whose value is `undefined` is left out of the JSON. */
export function dataOf(message: Message): object {
  const { orgId, orgName } = message
  switch (message.kind) {
    case 'event': {
      const { id, category, importance, title, body, href, metadata } = message.event
      return { id, orgId, orgName, category, importance, title, body, href, metadata }
    }
    case 'digest': {
      const { subject, href, total } = message
      const key = message.key === '' ? undefined : message.key
      return { orgId, orgName, subject, href, key, total, items: message.events.map(itemOf) }
    }
    case 'test': {
      const { title, body, href } = message
      return { orgId, orgName, title, body, href }
    }
  }
}

function itemOf(event: StoredEvent): object {
  const { id, type, category, importance, title, body, href, metadata } = event
  return { id, type, timestamp: isoTime(event.timestamp), category, importance, title, body, href, metadata }
}
