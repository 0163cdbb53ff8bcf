import type { EventBase } from '../contracts/event.ts'
import type { Outcome } from '../contracts/outcome.ts'
import type { Transport } from '../contracts/transport.ts'

export interface DispatchOptions {
  /**
   * The host's open transaction (only with a store whose `capabilities.tx` is true): the event is accepted when it
   * commits, and never was when it rolls back. After any error inside it the host rolls back.
   */
  readonly tx?: unknown
  /** Also make the first attempts, and answer their outcomes. Not with `tx`. @default false */
  readonly wait?: boolean
  /** How long `wait` waits at most, in ms; what has not ended by then answers `pending`. @default 10_000 */
  readonly waitMs?: number
  /**
   * One event a window: its id is derived from `key` and the number of the fixed window of `everyMs` that now falls in
   * (windows begin at multiples of `everyMs` since 1970, so two events around a border are both accepted).
   */
  readonly dedupe?: { readonly key: string; readonly everyMs: number }
}

export interface DispatchedDelivery {
  readonly id: string
  readonly connectionId: string
  /** `pending` without `wait`, and for what another worker holds or is not due. */
  readonly status: 'pending' | 'delivered' | 'failed' | 'cancelled'
  /** Epoch ms: of the next attempt, while it is pending. */
  readonly dueAt: number
  /** Of the last exchange; only with `wait`. */
  readonly outcome?: Outcome
}

export interface DispatchResult {
  readonly eventId: string
  /** An event with this id was accepted before: this call stored nothing. */
  readonly duplicate: boolean
  readonly deliveries: readonly DispatchedDelivery[]
  /** Digests that the event joined. */
  readonly collected: readonly { readonly connectionId: string; readonly key: string; readonly closesAt: number }[]
}

/** An event that is ready to be written inside a synchronous transaction of the host. */
export interface PreparedEvent {
  /**
   * Writes it on the host's own database handle, inside the transaction that is open there; call
   * `dispatcher.wake()` after the commit.
   * @throws SignalboxError `invalid_input` where the store has no synchronous driver.
   */
  write(db: unknown): DispatchResult
}

/** What one connection would do with an event. */
export interface Explanation {
  readonly connectionId: string
  readonly label: string
  readonly transport: string
  /** `digested`: it joins a digest. */
  readonly decision: 'sent' | 'digested' | 'skipped'
  /** In words. */
  readonly reason: string
  /** Epoch ms: when it would be sent, quiet hours and cooldown considered. Only where it is sent. */
  readonly dueAt?: number
  /** The digest that it joins. Only where it is digested. */
  readonly digest?: { readonly key: string; readonly closesAt: number }
  /** What the transport would send: for webhooks `{ contentType, body, headers? }`. Of a digest: of this event alone. */
  readonly payload?: unknown
}

export interface SendInput<Name extends string, Config, E extends EventBase> {
  readonly orgId: string
  readonly transport: Name
  readonly config: Config
  /** `orgId` may be left out: it is the one of the call. */
  readonly event: Omit<E, 'orgId'> & { readonly orgId?: string }
  /** For transports that sign; left out, requests go out unsigned where the schemes allow that. */
  readonly secret?: string
}

/** What `send` takes: a union over the transports. */
export type SendFor<T, E extends EventBase> =
  T extends Transport<infer N, infer Input, infer _C, infer _P> ? SendInput<N, Input, E> : never
