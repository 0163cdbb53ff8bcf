import type { Subscription } from '../contracts/catalog.ts'
import type {
  ConnectionStatus,
  DigestSettings,
  LatestDelivery,
  Pace,
  QuietHours,
  StatusReason,
} from '../contracts/connection.ts'
import type { EventBase, Importance } from '../contracts/event.ts'
import type { OAuthGrant } from '../contracts/oauth.ts'
import type { Outcome, OutcomeCode } from '../contracts/outcome.ts'
import type { Page } from '../contracts/store.ts'
import type { Channel, Transport } from '../contracts/transport.ts'

/** Names a connection. One of another organisation does not exist for the call: `not_found`. */
export interface ConnectionCall {
  readonly orgId: string
  readonly id: string
}

/** A call that changes or sends something: `authorize` is asked first, with `actor`. */
export interface ActingCall extends ConnectionCall {
  /** Who is asking, in whatever form the host's `authorize` understands. */
  readonly actor?: unknown
}

/** Settings that every connection has, whatever its transport. */
interface CommonSettings<E extends EventBase, K extends string> {
  /** 1–200 characters. @default the URL's host or the channel's name */
  readonly label?: string | undefined
  /** None: all categories, also those that the catalog gets later. */
  readonly categories?: readonly K[] | undefined
  /** Narrows the categories they belong to; those of which none is named stay whole. Of chosen categories only. */
  readonly eventTypes?: readonly E['type'][] | undefined
  /** Events below it are not for this connection. @default all */
  readonly minImportance?: Importance | undefined
}

export interface CreateSettings<N extends string, Input, E extends EventBase, K extends string>
  extends CommonSettings<E, K> {
  readonly orgId: string
  /** The name of one of the dispatcher's transports. */
  readonly transport: N
  /** What the transport's schema takes, e.g. the `config` of one of `channels`. The egress guard checks URLs in it. */
  readonly config: Input
  /** 1–128 characters of `A-Z a-z 0-9 . _ -`, unique over all organisations. @default generated, `con_…` */
  readonly id?: string | undefined
  /** The host's own JSON object, at most 16 KiB. Transports see it; nothing else reads it. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
  /** `fifo`: one delivery at a time, in order; one that waits for its retry holds up those behind it. */
  readonly ordering?: 'fifo' | undefined
  /** `false`: no pacing. @default the transport's */
  readonly pace?: Pace | false | undefined
  /** At most so many deliveries under way at once, 1–1000. @default the worker's `perConnection` */
  readonly maxInFlight?: number | undefined
  /** Collects events into digests. @default each event goes out at once */
  readonly digest?: DigestSettings | undefined
  /** Weekly times in which deliveries wait. @default none */
  readonly quietHours?: QuietHours | undefined
  /**
   * Signs requests. A given one must suit every scheme of the transport. `false`: requests go out unsigned, only where
   * every scheme allows it. @default generated
   */
  readonly secret?: string | false | undefined
  /**
   * Sends with this credential, which is there already: a second channel of a workspace. Only where the transport has a
   * `provider`. With the host's own source of tokens, any text that it understands.
   *
   * @example
   * const { credentialId } = await connections.get(call)
   * for (const { id, config } of await connections.channels(call)) {
   *   if (id === chosen) await connections.create({ orgId, transport: 'slack', credentialId, config })
   * }
   */
  readonly credentialId?: string | undefined
  readonly actor?: unknown
}

/** What `create` takes: a union over the transports `T`, with events `E` and categories `K` of the catalog. */
export type CreateFor<T, E extends EventBase, K extends string> =
  T extends Transport<infer N, infer Input, infer _C, infer _P> ? CreateSettings<N, Input, E, K> : never

export interface ConnectSettings<N extends string, Input, E extends EventBase, K extends string>
  extends Omit<CreateSettings<N, Input, E, K>, 'config' | 'credentialId'> {
  /** What the provider's `exchange` answered, for a transport that has this `provider`. */
  readonly grant: OAuthGrant
  /** Beside, or instead of, what the grant itself chose. */
  readonly config?: (unknown extends Input ? unknown : Partial<Input>) | undefined
  /**
   * One that is there is connected anew; the other settings change where they are given. `secret` only for a new one.
   * @default a new connection
   */
  readonly id?: string | undefined
}

/** What `connect` takes: a union over the transports `T`. */
export type ConnectFor<T, E extends EventBase, K extends string> =
  T extends Transport<infer N, infer Input, infer _C, infer _P> ? ConnectSettings<N, Input, E, K> : never

type ConfigPatch<Input> = unknown extends Input ? unknown : { readonly [F in keyof Input]?: Input[F] | null }

export interface UpdateSettings<Input, E extends EventBase, K extends string>
  extends ActingCall,
    Omit<CommonSettings<E, K>, 'minImportance'> {
  /**
   * Replaces the config whole; secret fields that are left out are kept, and removed by `null`. Everything else that
   * the schema requires must be there.
   */
  readonly config?: ConfigPatch<Input> | undefined
  /** Replaces it whole; `null` removes it. */
  readonly metadata?: Readonly<Record<string, unknown>> | null | undefined
  /** `null`: no order. */
  readonly ordering?: 'fifo' | null | undefined
  /** `false`: no pacing. `null`: the transport's again. */
  readonly pace?: Pace | false | null | undefined
  /** `null`: no limit of its own. */
  readonly maxInFlight?: number | null | undefined
  /** `null`: no lower bound. */
  readonly minImportance?: Importance | null | undefined
  /** Replaces them whole; what is collected already closes as it would have. `null`: each event goes out at once. */
  readonly digest?: DigestSettings | null | undefined
  /** Replaces them whole; `null` removes them. */
  readonly quietHours?: QuietHours | null | undefined
  /** Sends with another credential, which is there already. Only where the transport has a `provider`. */
  readonly credentialId?: string | undefined
  /** The `version` of the view that the change is based on; another one now is a `conflict`. */
  readonly expectedVersion?: number | undefined
}

/** What `update` takes. Fields that are left out stay as they are. */
export type UpdateFor<T, E extends EventBase, K extends string> =
  T extends Transport<infer _N, infer Input, infer _C, infer _P> ? UpdateSettings<Input, E, K> : never

/** What a settings page shows of a connection. Never a secret. */
export interface ConnectionView extends Subscription {
  readonly id: string
  readonly orgId: string
  readonly transport: string
  readonly label: string
  /** A truncated URL, or workspace and channel; `''` where the transport does not say or the config can't be read. */
  readonly destination: string
  /** The config without its secret fields. */
  readonly config: Readonly<Record<string, unknown>>
  /** The names of the secret fields that are set. */
  readonly secretFields: readonly string[]
  /** Whether it has a signing secret. */
  readonly signed: boolean
  readonly status: ConnectionStatus
  /** Why it is not active, or why nothing can be sent although it is; `text` is in words. */
  readonly reason?: StatusReason
  /** `unknown`: nothing was sent yet. */
  readonly health: 'ok' | 'failing' | 'unknown'
  /** Epoch ms of the first of the current consecutive failures. */
  readonly failingSince?: number
  readonly consecutiveFailures: number
  /** Epoch ms. */
  readonly lastSuccessAt?: number
  /** The latest delivery that was attempted, tests included. */
  readonly latestDelivery?: LatestDelivery
  /**
   * Epoch ms at which the next pending delivery is due, cooldown included; in the past: as soon as a worker gets to it.
   * `list` tells it of connections that are failing or cooling down only.
   */
  readonly nextAttemptAt?: number
  readonly credentialId?: string
  readonly ordering?: 'fifo'
  readonly pace?: Pace
  readonly maxInFlight?: number
  readonly digest?: DigestSettings
  readonly quietHours?: QuietHours
  readonly metadata?: Readonly<Record<string, unknown>>
  /** Epoch ms. */
  readonly createdAt: number
  readonly updatedAt: number
  /** For `expectedVersion`. One higher at each change. */
  readonly version: number
}

export interface CreatedConnection {
  readonly connection: ConnectionView
  /** The signing secret: shown here and never again. Absent where requests go out unsigned. */
  readonly secret?: string
}

export interface ConnectedConnection extends CreatedConnection {
  /** `false`: the connection was there, and was connected anew. */
  readonly created: boolean
}

export interface RotatedSecret {
  readonly connection: ConnectionView
  /** The new one: shown here and never again. */
  readonly secret: string
}

export interface RotateSecretCall extends ActingCall {
  /** How long the old secret goes on signing beside the new one, in ms; at most 30 days. @default 0: it stops at once */
  readonly overlapMs?: number | undefined
  /** @default generated */
  readonly secret?: string | undefined
}

export interface TestCall extends ActingCall {
  /** Where the message links to. @default `settingsUrl` of the organisation */
  readonly href?: string | undefined
}

/** How a test went. */
export interface TestResult {
  /** Its record: `deliveries.get` has the attempt. */
  readonly deliveryId: string
  readonly ok: boolean
  readonly outcome: Outcome['kind']
  readonly code?: OutcomeCode
  /** HTTP status. */
  readonly status?: number
  readonly latencyMs: number
  readonly detail?: string
}

export interface ConnectionListQuery {
  readonly orgId: string
  readonly transport?: string | undefined
  /** The `next` of the page before. */
  readonly after?: string | undefined
  /** 1–200. @default 50 */
  readonly limit?: number | undefined
}

/**
 * The management of connections. Every call names the organisation; a connection of another one is `not_found`. Calls
 * that change or send something ask `authorize` first and are `forbidden` when it refuses. Bad input is `invalid_input`
 * with the `field`; a change that lost a race is tried again, unless `expectedVersion` was given.
 */
export interface Connections<
  E extends EventBase = EventBase,
  K extends string = string,
  T extends Transport = Transport,
> {
  /**
   * Checks and stores a connection. It is `active`, or `incomplete` where the transport says that something is missing.
   * @throws `invalid_input` · `blocked_url` · `conflict` (the id is taken, or the transport allows one such connection) ·
   * `not_found` (no such credential)
   */
  create(input: CreateFor<T, E, K>): Promise<CreatedConnection>
  /**
   * Keeps an OAuth grant, and makes a connection that sends with it: `active`, or `incomplete` where neither the grant
   * nor `config` chose a channel (`channels` and `update` do). With the `id` of one that is there, that one gets the
   * grant, and what it chose; a suspension ends, a pause stays. All connections of the workspace or account use the new
   * grant from then on, and those that were suspended for want of one are resumed. What fails leaves no connection, and
   * the grant can be used again.
   * @throws `invalid_input` (e.g. the dispatcher keeps no grants: `storedTokens`) · `blocked_url` · `conflict`
   */
  connect(input: ConnectFor<T, E, K>): Promise<ConnectedConnection>
  /** @throws `not_found` */
  get(call: ConnectionCall): Promise<ConnectionView>
  /** By id, ascending. */
  list(query: ConnectionListQuery): Promise<Page<ConnectionView>>
  /**
   * Changes what is given. One that was `incomplete` and lacks nothing any more becomes `active`; a pause or suspension
   * stays until `resume`.
   * @throws `not_found` · `invalid_input` · `blocked_url` · `conflict`
   */
  update(input: UpdateFor<T, E, K>): Promise<ConnectionView>
  /** Nothing is sent until `resume`; what is pending waits, and new events are not collected for it. Idempotent. */
  pause(call: ActingCall): Promise<ConnectionView>
  /** Ends a pause, a suspension or a cooldown, and gives a failing one its full time again. Idempotent. */
  resume(call: ActingCall): Promise<ConnectionView>
  /** @throws `not_found` · `invalid_input` (the transport does not sign, or the given secret does not suit) */
  rotateSecret(call: RotateSecretCall): Promise<RotatedSecret>
  /**
   * Sends a test message at once, over the same path as everything else; to paused and suspended connections too.
   * Changes no status and counts for no health, but becomes the latest delivery.
   * @throws `not_found` · `conflict` (something is missing; the message says what) · `invalid_input` (no `href`)
   */
  test(call: TestCall): Promise<TestResult>
  /**
   * Removes it with its secrets, and cancels what is pending; deliveries and attempts stay readable. With the last one
   * of a workspace or account its grant is erased, and revoked at the provider. @throws `not_found`
   */
  delete(call: ActingCall): Promise<void>
  /**
   * The places that its credential can post to.
   * @throws `not_found` · `invalid_input` (the transport has no channels) · `conflict` (the credential does not work)
   */
  channels(call: ConnectionCall): Promise<readonly Channel[]>
}
