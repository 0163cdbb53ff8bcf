import type { Subscription } from './catalog.ts'
import type { Importance } from './event.ts'

/**
 * `active` · `paused` (by a person) · `incomplete` (something is missing, e.g. no channel yet) · `suspended` (by the
 * system, with a reason).
 */
export type ConnectionStatus = 'active' | 'paused' | 'incomplete' | 'suspended'

/** Why a connection is not active. */
export interface StatusReason {
  /** Stable: an outcome's code, `failing`, `missing`, `config_invalid`, or `paused`. */
  readonly code: string
  /** In words, for the settings page. */
  readonly text: string
  /** Epoch ms. */
  readonly since: number
}

/** A record of one organisation. Every read and write names both: another organisation's record does not exist. */
export interface Ref {
  readonly orgId: string
  readonly id: string
}

/** Token bucket: `perSecond` on average, up to `burst` at once. */
export interface Pace {
  readonly perSecond: number
  readonly burst: number
}

/**
 * When a digest closes: `everyMs` after its first event; once nothing came for `idleMs`, at the latest `maxMs` after the
 * first; or at the times of a cron pattern (five fields) in an IANA time zone. In ms, from a second to 35 days.
 */
export type DigestWindow =
  | { readonly everyMs: number }
  | { readonly idleMs: number; readonly maxMs: number }
  | { readonly cron: string; readonly timeZone: string }

/** How a connection collects events into digests. */
export interface DigestSettings {
  readonly window: DigestWindow
  /**
   * One digest for each value of this field: `type`, `category`, `importance`, `metadata.…`, or one of the catalog's
   * `digestKeys`. @default '' (one digest)
   */
  readonly key?: string
  /**
   * `send`: the first event goes out at once and opens the window in which the others collect. Best effort: of events
   * dispatched at the same moment, none or several may be the first, and inside a host's transaction (`tx`) all collect;
   * none is lost. @default 'hold'
   */
  readonly leading?: 'hold' | 'send'
  /** Events past so many are counted, not kept: 1 to 1000. @default 200 */
  readonly maxItems?: number
  /** Which ones are kept. @default 'first' */
  readonly keep?: 'first' | 'last'
  /** What a digest of one event is sent as. @default 'event' */
  readonly single?: 'event' | 'digest'
  /** These are sent at once, beside the digest. @default none */
  readonly bypass?: { readonly importance?: readonly Importance[]; readonly eventTypes?: readonly string[] }
}

/** Weekly intervals in which deliveries wait; none is dropped. Urgent events, and tests, pass. */
export interface QuietHours {
  /** IANA name, e.g. `Europe/Dublin`. */
  readonly timeZone: string
  /** `days`: 0 (Sunday) to 6. `from`, `to`: `HH:MM`; `to` before `from` ends on the next day. */
  readonly intervals: readonly { readonly days: readonly number[]; readonly from: string; readonly to: string }[]
}

/** A time in which a connection was not active, in epoch ms: events accepted in it were missed. */
export interface Gap {
  readonly from: number
  /** Exclusive. */
  readonly to: number
}

/** How a connection has been doing. Written by settles only, as deltas; never touches `version`. */
export interface Health {
  readonly consecutiveFailures: number
  /** Epoch ms of the first of these failures. */
  readonly firstFailureAt?: number
  readonly lastSuccessAt?: number
  readonly lastAttemptAt?: number
  /** The latest delivery that was attempted, tests included. */
  readonly latest?: LatestDelivery
}

export interface LatestDelivery {
  readonly deliveryId: string
  /** `pending`: it failed and will be tried again. */
  readonly status: 'delivered' | 'failed' | 'pending'
  /** Epoch ms of the attempt. */
  readonly at: number
  readonly code?: string
  readonly httpStatus?: number
}

/** What transports see of a connection: its config whole again, secret fields included. */
export interface Connection<Config = unknown> extends Subscription {
  readonly id: string
  readonly orgId: string
  readonly transport: string
  readonly label: string
  readonly config: Config
  readonly credentialId?: string
  readonly metadata?: Readonly<Record<string, unknown>>
}

/**
 * What a store keeps of a connection. Every field but the marked ones is opaque to the store. Secret values are sealed
 * before they get here.
 */
export interface ConnectionRecord extends Subscription {
  readonly id: string
  readonly orgId: string
  readonly transport: string
  readonly label: string
  /** The config without its secret fields: JSON. */
  readonly config: Readonly<Record<string, unknown>>
  /** The secret fields of the config, sealed; absent where there are none. */
  readonly sealedConfig?: string
  /** The signing secrets with their ends, sealed; absent where requests go out unsigned. */
  readonly sealedSecrets?: string
  readonly credentialId?: string
  readonly metadata?: Readonly<Record<string, unknown>>
  /** **Store**: only `active` connections are subscribed and claimed. */
  readonly status: ConnectionStatus
  readonly reason?: StatusReason
  /** **Store**: unique in its organisation where present. */
  readonly uniqueKey?: string
  readonly digest?: DigestSettings
  readonly quietHours?: QuietHours
  /** Ended times in which it was not active, oldest first: what replay looks at. */
  readonly gaps?: readonly Gap[]
  /** **Store**: `fifo`: one at a time, in order; a delivery that waits for its retry holds up those behind it. */
  readonly ordering?: 'fifo'
  /** **Store**: pacing of claims; absent: none. */
  readonly pace?: Pace
  /** **Store**: at most so many leased at once, beside the claim's own `perConnection`. */
  readonly maxInFlight?: number
  /** **Store**: nothing is claimed before this instant (epoch ms). Written by settles. */
  readonly blockedUntil?: number
  /** **Store**: written by settles, as deltas. */
  readonly health: Health
  /** Epoch ms. */
  readonly createdAt: number
  readonly updatedAt: number
  /** **Store**: starts at 1, plus one at each `update`; settles leave it. */
  readonly version: number
}
