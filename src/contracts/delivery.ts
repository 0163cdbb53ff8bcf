import type { StatusReason } from './connection.ts'
import type { HealthDelta } from './health.ts'
import type { Outcome, OutcomeCode, Receipt } from './outcome.ts'

/** `pending` → `sending` (leased) → `delivered` · `failed` · `cancelled`. */
export type DeliveryStatus = 'pending' | 'sending' | 'delivered' | 'failed' | 'cancelled'

/** Why a delivery ended without having been delivered. */
export type FailureReason = 'rejected' | 'exhausted' | 'ambiguous' | 'gone' | 'reauthorize' | 'abandoned'

/** What a sealed digest consists of. */
export interface DigestContent {
  readonly key: string
  /** Ids of the kept events, oldest first. */
  readonly eventIds: readonly string[]
  /** How many were collected. */
  readonly total: number
  /** Epoch ms at which it was due to close. */
  readonly closedAt: number
}

/** One message for one connection. */
export interface DeliveryRecord {
  /** `dlv_…`, derived from the message and the connection: the same message is never enqueued twice for one. */
  readonly id: string
  readonly orgId: string
  readonly connectionId: string
  readonly kind: 'event' | 'digest' | 'test'
  readonly messageId: string
  /** Where `kind` is `event`. */
  readonly eventId?: string
  /** Where `kind` is `digest`. */
  readonly digest?: DigestContent
  readonly status: DeliveryStatus
  /** Epoch ms from which it may be claimed. */
  readonly dueAt: number
  /** Epoch ms. */
  readonly createdAt: number
  /** Epoch ms at which it reached a final status. */
  readonly finishedAt?: number
  /** Exchanges so far. */
  readonly attempts: number
  /** Durable rounds that ended in a retry: the index into the policy's `delaysMs`. */
  readonly rounds: number
  /** Outcome of the last exchange. */
  readonly code?: OutcomeCode
  readonly httpStatus?: number
  readonly failure?: FailureReason
  readonly receipt?: Receipt
}

/** What `enqueue` inserts: pending, with nothing attempted yet. */
export type NewDelivery = Pick<
  DeliveryRecord,
  'id' | 'orgId' | 'connectionId' | 'kind' | 'messageId' | 'eventId' | 'dueAt' | 'createdAt'
>

/** One exchange with the destination. */
export interface AttemptRecord {
  readonly deliveryId: string
  readonly orgId: string
  readonly connectionId: string
  /** 1 for the first. */
  readonly number: number
  /** Epoch ms. */
  readonly startedAt: number
  readonly durationMs: number
  readonly outcome: Outcome['kind']
  readonly code?: OutcomeCode
  /** HTTP status. */
  readonly status?: number
  readonly providerCode?: string
  readonly detail?: string
  /** Redacted, at most 2 KiB. */
  readonly snippet?: string
  readonly retryAfterMs?: number
}

/** The state that a settled delivery goes to. */
export type NextState =
  | { readonly status: 'delivered'; readonly receipt?: Receipt }
  | { readonly status: 'failed'; readonly failure: FailureReason }
  /** Counts as a round where the settlement has `exchanges`; without, it was only put off. */
  | { readonly status: 'pending'; readonly dueAt: number }
  /** Nothing of it is to be sent any more: a digest whose events no longer match. */
  | { readonly status: 'cancelled' }

/** The result of working off one leased delivery. */
export interface Settlement {
  readonly orgId: string
  readonly deliveryId: string
  readonly connectionId: string
  /** The token of the claim that leased it. */
  readonly token: string
  /** Exchanges made under this lease; added to the delivery's count even where `attempts` leaves some out. */
  readonly exchanges: number
  /** The attempts to record. */
  readonly attempts: readonly AttemptRecord[]
  readonly next: NextState
  /** Of the last exchange. */
  readonly code?: OutcomeCode
  readonly httpStatus?: number
  /** Epoch ms at which the exchange ended: `finishedAt` of a final state. */
  readonly at: number
  readonly health?: HealthDelta
  /** The connection cools down: nothing of it is claimed before. Kept where the stored instant is later. */
  readonly blockedUntil?: number
  /** Suspend the connection with this reason, if it is active. */
  readonly suspend?: StatusReason
}
