import type { DeliveryRecord } from '../contracts/delivery.ts'
import type { StoredEvent } from '../contracts/event.ts'
import type { EventMessage, Message } from '../contracts/message.ts'

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

/** What a digest's message is made with, as it is when the digest goes out. */
export interface DigestContext {
  /** Whether the connection still wants an event. */
  wants(event: StoredEvent): boolean
  /** What a digest of one event is sent as. */
  readonly single: 'event' | 'digest'
  /** Link for the batch; absent: its newest event's. */
  readonly href?: string | undefined
  subject(digest: DigestFacts): string
}

/** What a subject line can be made of. */
export interface DigestFacts {
  readonly orgId: string
  readonly orgName: string
  readonly connectionId: string
  /** What the events were grouped by; `''` where the connection has one digest. */
  readonly key: string
  /** How many events were collected. */
  readonly total: number
  /** The kept ones, oldest first. */
  readonly events: readonly StoredEvent[]
}

/**
 * The message of a delivery, from the events that came with its claim. `gone`: they were purged while it was pending.
 * `unwanted`: the connection wants none of them any more.
 */
export function messageOf(
  delivery: DeliveryRecord,
  eventOf: (id: string) => StoredEvent | undefined,
  context: DigestContext,
): Message | 'gone' | 'unwanted' {
  if (delivery.kind === 'event') {
    const event = delivery.eventId === undefined ? undefined : eventOf(delivery.eventId)
    return event === undefined ? 'gone' : eventMessage(event)
  }
  const { digest, orgId, connectionId, messageId } = delivery
  const found = (digest?.eventIds ?? []).map(eventOf).filter((event) => event !== undefined)
  if (digest === undefined || found.length === 0) return 'gone'
  const events = found.filter((event) => context.wants(event))
  const newest = events.at(-1)
  if (newest === undefined) return 'unwanted'
  // Of those that were only counted, nobody knows whether they are still wanted.
  const total = Math.max(events.length, digest.total - (digest.eventIds.length - events.length))
  if (total === 1 && context.single === 'event') return { ...eventMessage(newest), id: messageId }
  const facts: DigestFacts = { orgId, orgName: newest.orgName, connectionId, key: digest.key, total, events }
  return {
    kind: 'digest',
    id: messageId,
    orgId,
    orgName: newest.orgName,
    timestamp: digest.closedAt,
    key: digest.key,
    subject: context.subject(facts),
    href: context.href ?? newest.href,
    events,
    total,
  }
}

/** Finds the events of a claim. Their ids are unique within their organisation only. */
export type EventLookup = (orgId: string, eventId: string) => StoredEvent | undefined

export function lookupOf(events: readonly StoredEvent[]): EventLookup {
  const byOrg = new Map<string, Map<string, StoredEvent>>()
  for (const event of events) {
    const own = byOrg.get(event.orgId)
    if (own === undefined) byOrg.set(event.orgId, new Map([[event.id, event]]))
    else own.set(event.id, event)
  }
  return (orgId, eventId) => byOrg.get(orgId)?.get(eventId)
}
