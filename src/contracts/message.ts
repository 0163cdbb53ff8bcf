import type { StoredEvent } from './event.ts'

/** What is sent: an event, a digest of events, or a test. Builders turn it into a wire body. */
export type Message = EventMessage | DigestMessage | TestMessage

interface MessageBase {
  /** `msg_…`, without `.`: the `webhook-id`, the same over connections, retries and replays. */
  readonly id: string
  readonly orgId: string
  readonly orgName: string
  /** Epoch ms: when the event happened, the digest closed, the test was asked for. */
  readonly timestamp: number
}

export interface EventMessage extends MessageBase {
  readonly kind: 'event'
  readonly event: StoredEvent
}

export interface DigestMessage extends MessageBase {
  readonly kind: 'digest'
  /** What the events were grouped by; `''` where the connection has one digest. */
  readonly key: string
  readonly subject: string
  /** Link for the batch. */
  readonly href: string
  /** The kept events, oldest first; never empty. */
  readonly events: readonly StoredEvent[]
  /** How many events were collected; `total - events.length` are counted and not kept. */
  readonly total: number
}

export interface TestMessage extends MessageBase {
  readonly kind: 'test'
  readonly title: string
  readonly body: string
  readonly href: string
}
