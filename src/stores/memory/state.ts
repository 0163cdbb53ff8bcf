import type {
  AttemptRecord,
  CollectEntry,
  ConnectionRecord,
  DeliveryRecord,
  DigestContent,
  FailureReason,
  Health,
  OutcomeCode,
  Receipt,
  StoredEvent,
} from '../../contracts/index.ts'
import { NEW_HEALTH } from '../../delivery/health.ts'
import { NOWHERE, type OrderedQueue, orderedQueue, type Queued } from './ordered-queue.ts'
import { type Logged, type RecordLog, recordLog } from './record-log.ts'

/** Everything that one memory store holds. */
export interface State {
  readonly orgs: Map<string, Org>
  readonly deliveries: Map<string, Delivery>
  /** The lanes of all connections that exist, by id. */
  readonly connections: Map<string, Lane>
  /** The keys of `connections` in order; absent after a change. */
  connectionIds: readonly string[] | undefined
  readonly groups: Map<string, Group>
  /** Lanes without a connection that have pending deliveries: the next claim cancels them. */
  readonly orphans: Set<Lane>
  readonly keys: Map<string, { readonly value: string; readonly version: string; readonly expiresAt: number }>
  /** Numbers whatever needs one: rows, turns, versions. Never goes back. */
  seq: number
}

export interface Org {
  readonly id: string
  version: string
  readonly lanes: Map<string, Lane>
  readonly uniqueKeys: Map<string, string>
  readonly events: Map<string, EventEntry>
  readonly eventLog: RecordLog<EventEntry>
  readonly deliveryLog: RecordLog<Delivery>
}

export interface EventEntry extends Logged {
  readonly event: StoredEvent
  /** Deliveries and open digests that need it. */
  uses: number
  /** The call that stored it or brought it along last. */
  mark: number
}

/**
 * One connection's deliveries, whether or not the connection (still) exists. Its place is among the lanes of its group:
 * in `turns` where it has something due, in `timers` where it will.
 */
export interface Lane extends Queued {
  readonly id: string
  readonly org: Org
  /** What was written by `insert` and `update`; health and cooldown are beside it. */
  record: ConnectionRecord | undefined
  health: Health
  /** Epoch ms; 0: none. */
  blockedUntil: number
  /** The whole record, made when it is asked for. */
  whole: ConnectionRecord | undefined
  /** Lanes of one transport take turns with each other. */
  group: Group
  /** Pending deliveries. Keys: when they are due; 0 where the connection is `fifo`. */
  readonly queue: OrderedQueue<Delivery>
  inFlight: number
  tokens: number
  tokensAt: number
  /** Has something due, and as many leases as a claim allowed. */
  parked: boolean
  digests: Map<string, Digest> | undefined
  /** The last claim that brought its connection along. */
  mark: number
}

/** The lanes of one transport. */
export interface Group {
  readonly transport: string
  /** Key: the turn, a negative number, lowest first. */
  readonly turns: OrderedQueue<Lane>
  /** How many are in `turns`. */
  ready: number
  /** Key: epoch ms. */
  readonly timers: OrderedQueue<Lane>
  readonly digests: OrderedQueue<Digest>
  readonly leases: OrderedQueue<Batch>
  readonly parked: Set<Lane>
  /** The lowest `perConnection` that parked one of them. */
  parkedCap: number
  /** What the claim under way has leased. */
  batch: Batch | undefined
}

/** What one claim leased of one transport. Key: when the first of its leases runs out. */
export interface Batch extends Queued {
  /** Where it has its place, also after a connection moved to another transport. */
  readonly group: Group
  readonly token: string
  deliveries: Delivery[]
  left: number
}

/** Slim: there may be millions. */
export interface Delivery extends Queued, Logged {
  readonly id: string
  readonly createdAt: number
  readonly lane: Lane
  readonly kind: DeliveryRecord['kind']
  readonly messageId: string
  /** The event, or its id where it is not stored. */
  readonly event: EventEntry | string | undefined
  readonly digest: DigestContent | undefined
  status: DeliveryRecord['status']
  dueAt: number
  /** To be changed through `progressOf`: those that nothing happened to share one. */
  progress: Progress
  lease: Batch | undefined
  leasedUntil: number
}

/** What came of a delivery so far: most of those that wait have none. */
export interface Progress {
  finishedAt: number | undefined
  attempts: number
  rounds: number
  /** Leases lost in a row. */
  lost: number
  code: OutcomeCode | undefined
  httpStatus: number | undefined
  failure: FailureReason | undefined
  receipt: Receipt | undefined
  log: readonly AttemptRecord[]
}

/** An open digest. Key: when it closes. */
export interface Digest extends Queued {
  readonly lane: Lane
  readonly key: string
  /** When each joined. */
  readonly members: Map<EventEntry, number>
  /** The first and the last of them, in the order of {@link isEarlier}. */
  first: Member
  last: Member & Pick<CollectEntry, 'maxItems' | 'keep'>
  latestClose: number
  mustCloseAt: number
}

export interface Member {
  readonly event: EventEntry
  /** Epoch ms. */
  readonly at: number
}

export function createState(): State {
  return {
    orgs: new Map(),
    deliveries: new Map(),
    connections: new Map(),
    connectionIds: undefined,
    groups: new Map(),
    orphans: new Set(),
    keys: new Map(),
    seq: 0,
  }
}

export function orgOf(state: State, id: string): Org {
  let org = state.orgs.get(id)
  if (org === undefined) {
    org = {
      id,
      version: newVersion(state),
      lanes: new Map(),
      uniqueKeys: new Map(),
      events: new Map(),
      eventLog: recordLog({ at: (entry) => entry.event.acceptedAt, id: (entry) => entry.event.id }),
      deliveryLog: recordLog({ at: (row) => row.createdAt, id: (row) => row.id }),
    }
    state.orgs.set(id, org)
  }
  return org
}

export function newVersion(state: State): string {
  return (++state.seq).toString(36)
}

export function groupOf(state: State, transport: string): Group {
  let group = state.groups.get(transport)
  if (group === undefined) {
    group = {
      transport,
      turns: orderedQueue(),
      ready: 0,
      timers: orderedQueue(),
      digests: orderedQueue(),
      leases: orderedQueue(),
      parked: new Set(),
      parkedCap: Number.POSITIVE_INFINITY,
      batch: undefined,
    }
    state.groups.set(transport, group)
  }
  return group
}

/** Transport of the lanes whose connection does not exist. */
const NO_TRANSPORT = ''

/** The lane of a connection id in an organisation; made where there is none. */
export function laneOf(state: State, org: Org, id: string): Lane {
  let lane = org.lanes.get(id)
  if (lane === undefined) {
    lane = {
      seq: ++state.seq,
      place: NOWHERE,
      id,
      org,
      record: undefined,
      health: NEW_HEALTH,
      blockedUntil: 0,
      whole: undefined,
      group: groupOf(state, NO_TRANSPORT),
      queue: orderedQueue(),
      inFlight: 0,
      tokens: 0,
      tokensAt: 0,
      parked: false,
      digests: undefined,
      mark: 0,
    }
    org.lanes.set(id, lane)
  }
  return lane
}

/** The connection as its readers see it. */
export function connectionOf(lane: Lane): ConnectionRecord | undefined {
  if (lane.record === undefined) return undefined
  lane.whole ??= {
    ...lane.record,
    health: lane.health,
    ...(lane.blockedUntil > 0 ? { blockedUntil: lane.blockedUntil } : {}),
  }
  return lane.whole
}
