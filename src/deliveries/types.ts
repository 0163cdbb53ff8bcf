import type { AttemptRecord, DeliveryRecord, DeliveryStatus } from '../contracts/delivery.ts'
import type { Page } from '../contracts/store.ts'

/** Names a delivery. One of another organisation does not exist for the call: `not_found`. */
export interface DeliveryCall {
  readonly orgId: string
  readonly id: string
}

/** A call that changes something: `authorize` is asked first, with `actor`. */
export interface ActingDeliveryCall extends DeliveryCall {
  /** Who is asking, in whatever form the host's `authorize` understands. */
  readonly actor?: unknown
}

/** One message for one connection, as a settings page shows it. */
export interface DeliveryView extends Omit<DeliveryRecord, 'attempts' | 'rounds'> {
  /** Exchanges so far. */
  readonly attemptCount: number
}

/** One exchange with the destination. */
export type AttemptView = Omit<AttemptRecord, 'deliveryId' | 'orgId' | 'connectionId'>

export interface DeliveryDetail extends DeliveryView {
  /** Oldest first. */
  readonly attempts: readonly AttemptView[]
}

export interface DeliveryListQuery {
  readonly orgId: string
  readonly connectionId?: string | undefined
  readonly eventId?: string | undefined
  /** Any of them. @default all */
  readonly status?: DeliveryStatus | readonly DeliveryStatus[] | undefined
  /** Epoch ms; created at or after. */
  readonly since?: number | undefined
  /** Epoch ms; created before. */
  readonly until?: number | undefined
  /** The `next` of the page before. */
  readonly after?: string | undefined
  /** 1–200. @default 50 */
  readonly limit?: number | undefined
}

export interface RetryFailedCall {
  readonly orgId: string
  readonly connectionId: string
  /** Epoch ms: what was created, or missed, at or after. */
  readonly since: number
  readonly actor?: unknown
}

export interface ReplayCall extends RetryFailedCall {
  /** At most so many missed events are added by one call: 1 to 10,000. @default 1000 */
  readonly limit?: number | undefined
}

export interface ReplayResult {
  /** Failed deliveries that are due again. */
  readonly reopened: number
  /** Missed events that the connection gets now, or that joined its digest. */
  readonly added: number
  /** `limit` came first: call again. */
  readonly more: boolean
}

/**
 * What became of messages. Every call names the organisation; a delivery of another one is `not_found`. Calls that
 * change something ask `authorize` first and are `forbidden` when it refuses.
 */
export interface Deliveries {
  /** With its attempts. @throws `not_found` */
  get(call: DeliveryCall): Promise<DeliveryDetail>
  /** Newest first. */
  list(query: DeliveryListQuery): Promise<Page<DeliveryView>>
  /**
   * Makes a failed, cancelled or waiting delivery due now, with all its retries again. While its connection is paused or
   * suspended it waits.
   * @throws `not_found` · `conflict` (it was delivered, is being sent, is a test, or its connection was deleted)
   */
  retry(call: ActingDeliveryCall): Promise<DeliveryView>
  /** Ends a waiting delivery; a cancelled one stays. @throws `not_found` · `conflict` (it has ended, or is being sent) */
  cancel(call: ActingDeliveryCall): Promise<DeliveryView>
  /** `retry` for all failed deliveries of a connection. Answers how many were reopened. @throws `not_found` */
  retryFailed(call: RetryFailedCall): Promise<{ readonly reopened: number }>
  /**
   * `retryFailed`, and what the connection missed since `since` while it was not active, as its filter is now, in the
   * order in which it was accepted: at most one delivery a connection and event, so that a second call adds nothing.
   * Reaches back as far as events are kept.
   * @throws `not_found` · `conflict` (the connection is not active: `resume` it first)
   */
  replay(call: ReplayCall): Promise<ReplayResult>
}
