import type { StatusReason } from '../contracts/connection.ts'
import type { AttemptRecord, FailureReason } from '../contracts/delivery.ts'
import type { OutcomeCode } from '../contracts/outcome.ts'

interface OfConnection {
  readonly orgId: string
  readonly connectionId: string
}

interface OfDelivery extends OfConnection {
  readonly deliveryId: string
  /** Exchanges so far. */
  readonly attempts: number
  readonly code?: OutcomeCode
  readonly httpStatus?: number
}

/** What `dispatcher.on` announces. Process-local, best effort: of what this process did, and after it was stored, but for attempts. */
export interface DispatcherEvents {
  /** Every exchange, as it ends: a span is `startedAt` to `startedAt + durationMs`. */
  'delivery.attempted': AttemptRecord & {
    readonly messageId: string
    readonly transport: string
    /** Of deliveries of one event. */
    readonly eventId?: string
  }
  'delivery.delivered': OfDelivery
  /** Final: the destination will not take this message. */
  'delivery.failed': OfDelivery & { readonly failure: FailureReason }
  /** Final: the schedule of retries ended. */
  'delivery.exhausted': OfDelivery & { readonly failure: FailureReason }
  /** A digest goes out for the first time. */
  'digest.closed': OfConnection & {
    readonly deliveryId: string
    readonly messageId: string
    readonly key: string
    /** How many events were collected, and how many of them it holds. */
    readonly total: number
    readonly kept: number
    /** Epoch ms at which it was due to close. */
    readonly closedAt: number
  }
  'connection.suspended': OfConnection & { readonly reason: StatusReason }
  /** A delivery succeeded after failures. */
  'connection.recovered': OfConnection & { readonly failingSince: number | undefined }
}
