import type { DeliveryRecord } from '../contracts/delivery.ts'
import type { StoredEvent } from '../contracts/event.ts'
import type { EventMessage, Message } from '../contracts/message.ts'
import { defaultDigestSubject } from '../payloads/digest-subject.ts'

export function eventMessage(event: StoredEvent): EventMessage {
  return {
    kind: 'event',
    id: event.messageId,
    orgId: event.orgId,
    orgName: event.orgName,
    timestamp: event.timestamp,
    event,
  }
}

/**
 * The message of a delivery, from the events that came with its claim; `undefined` where they are gone (purged while
 * it was pending: nothing is left to send).
 */
export function messageOf(
  delivery: DeliveryRecord,
  eventOf: (id: string) => StoredEvent | undefined,
  links: { readonly digestUrl?: string },
): Message | undefined {
  if (delivery.kind === 'event') {
    const event = delivery.eventId === undefined ? undefined : eventOf(delivery.eventId)
    return event && eventMessage(event)
  }
  const digest = delivery.digest
  const events = (digest?.eventIds ?? []).map(eventOf).filter((event) => event !== undefined)
  const newest = events.at(-1)
  if (digest === undefined || newest === undefined) return undefined
  return {
    kind: 'digest',
    id: delivery.messageId,
    orgId: delivery.orgId,
    orgName: newest.orgName,
    timestamp: digest.closedAt,
    key: digest.key,
    subject: defaultDigestSubject(digest.total, newest.orgName),
    href: links.digestUrl ?? newest.href,
    events,
    total: digest.total,
  }
}

/** Event ids are unique within their organisation only. */
export function eventKey(orgId: string, eventId: string): string {
  return `${orgId}\n${eventId}`
}
