/** How much an event matters; `normal` unless said. */
export type Importance = 'low' | 'normal' | 'high' | 'urgent'

/**
 * What every event has, whatever its catalog. `title`, `body` and `href` are optional here because a catalog's
 * `summary` may provide them; without one they are required (see {@link EventInput}).
 */
export interface EventBase<T extends string = string, M extends object = object> {
  /** 1–256 characters, unique in the organisation: the second event with an id is a duplicate. Default: generated. */
  readonly id?: string
  /** The tenant that the event belongs to. */
  readonly orgId: string
  readonly type: T
  /** Only without a catalog; with one, the category is the one that defines `type`. */
  readonly category?: string
  readonly title?: string
  /** Plain text; may hold newlines. */
  readonly body?: string
  /** Absolute URL back into the host application. */
  readonly href?: string
  /** Default: the `name` that the host's `organisation` hook gives, else the `orgId`. */
  readonly orgName?: string
  readonly importance?: Importance
  /** JSON. Stored as the output of the definition's schema, sent with its keys in the order given. */
  readonly metadata?: M
  /** When it happened: ISO 8601 with an offset or `Z`, or epoch ms. Default: now. */
  readonly timestamp?: string | number
}

/** An event as the host hands it to `dispatch`. */
export interface EventInput<T extends string = string, M extends object = object> extends EventBase<T, M> {
  readonly title: string
  readonly body: string
  readonly href: string
}

/** An event as it was accepted and stored: complete, checked, immutable. */
export interface StoredEvent {
  readonly id: string
  readonly orgId: string
  readonly type: string
  readonly category?: string
  readonly title: string
  readonly body: string
  readonly href: string
  readonly orgName: string
  readonly importance: Importance
  readonly metadata?: object
  /** Epoch ms at which it happened. */
  readonly timestamp: number
  /** `msg_…`: the `webhook-id`, the same over connections, retries and replays. */
  readonly messageId: string
  /** Epoch ms at which `dispatch` accepted it. */
  readonly acceptedAt: number
}
