import type {
  ClaimRequest,
  ClaimResult,
  ConnectionRecord,
  DeliveryRecord,
  DeliveryRepository,
  EnqueueBatch,
  EnqueueResult,
  Lease,
  Outcome,
  Settlement,
  SettleResult,
} from '../../src/contracts/index.ts'

type Reschedule = Parameters<DeliveryRepository['reschedule']>[0]
type Purge = Parameters<DeliveryRepository['purge']>[0]

/** A change that the store made, whether or not its caller heard of it. */
export type Commit =
  | { readonly method: 'enqueue'; readonly batch: EnqueueBatch; readonly result: EnqueueResult }
  | { readonly method: 'claim'; readonly request: ClaimRequest; readonly result: ClaimResult }
  | { readonly method: 'settle'; readonly settlements: readonly Settlement[]; readonly result: SettleResult }
  | {
      readonly method: 'renew'
      readonly leases: readonly Lease[]
      readonly until: number
      readonly lost: readonly string[]
    }
  | { readonly method: 'release'; readonly leases: readonly Lease[] }
  | { readonly method: 'reschedule'; readonly request: Reschedule; readonly changed: readonly string[] }
  | { readonly method: 'purge'; readonly request: Purge; readonly left: readonly string[] }
  | { readonly method: 'record'; readonly delivery: DeliveryRecord }
  | { readonly method: 'seal'; readonly connectionId: string; readonly key: string; readonly now: number }
  | { readonly method: 'delete'; readonly connectionId: string; readonly now: number; readonly existed: boolean }
  /** A connection was inserted or updated; `connections` says what it is now. */
  | { readonly method: 'connection'; readonly connectionId: string }

/** What the store holds after a change, as far as the change may have touched it. */
export interface Seen {
  /** All of them. */
  readonly connections?: readonly ConnectionRecord[]
  /** Digests that were sealed by it. */
  readonly sealed?: readonly DeliveryRecord[]
}

export interface RequestSeen {
  readonly request: number
  readonly connectionId: string
  readonly orgId: string
  readonly deliveryId: string
  readonly messageId: string
  readonly attempt: number
  readonly message: 'event' | 'digest' | 'test'
  readonly body: string
  readonly urgent: boolean
  /** Of the event, or of those that a digest holds. */
  readonly eventIds: readonly string[]
  /** Of a digest. */
  readonly total?: number
}

export type What =
  | { readonly kind: 'spawn' | 'crash' | 'closing' | 'closed' | 'calm' }
  | { readonly kind: 'jump'; readonly ms: number }
  | { readonly kind: 'call'; readonly call: number; readonly name: string; readonly input: unknown }
  | { readonly kind: 'answer'; readonly call: number; readonly name: string; readonly value: unknown }
  | {
      readonly kind: 'refusal'
      readonly call: number
      readonly name: string
      readonly code: string
      readonly message: string
    }
  | { readonly kind: 'fault'; readonly method: string; readonly fault: string }
  | { readonly kind: 'commit'; readonly commit: Commit; readonly seen: Seen }
  | ({ readonly kind: 'request' } & RequestSeen)
  | { readonly kind: 'arrival'; readonly request: number }
  | { readonly kind: 'response'; readonly request: number; readonly outcome: Outcome | 'threw' | 'aborted' }
  | { readonly kind: 'log'; readonly message: string; readonly error: string }

export interface Entry {
  /** Counts up. */
  readonly n: number
  /** Ms since the world began. */
  readonly elapsed: number
  /** Epoch ms of the wall clock. */
  readonly at: number
  readonly process: string
  readonly what: What
}

export interface Journal {
  /** In order. */
  entries(): readonly Entry[]
  /** Takes the next place; what happened there is told as soon as it is known. */
  reserve(process: string): (what: What) => void
  add(process: string, what: What): void
}

export function createJournal(time: { elapsed(): number; wall(): number }): Journal {
  const entries: Entry[] = []
  let n = 0
  const reserve = (process: string): ((what: What) => void) => {
    const place = { n: n++, elapsed: time.elapsed(), at: time.wall(), process }
    return (what) => void entries.push({ ...place, what })
  }
  return {
    entries: () => entries.sort((a, b) => a.n - b.n),
    reserve,
    add: (process, what) => reserve(process)(what),
  }
}
