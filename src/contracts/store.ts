import type { ConnectionRecord, ConnectionStatus, Health, LatestDelivery, Ref } from './connection.ts'
import type { AttemptRecord, DeliveryRecord, DeliveryStatus, NewDelivery, Settlement } from './delivery.ts'
import type { StoredEvent } from './event.ts'

/**
 * Where connections, events, deliveries, attempts and keys live: five small repositories. Each call is atomic.
 *
 * Rules for all of them:
 * - time and ids are passed in; instants are epoch milliseconds; a store never reads a clock;
 * - what a call returns is not changed by the store afterwards, and a caller's later changes to its arguments do not
 *   reach the store (records are treated as immutable by both sides, so sharing them is fine);
 * - failures reject with a `SignalboxError`: `conflict`, `not_found`, `schema_outdated`, or `store_failed` with `cause`;
 * - every list is ordered, has a limit and a cursor that stays valid while rows are added.
 *
 * Prove an implementation with `storeContract` from `signalbox/testing`.
 */
export interface Store {
  readonly name: string
  readonly capabilities: {
    /** Whether `enqueue` and `subscribed` can join a transaction of the host (`tx`). */
    readonly tx: boolean
    /** Whether records outlive the process: then secrets must be sealed. */
    readonly durable: boolean
    /**
     * Whether `enqueue` looks at `EnqueueBatch.subscriptions`. For stores that are a network away: a dispatch need not
     * ask before it writes. @default false
     */
    readonly checksSubscriptions?: boolean
  }
  readonly connections: ConnectionRepository
  readonly events: EventRepository
  readonly deliveries: DeliveryRepository
  readonly digests: DigestRepository
  readonly keys: KeyRepository
  /**
   * Makes the store ready; idempotent, called once by the dispatcher before anything else. An old schema that the host
   * must migrate is refused as `schema_outdated`. With `tx` (only where `capabilities.tx`) every statement goes through
   * it: the dispatcher's first call may come from inside a transaction that holds the host's last connection.
   */
  setup(options?: { readonly tx?: unknown }): Promise<void>
  /** Frees what the store itself opened; never what the host passed in. */
  close(): Promise<void>
  /**
   * Calls `listener` when another process may have enqueued work, so that it need not wait for a poll; best effort, and
   * never at once. Answers how to stop. A started dispatcher listens until it is closed.
   */
  onWake?(listener: () => void): () => void
  /** Tells those listeners in other processes: the host committed something in a transaction of its own. Best effort. */
  announce?(): void
}

export interface Page<T> {
  readonly items: readonly T[]
  /** Pass as `after` for the next page; absent on the last one. */
  readonly next?: string
}

/** Paging: `limit` 1–1000; `after`: the `next` of the page before. */
export interface PageQuery {
  readonly after?: string
  readonly limit: number
}

// ---------------------------------------------------------------------------------------------- connections

/**
 * `null` removes the field. `version`, `health` and `blockedUntil` are the store's to write; callers may only lift a
 * cooldown (`blockedUntil: null`) and restart the failing window: with `failingSince` (epoch ms) `firstFailureAt`
 * becomes that instant, where there are consecutive failures.
 */
export type ConnectionPatch = {
  readonly [F in Exclude<
    keyof ConnectionRecord,
    'id' | 'orgId' | 'createdAt' | 'version' | 'health' | 'blockedUntil'
  >]?: ConnectionRecord[F] | null
} & { readonly blockedUntil?: null; readonly failingSince?: number }

/** What matching needs of an active connection. */
export type SubscribedConnection = Pick<
  ConnectionRecord,
  'id' | 'orgId' | 'transport' | 'categories' | 'eventTypes' | 'minImportance' | 'digest' | 'quietHours'
>

export interface SubscriptionSet {
  /** Opaque, unique: new at each change of status or subscription of the organisation (never of health), never used twice. */
  readonly version: string
  /** The active connections, by id. */
  readonly connections: readonly SubscribedConnection[]
}

export interface ConnectionRepository {
  /** @throws `conflict` when the id is taken (in any organisation) or the `uniqueKey` is taken in this one; `field` says which. */
  insert(record: ConnectionRecord): Promise<void>
  get(ref: Ref): Promise<ConnectionRecord | undefined>
  /** By id, ascending. Without `orgId`: over all organisations (upkeep only). */
  list(query: PageQuery & { readonly orgId?: string; readonly transport?: string }): Promise<Page<ConnectionRecord>>
  /**
   * Replaces the fields of `patch`, if the stored version is `expectedVersion`; answers the new record, whose version
   * is one higher. Making a connection active again makes its pending deliveries claimable at once.
   * @throws `not_found`; `conflict` when the version differs or the `uniqueKey` is taken.
   */
  update(ref: Ref, patch: ConnectionPatch, expectedVersion: number): Promise<ConnectionRecord>
  /**
   * Removes the connection, its open digests, and cancels its pending deliveries (large numbers in portions; what is
   * left over after a crash is cancelled when a claim meets it). Deliveries and attempts stay readable. What is leased
   * at that moment may still be settled. Answers whether there was one.
   */
  delete(ref: Ref, options: { readonly now: number }): Promise<boolean>
  /**
   * The set of active connections to match events against, or `unchanged` where its version is still `since`. Set and
   * version come from one snapshot. A change that resolved before this call was made is seen.
   */
  subscribed(
    orgId: string,
    options?: { readonly since?: string; readonly tx?: unknown },
  ): Promise<SubscriptionSet | 'unchanged'>
}

// ---------------------------------------------------------------------------------------------- deliveries

/** Adds an event to the open digest of a connection and key. */
export interface CollectEntry {
  readonly orgId: string
  readonly connectionId: string
  /** `''` where the connection has one digest. */
  readonly key: string
  readonly eventId: string
  /** When this member joined (epoch ms): the order within the digest, then the event id. */
  readonly at: number
  /** The digest closes at the earlier of its latest `closesAt` and its earliest `mustCloseAt`. */
  readonly closesAt: number
  readonly mustCloseAt: number
  /** Past so many, events are counted, not kept. The entry that joined last decides. */
  readonly maxItems: number
  readonly keep: 'first' | 'last'
}

export interface EnqueueBatch {
  readonly events: readonly StoredEvent[]
  readonly deliveries: readonly NewDelivery[]
  readonly collect: readonly CollectEntry[]
  /** A host's open transaction: every statement goes through it. Only where `capabilities.tx`. */
  readonly tx?: unknown
  /**
   * Several callers share this batch, and each will be written alone if it fails: rather than wait for another
   * transaction (one that inserts the same event, say), a store may fail soon.
   */
  readonly shared?: boolean
  /**
   * The versions of the subscriptions that the batch was planned with, only where `capabilities.checksSubscriptions`:
   * where one of them is another by now, nothing is written, and the answer is `outdated`. A change that resolved
   * before this call was made is seen.
   */
  readonly subscriptions?: readonly { readonly orgId: string; readonly version: string }[]
}

export interface EnqueueResult {
  /** Nothing was written: see `EnqueueBatch.subscriptions`. */
  readonly outdated?: boolean
  /** Events whose `(orgId, id)` was known: they, and the batch's deliveries and digest members of them, were left out. */
  readonly duplicates: readonly Ref[]
}

/** A delivery that was handed out. */
export interface LeasedDelivery extends DeliveryRecord {
  readonly status: 'sending'
  readonly token: string
  /** Epoch ms. */
  readonly leasedUntil: number
}

export interface ClaimRequest {
  readonly now: number
  /** At most so many deliveries. */
  readonly limit: number
  /** At most so many leased at once of one connection, over all workers. */
  readonly perConnection: number
  readonly leaseMs: number
  /** Unique to this claim: what settles, renewals and releases are checked against. */
  readonly token: string
  /** Only deliveries of connections with these transports. */
  readonly transports: readonly string[]
  /** Only these deliveries (unknown and not due ones are passed over); caps, pace, blocks and FIFO hold all the same. */
  readonly ids?: readonly string[]
}

export interface ClaimResult {
  readonly deliveries: readonly LeasedDelivery[]
  /** The events of these deliveries, each once. */
  readonly events: readonly StoredEvent[]
  /** The connections of these deliveries, each once. */
  readonly connections: readonly ConnectionRecord[]
  /**
   * When there may be more to claim, leases that run out and digests that close included; `<= now`: come back at once;
   * `null`: nothing is waiting. Without `ids` only.
   */
  readonly nextAt: number | null
}

export interface SettleResult {
  /** Deliveries whose lease was no longer the caller's: nothing of theirs was written. */
  readonly stale: readonly string[]
  /** Each connection that the accepted settlements touched and that still exists, once. */
  readonly connections: readonly {
    readonly orgId: string
    readonly id: string
    readonly version: number
    readonly status: ConnectionStatus
    readonly before: Health
    readonly after: Health
    /** This settle suspended it. */
    readonly suspended: boolean
  }[]
}

/** Which deliveries a `reschedule` is about. Leased ones are never touched. */
export type RescheduleFilter =
  | { readonly ids: readonly string[] }
  /** Failed ones that were created at or after `since`. */
  | { readonly connectionId: string; readonly failedSince: number }

export interface DeliveryRepository {
  /**
   * One atomic write: all of it or nothing. It only inserts.
   * - A known event `(orgId, id)` is left as it is and reported; the deliveries and digest members of it in this batch
   *   are left out. Of two equal events within one batch the first counts; callers leave the
   *   deliveries of the second out.
   * - Deliveries may name an event stored before (replay). A known delivery id is left as it is. An event that is
   *   already a member of an open digest joins it once.
   * - Deliveries for a connection that does not exist are stored and cancelled at their first visit.
   */
  enqueue(batch: EnqueueBatch): Promise<EnqueueResult>
  /**
   * The same, synchronously on the host's own database handle, inside the transaction that the host has open there.
   * Only for stores over a synchronous driver.
   */
  enqueueOn?(db: unknown, batch: EnqueueBatch): EnqueueResult
  /**
   * Stores a delivery that has ended already, with its attempts: the record of a test. Sets `health.latest` of the
   * connection; the rest of its health, and its status, stay.
   */
  record(delivery: DeliveryRecord, attempts: readonly AttemptRecord[], latest: LatestDelivery): Promise<void>
  /**
   * Leases due deliveries, first sealing the digests that are due (see {@link CollectEntry}).
   * - None of a connection that is not `active`, is blocked (`blockedUntil`), or whose pace has no token.
   * - At most `perConnection` (and `maxInFlight`; 1 where `fifo`, and while the connection has failed 5 times in a row
   *   or more) leased at once of one connection, over all processes. `planLane` knows these limits.
   * - Fair: connections with due work are visited in rotation, none twice before each once.
   * - A lease that ran out makes its delivery due again at once. After 5 lost in a row it fails as `abandoned`
   *   (an attempt with that code is recorded): callers begin the sends of what they claimed at once, or `release`.
   * - A delivery whose connection has gone becomes `cancelled`.
   */
  claim(request: ClaimRequest): Promise<ClaimResult>
  /**
   * Writes the results of leased deliveries in one go: next states, attempts, health, cooldowns, suspensions. Each is a
   * compare-and-set on its lease token: a stale one changes nothing, is reported, and does not hinder the others.
   */
  settle(settlements: readonly Settlement[]): Promise<SettleResult>
  /** Extends leases; answers the delivery ids whose lease was lost. */
  renew(leases: readonly Lease[], leasedUntil: number): Promise<readonly string[]>
  /** Gives leases back unused: due at once, nothing counted, pace tokens returned. Stale ones are passed over. */
  release(leases: readonly Lease[]): Promise<void>
  get(ref: Ref): Promise<DeliveryRecord | undefined>
  /** Newest first (by `createdAt`, then id). */
  list(
    query: PageQuery & {
      readonly orgId: string
      readonly connectionId?: string
      readonly eventId?: string
      readonly status?: readonly DeliveryStatus[]
      /** Epoch ms; by `createdAt`, inclusive. */
      readonly since?: number
      /** Epoch ms; exclusive. */
      readonly until?: number
    },
  ): Promise<Page<DeliveryRecord>>
  /** Of one delivery, oldest first. */
  attempts(ref: Ref): Promise<readonly AttemptRecord[]>
  /**
   * `pending`: makes pending, failed and cancelled deliveries due at `dueAt`, `rounds` and lost leases back to 0.
   * `cancelled`: ends pending ones. Leased and delivered ones are left alone. Answers the ids that it changed.
   */
  reschedule(request: {
    readonly orgId: string
    readonly filter: RescheduleFilter
    readonly to: { readonly status: 'pending'; readonly dueAt: number } | { readonly status: 'cancelled' }
    readonly now: number
    readonly limit: number
  }): Promise<readonly string[]>
  /**
   * Removes deliveries in a final status that ended before `before`, their attempts, and events accepted before
   * `eventsBefore` that no delivery or open digest needs; with `orgId`, only that organisation's, and with
   * `everything`, all of its connections, deliveries, events and digests. At most `limit` rows of each kind a call.
   */
  purge(request: {
    readonly before: number
    readonly eventsBefore: number
    readonly orgId?: string
    readonly everything?: boolean
    readonly now: number
    readonly limit: number
  }): Promise<{ readonly removed: number; readonly more: boolean }>
  /** The earliest instant at which something may be claimable (leases that run out included), or `null`. */
  nextDueAt(transports: readonly string[]): Promise<number | null>
}

export interface Lease {
  readonly deliveryId: string
  readonly connectionId: string
  readonly token: string
}

// ---------------------------------------------------------------------------------------------- events, digests, keys

export interface EventRepository {
  get(ref: Ref): Promise<StoredEvent | undefined>
  /** By `acceptedAt`, then id, ascending. `since` inclusive, `until` exclusive, epoch ms. */
  list(
    query: PageQuery & { readonly orgId: string; readonly since?: number; readonly until?: number },
  ): Promise<Page<StoredEvent>>
}

/** An open digest. */
export interface OpenDigest {
  readonly orgId: string
  readonly connectionId: string
  readonly key: string
  readonly total: number
  /** Epoch ms. */
  readonly openedAt: number
  readonly closesAt: number
}

export interface DigestRepository {
  /** By connection id, then key, ascending. Without `orgId`: over all organisations (a flush at the end only). */
  list(query: PageQuery & { readonly orgId?: string; readonly connectionId?: string }): Promise<Page<OpenDigest>>
  /** The open digest with its kept events, or `undefined`. */
  peek(request: {
    readonly orgId: string
    readonly connectionId: string
    readonly key: string
  }): Promise<(OpenDigest & { readonly events: readonly StoredEvent[] }) | undefined>
  /** Closes it now: its delivery is due at `now`. Answers the delivery's id, or `undefined` where none was open. */
  seal(request: {
    readonly orgId: string
    readonly connectionId: string
    readonly key: string
    readonly now: number
  }): Promise<string | undefined>
}

export interface KeyEntry {
  readonly key: string
  readonly value: string
  /** Opaque. */
  readonly version: string
}

/**
 * Small values by key, with compare-and-set: credentials, refresh leases, single-use OAuth states, receivers'
 * deduplication. An expired entry is absent to every call.
 */
export interface KeyRepository {
  get(key: string, options: { readonly now: number }): Promise<KeyEntry | undefined>
  /**
   * Writes if the entry's version is `expectedVersion`, or if there is none (`absent: true`), or in any case (neither).
   * Answers the new version. @throws `conflict`
   */
  put(
    key: string,
    value: string,
    options: {
      readonly now: number
      readonly expectedVersion?: string
      readonly absent?: true
      /** Epoch ms. */
      readonly expiresAt?: number
    },
  ): Promise<string>
  /** Answers whether there was one. With `expectedVersion`, another version is a `conflict`. */
  delete(key: string, options: { readonly now: number; readonly expectedVersion?: string }): Promise<boolean>
  /** Entries whose key starts with `prefix`, by key. */
  list(prefix: string, query: PageQuery & { readonly now: number }): Promise<Page<KeyEntry>>
}
