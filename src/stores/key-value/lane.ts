import type { ConnectionRecord } from '../../contracts/index.ts'
import { type Lane as Limits, mostInFlight } from '../../delivery/plan-lane.ts'
import { keyOf, under } from './paths.ts'
import type { Transaction } from './transaction.ts'

/** `nextAt` of a lane that has more to give as soon as one of its leases ends. */
export const ASLEEP = -1

/** The leases of one claim. */
export interface LeaseGroup {
  readonly token: string
  readonly until: number
  readonly ids: readonly string[]
}

/**
 * A connection and what claims of it depend on. Whatever takes, ends or moves one of its deliveries rewrites this row,
 * so that two of them never do it at once. What only adds (`enqueue`) leaves it, and writes a wake beside it.
 */
export interface LaneRow {
  readonly id: string
  /** Absent where the connection has gone, or never was. */
  record?: ConnectionRecord | undefined
  leases: readonly LeaseGroup[]
  /** Leases lost in a row, by delivery; only of those that have lost one. */
  lost: Record<string, number>
  /** Absent: a whole burst. */
  tokens?: number | undefined
  tokensAt: number
  /** Epoch ms of the last visit. */
  lastAt: number
  /** From when there is more to claim; {@link ASLEEP}; `null`: nothing waits. */
  nextAt: number | null
  /** Where it sleeps only because of a claim's `perConnection`: that cap. */
  cap?: number | undefined
  /** When a digest may close. */
  digestAt: number | null
  /** The keys under which claims find it. */
  ready?: string | undefined
  asleep?: string | undefined
}

export const laneKey = (id: string): string => keyOf('lane', id)
export const wakeKey = (id: string): string => keyOf('wake', id)
export const WAKES: string = under('wake')
/** Transports that connections have had; `GONE` where some have gone. */
export const TRANSPORTS = 'transports'
/** Stands for the transport where the connection has gone: any claim may clear up. */
export const GONE = ''

/** What `WAKES` holds: somebody has added to this lane, and its times have to be looked at. */
export interface Wake {
  readonly lane: string
  /** When it was looked at, by a list that may have been behind. */
  readonly seenAt?: number
}

export interface Lanes {
  /** Without writing it: a new one where there is none. */
  read(tx: Transaction, id: string): Promise<LaneRow>
  /** The connection's, if it is this organisation's. */
  find(tx: Transaction, orgId: string, id: string): Promise<(LaneRow & { record: ConnectionRecord }) | undefined>
  /** Writes it, and sees to it that claims find it when its time has come. `visited`: behind all others of that time. */
  save(tx: Transaction, lane: LaneRow, visited?: boolean): void
}

export function createLanes(): Lanes {
  // orders lanes that are ready at the same millisecond
  let turns = 0
  return {
    read,
    async find(tx, orgId, id) {
      const lane = await read(tx, id)
      return hasRecord(lane) && lane.record.orgId === orgId ? lane : undefined
    },
    save(tx, lane, visited = false) {
      const transport = lane.record?.transport ?? GONE
      const due = dueOf(lane)
      const place = due === null ? undefined : under('ready', transport, due)
      if (place === undefined) lane.ready = moved(tx, lane.ready, undefined, lane.id)
      else if (visited || lane.ready?.startsWith(place) !== true) {
        lane.ready = moved(tx, lane.ready, keyOf('ready', transport, due ?? 0, ++turns, lane.id), lane.id)
      }
      const sleeps = lane.nextAt === ASLEEP && lane.cap !== undefined && lane.record?.status === 'active'
      const asleep = sleeps ? keyOf('asleep', transport, lane.cap ?? 0, lane.id) : undefined
      if (asleep !== lane.asleep) lane.asleep = moved(tx, lane.asleep, asleep, lane.id)
      tx.put(laneKey(lane.id), lane)
    },
  }

  async function read(tx: Transaction, id: string): Promise<LaneRow> {
    const stored = await tx.get<LaneRow>(laneKey(id))
    return stored ?? { id, leases: [], lost: {}, tokensAt: 0, lastAt: 0, nextAt: null, digestAt: null }
  }

  function moved(tx: Transaction, from: string | undefined, to: string | undefined, id: string): string | undefined {
    if (from !== undefined) tx.remove(from)
    if (to !== undefined) tx.put(to, id)
    return to
  }
}

function hasRecord(lane: LaneRow): lane is LaneRow & { record: ConnectionRecord } {
  return lane.record !== undefined
}

/** At most so many keys of a commit are a lane's: itself, where it was found, where it is to be found, its wake. */
export const KEYS_A_LANE = 6

/** Says that work has been added to a lane, or may have become ready: the next claim looks. */
export function wake(tx: Transaction, id: string): void {
  tx.put(wakeKey(id), { lane: id } satisfies Wake)
}

/** When a claim should visit it. */
function dueOf({ record, nextAt, digestAt, lastAt, leases }: LaneRow): number | null {
  let due = Number.POSITIVE_INFINITY
  if (nextAt !== null && nextAt !== ASLEEP && (record === undefined || record.status === 'active')) due = nextAt
  if (digestAt !== null) due = Math.min(due, Math.max(digestAt, lastAt))
  for (const { until } of leases) due = Math.min(due, until)
  return due === Number.POSITIVE_INFINITY ? null : due
}

/** More may be claimed from `at` on, but not before its last visit: those that have waited since then are first. */
export function wakeLane(lane: LaneRow, at: number): void {
  const from = Math.max(at, lane.lastAt)
  lane.nextAt = lane.nextAt === null || lane.nextAt === ASLEEP ? from : Math.min(lane.nextAt, from)
}

export function limitsOf({ record, leases, tokens, tokensAt }: LaneRow, perConnection: number): Limits {
  const { status, ordering, pace, blockedUntil, health, maxInFlight = perConnection } = record ?? {}
  return {
    open: status === 'active',
    fifo: ordering === 'fifo',
    inFlight: leases.reduce((sum, { ids }) => sum + ids.length, 0),
    maxInFlight: Math.min(perConnection, maxInFlight),
    failures: health?.consecutiveFailures ?? 0,
    ...(blockedUntil === undefined ? {} : { blockedUntil }),
    ...(pace === undefined ? {} : { pace }),
    tokens: tokens ?? pace?.burst ?? 0,
    tokensAt,
  }
}

/** Whether it could have more leases if claims allowed more of one connection. */
export function isCapped(lane: LaneRow): boolean {
  const own = limitsOf(lane, Number.POSITIVE_INFINITY)
  return mostInFlight(own) > own.inFlight
}

export function leasedOf({ leases }: LaneRow): ReadonlySet<string> {
  return new Set(leases.flatMap(({ ids }) => ids))
}

/** Ends one lease. False: the caller no longer has it. */
export function endLease(lane: LaneRow, token: string, id: string): boolean {
  const held = lane.leases.find((group) => group.token === token && group.ids.includes(id))
  if (held === undefined) return false
  const ids = held.ids.filter((other) => other !== id)
  lane.leases = lane.leases.flatMap((group) => (group !== held ? group : ids.length > 0 ? { ...group, ids } : []))
  return true
}

/** Leases that ran out: their deliveries are due again at once. */
export function expireLeases(lane: LaneRow, now: number): void {
  const over = lane.leases.filter(({ until }) => until <= now)
  if (over.length === 0) return
  for (const { ids } of over) for (const id of ids) lane.lost[id] = (lane.lost[id] ?? 0) + 1
  lane.leases = lane.leases.filter(({ until }) => until > now)
  wakeLane(lane, now)
}
