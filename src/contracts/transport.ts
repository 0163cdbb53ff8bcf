import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Connection, Pace } from './connection.ts'
import type { HttpPort } from './http.ts'
import type { Message } from './message.ts'
import type { Outcome, RetryPolicy } from './outcome.ts'
import type { SignatureScheme } from './signature.ts'

/** One field of a transport's config: one list drives sealing, masking, forms and docs. */
export interface FieldDescription {
  /** The key in the config. */
  readonly name: string
  readonly label: string
  readonly kind: 'text' | 'url' | 'select' | 'boolean' | 'headers' | 'channel'
  readonly required: boolean
  /** Sealed before it reaches the store, and never shown again. */
  readonly secret?: boolean
  readonly options?: readonly { readonly value: string; readonly label: string }[]
  readonly help?: string
}

/** A place that a credential can post to. */
export interface Channel {
  readonly id: string
  readonly name: string
  /** E.g. the team of a Teams channel. */
  readonly group?: { readonly id: string; readonly name: string }
  /** The config that chooses it, whole but for secrets: `create` and `update` take it as it is. */
  readonly config: Readonly<Record<string, string>>
}

export interface SendContext<Config = unknown> {
  readonly connection: Connection<Config>
  /** Signing secrets, newest first; empty: send unsigned. */
  readonly secrets: readonly string[]
  /** Access token, where the transport has a `provider` or the connection a credential. */
  readonly token?: string
  readonly http: HttpPort
  readonly deliveryId: string
  readonly messageId: string
  /** 1 for the first exchange of this delivery. */
  readonly attempt: number
  /** Epoch ms: the instant of this exchange. */
  readonly now: number
  /** Epoch ms by which the exchange has ended. */
  readonly deadlineAt: number
  /** Shutdown only. An aborted send rejects with `signal.reason`. */
  readonly signal: AbortSignal
}

export interface ChannelsContext<Config = unknown> {
  readonly connection: Connection<Config>
  readonly token?: string
  readonly http: HttpPort
  readonly now: number
  readonly deadlineAt: number
  readonly signal: AbortSignal
}

/**
 * How messages reach one kind of destination.
 *
 * To write your own: pick a `name`, describe the config with any Standard Schema (zod, valibot …) and `fields`, make
 * `build` pure, and let `send` answer an {@link Outcome} for everything that the destination can do; throw only for
 * bugs (the core records those as `transport_threw`).
 */
export interface Transport<Name extends string = string, Input = unknown, Config = unknown, Payload = unknown> {
  /** Unique in a dispatcher. */
  readonly name: Name
  /** Validated at create and update; its output (JSON) is stored. Must accept its own output. */
  readonly config: StandardSchemaV1<Input, Config>
  readonly fields: readonly FieldDescription[]
  /**
   * Sends with an access token of this OAuth provider (`slack`, `microsoft`): the dispatcher asks its `tokens` for one
   * before each exchange.
   */
  readonly provider?: string
  /** Signs requests with a per-connection secret by these schemes; absent: connections have no secret. */
  readonly signatures?: readonly SignatureScheme[]
  /** How long one exchange may take, in ms. @default 10_000 */
  readonly deadlineMs?: number
  /** Default pacing of one connection. */
  readonly pace?: Pace
  /** Default: the dispatcher's. */
  readonly retry?: RetryPolicy
  /** What a valid config still lacks, in words; non-empty → the connection is `incomplete`. */
  missing?(config: Config): readonly string[]
  /** Connections of equal variant share one `build` of a message. Absent: nothing is shared. */
  variant?(config: Config): string
  /** At most one connection with this key in an organisation; checked at create and update. */
  uniqueKey?(connection: Connection<Config>): string | undefined
  /** A label for a connection that was given none. @default the transport's name */
  defaultLabel?(config: Config): string
  /** What the settings card shows of the destination: a truncated URL, or workspace and channel. Never a secret. */
  describe?(config: Config): string
  /** Pure: no I/O, no clock. */
  build(message: Message, connection: Connection<Config>): Payload
  send(payload: Payload, context: SendContext<Config>): Promise<Outcome>
  /**
   * The places that the connection's token can post to.
   * @throws SignalboxError `conflict` that says in words what went wrong; where it was the token, with the cause
   * `{ code: 'token_expired' }`: the dispatcher gets another one and asks once more
   */
  channels?(context: ChannelsContext<Config>): Promise<readonly Channel[]>
}
