import type { ClaimRequest, ConnectionRecord } from '../../contracts/index.ts'
import { type Lane as Limits, mostInFlight, planLane, type LaneRow as Waiting } from '../../delivery/plan-lane.ts'
import { parse } from '../../records/codec.ts'
import type { Database } from './database.ts'
import { each } from './each.ts'
import { ASLEEP, expireLeases, isCapped, type LaneRow, type Lanes, leasedOf, limitsOf } from './lane.ts'
import { numberAfter } from './paths.ts'
import { abandon, cancel, type DeliveryRow, deliveryKey, queueUnder } from './rows.ts'
import type { Sealing } from './sealing.ts'
import type { Transaction } from './transaction.ts'

/** After so many leases lost in a row a delivery fails. */
const MAX_LOST = 5
/** A visit ends no more than so many of those, nor of those that are another organisation's. */
const MAX_ENDED = 2
const AT_ONCE = 32

export interface Visited {
  readonly rows: readonly DeliveryRow[]
  readonly record?: ConnectionRecord
  /** `more`: it gave its share, and has more. `lost`: it was not where it was found. `gone`: its connection has gone. */
  readonly kind: 'done' | 'more' | 'lost' | 'gone'
}

const NOTHING: Visited = { rows: [], kind: 'done' }

/** What waits in a lane, in order. `row` where it was read. */
interface Queued extends Waiting {
  readonly row?: DeliveryRow
}

interface Queue {
  readonly rows: readonly Queued[]
  /** More has to be cleared away than one commit does. */
  readonly unfinished: boolean
}

export interface Visits {
  /** Leases what the limits of one connection allow. `found`: under which key; where that is no longer so, nothing. */
  visit(id: string, request: ClaimRequest, most: number, found?: string): Promise<Visited>
  /** The same, of these deliveries only. */
  visitThese(id: string, request: ClaimRequest, most: number, ids: readonly string[]): Promise<Visited>
}

export function createVisits(db: Database, lanes: Lanes, sealing: Sealing): Visits {
  async function visit(id: string, request: ClaimRequest, most: number, found?: string, sealed = false) {
    const { now, perConnection, transports } = request
    const visited = await db.run(async (tx): Promise<Visited | 'seal'> => {
      const lane = await lanes.read(tx, id)
      if (found !== undefined && lane.ready !== found && lane.asleep !== found) return { ...NOTHING, kind: 'lost' }
      if (lane.record === undefined) return { ...NOTHING, kind: 'gone' }
      if (!transports.includes(lane.record.transport)) return NOTHING
      if (!sealed && lane.digestAt !== null && lane.digestAt <= now) return 'seal'
      expireLeases(lane, now)
      const lostMore = await abandonSome(tx, lane, now)
      const limits = limitsOf(lane, perConnection)
      const { rows, unfinished } = await queue(tx, lane, limits, most, now)
      const plan = planLane(limits, rows, now, most)
      const taken = take(lane, plan.take, rows, request)
      lane.tokens = limits.pace && plan.tokens
      lane.tokensAt = plan.tokensAt
      lane.lastAt = now
      lane.nextAt = plan.nextAt ?? (limits.open && rows.length > taken.length ? ASLEEP : null)
      lane.cap = lane.nextAt === ASLEEP && isCapped(lane) ? perConnection : undefined
      if (unfinished || lostMore) lane.nextAt = now
      lanes.save(tx, lane, true)
      return { rows: taken, record: lane.record, kind: plan.nextAt !== null && plan.nextAt <= now ? 'more' : 'done' }
    })
    if (visited !== 'seal') return visited
    await sealing.sealDue(id, now)
    return visit(id, request, most, undefined, true)
  }

  const visitThese: Visits['visitThese'] = (id, request, most, ids) =>
    db.run(async (tx) => {
      const { now, perConnection, transports } = request
      const lane = await lanes.read(tx, id)
      const { record } = lane
      if (record === undefined || !transports.includes(record.transport)) return NOTHING
      expireLeases(lane, now)
      const limits = limitsOf(lane, perConnection)
      const [head] = limits.fifo ? (await queue(tx, lane, limits, 1, now)).rows : []
      const leased = leasedOf(lane)
      const allowed = ids.filter((one) => !leased.has(one) && (lane.lost[one] ?? 0) < MAX_LOST)
      const found = await each(allowed, AT_ONCE, (one) => tx.peek<DeliveryRow>(deliveryKey(one)))
      const rows = found
        .flatMap((row) => (row !== undefined && isOf(row, record) ? toQueued(row) : []))
        .filter((row) => !limits.fifo || row.id === head?.id)
        .sort((a, b) => a.dueAt - b.dueAt || (a.id < b.id ? -1 : 1))
      const plan = planLane(limits, rows, now, most)
      if (plan.take.length === 0) return NOTHING
      const taken = take(lane, plan.take, rows, request)
      lane.tokens = limits.pace && plan.tokens
      lane.tokensAt = plan.tokensAt
      lanes.save(tx, lane)
      return { rows: taken, record, kind: 'done' }
    })

  /**
   * What a plan has to see: what may be leased, and one more. The queue has the leased ones too, and a list that is
   * behind may show what has moved or ended since: of what is to be leased, the row decides.
   */
  async function queue(tx: Transaction, lane: LaneRow, limits: Limits, most: number, now: number): Promise<Queue> {
    const { record } = lane
    const rows: Queued[] = []
    if (record === undefined) return { rows, unfinished: false }
    const leased = leasedOf(lane)
    const blocked = !limits.open || (limits.blockedUntil ?? 0) > now
    const burst = limits.pace ? Math.ceil(limits.pace.burst) : most
    const room = blocked ? 0 : Math.max(0, Math.min(most, mostInFlight(limits) - limits.inFlight, burst))
    // a row of `fifo` may be due later than its place says
    const needed = limits.fifo ? 1 : room
    const prefix = queueUnder(lane.id)
    let strays = 0
    for (let after = prefix; ; ) {
      const limit = room + 1 - rows.length + leased.size
      const entries = await db.list(prefix, after, limit)
      const waiting = entries
        .map(({ key, value }) => ({ key, id: parse<string>(value), dueAt: numberAfter(prefix, key) }))
        .filter(({ id }) => !leased.has(id))
      const some = waiting.slice(0, Math.max(0, needed - rows.length))
      const loaded = await each(some, AT_ONCE, ({ id }) => tx.peek<DeliveryRow>(deliveryKey(id)))
      for (const [n, row] of loaded.entries()) {
        if (row?.record.status !== 'pending' || row.pos !== some[n]?.dueAt) continue
        if ((lane.lost[row.record.id] ?? 0) >= MAX_LOST) continue
        if (isOf(row, record)) {
          rows.push(toQueued(row))
          continue
        }
        cancel(tx, row, now)
        if (++strays === MAX_ENDED) return { rows, unfinished: true }
      }
      const full = entries.length === limit
      if (rows.length >= needed) {
        const [following] = waiting.slice(some.length)
        if (following !== undefined && rows.length <= room) rows.push(following)
        if (following !== undefined || rows.length > room || !full) return { rows, unfinished: false }
      }
      // some have moved or ended: on from where they stood
      const last = waiting.length > some.length && rows.length < needed ? some.at(-1) : entries.at(-1)
      if (last === undefined || (!full && last === entries.at(-1))) return { rows, unfinished: false }
      after = last.key
    }
  }

  return { visit: (id, request, most, found) => visit(id, request, most, found), visitThese }
}

function toQueued(row: DeliveryRow): Queued {
  return { id: row.record.id, dueAt: row.record.dueAt, row }
}

function isOf({ record }: DeliveryRow, { id, orgId }: ConnectionRecord): boolean {
  return record.status === 'pending' && record.connectionId === id && record.orgId === orgId
}

function take(
  lane: LaneRow,
  ids: readonly string[],
  rows: readonly Queued[],
  { now, leaseMs, token }: ClaimRequest,
): readonly DeliveryRow[] {
  const taken = rows.slice(0, ids.length).flatMap(({ row }) => row ?? [])
  if (taken.length > 0) {
    const group = { token, until: now + leaseMs, ids: taken.map(({ record }) => record.id) }
    lane.leases = [...lane.leases, group]
  }
  return taken
}

/** Fails those that have lost too many leases. Answers whether there are more. */
async function abandonSome(tx: Transaction, lane: LaneRow, now: number): Promise<boolean> {
  const leased = leasedOf(lane)
  const over = Object.keys(lane.lost).filter((id) => (lane.lost[id] ?? 0) >= MAX_LOST && !leased.has(id))
  for (const id of over.slice(0, MAX_ENDED)) {
    const row = await tx.peek<DeliveryRow>(deliveryKey(id))
    if (row?.record.status === 'pending') abandon(tx, row, now)
    delete lane.lost[id]
  }
  return over.length > MAX_ENDED
}
