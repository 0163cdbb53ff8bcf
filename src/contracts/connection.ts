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

/** How a connection collects events into digests. */
export interface DigestSettings {
  readonly window:
    | { readonly everyMs: number }
    | { readonly idleMs: number; readonly maxMs: number }
    | { readonly cron: string; readonly timeZone: string }
  readonly key?: string
  readonly leading?: 'hold' | 'send'
  /** @default 200 */
  readonly maxItems?: number
  readonly keep?: 'first' | 'last'
  readonly single?: 'event' | 'digest'
  readonly bypass?: { readonly importance?: readonly Importance[]; readonly eventTypes?: readonly string[] }
}

/** Weekly intervals in which deliveries wait. */
export interface QuietHours {
  /** IANA name, e.g. `Europe/Dublin`. */
  readonly timeZone: string
  /** `days`: 0 (Sunday) to 6. `from`, `to`: `HH:MM`; `to` before `from` ends on the next day. */
  readonly intervals: readonly { readonly days: readonly number[]; readonly from: string; readonly to: string }[]
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
