import {
  type ClaimRequest,
  type ConnectionRecord,
  type DeliveryRepository,
  type LaneRow,
  type LeasedDelivery,
  planLane,
} from 'signalbox'
import {
  cancelWaiting,
  connectionKey,
  deliveryKey,
  type EventRow,
  type Lane,
  laneOf,
  move,
  type Row,
  save,
} from './rows.ts'
import { type Database, indexed, path } from './transaction.ts'

/** Leases that may be lost in a row before a delivery is given up. */
const MAX_LOST = 5

export function claims(db: Database, sealDue: (now: number) => Promise<void>) {
  /** The connections that have something pending, with when the first of it may be claimed. */
  async function waiting(request: Pick<ClaimRequest, 'transports' | 'perConnection'> & { readonly now?: number }) {
    const found: { orgId: string; id: string; turn: number; at: number | null }[] = []
    for (let after = ''; ; ) {
      const [entry] = await db.list('due/', after, 1)
      if (!entry) return found.sort((a, b) => a.turn - b.turn)
      const [id = '', orgId = ''] = entry.key.split('/').slice(1, 3).map(decodeURIComponent)
      after = `${path('due', id, orgId)}\uffff`
      const lane = await db.run((tx) => laneOf(tx, orgId, id))
      if (!lane) {
        if (request.now !== undefined) await cancelWaiting(db, orgId, id, request.now)
      } else if (request.transports.includes(lane.record.transport)) {
        const limits = await limitsOf(lane, request.perConnection)
        const rows = await next(lane, 1)
        const opens = Math.max(lane.record.blockedUntil ?? 0, rows[0]?.record.dueAt ?? 0)
        const plan = planLane(limits, rows.map(toPlan), opens, 1)
        found.push({ orgId, id, turn: lane.turn, at: plan.take.length > 0 ? opens : plan.nextAt })
      }
    }
  }

  async function limitsOf({ record, tokens, tokensAt }: Lane, perConnection: number) {
    const { id, orgId, status, ordering, pace, blockedUntil, health } = record
    const maxInFlight = Math.min(perConnection, record.maxInFlight ?? perConnection)
    return {
      open: status === 'active',
      fifo: ordering === 'fifo',
      inFlight: (await db.list(path('leased', id, orgId), '', Math.min(maxInFlight, 1000))).length,
      maxInFlight,
      failures: health.consecutiveFailures,
      ...(blockedUntil === undefined ? {} : { blockedUntil }),
      ...(pace ? { pace } : {}),
      tokens,
      tokensAt,
    }
  }

  /** The rows whose turn it is within a connection: in order where it is `fifo`, else by due time. */
  async function next({ record: { id, orgId, ordering } }: Lane, limit: number): Promise<readonly Row[]> {
    const entries = await db.list(path(ordering === 'fifo' ? 'fifo' : 'due', id, orgId), '', limit)
    const rows = await Promise.all(entries.map((entry) => db.read<Row>(indexed(entry))))
    return rows.flatMap((row) => (row?.record.status === 'pending' ? row : []))
  }

  /** Those of `ids` that wait for the connection. `head`: where it is `fifo`, nothing else may go. */
  async function wanted({ record }: Lane, ids: readonly string[], head?: Row): Promise<readonly Row[]> {
    const rows = await Promise.all([...new Set(ids)].map((id) => db.read<Row>(deliveryKey(id))))
    return rows
      .flatMap((row) => (row?.record.status === 'pending' && isOf(row, record) ? row : []))
      .filter((row) => record.ordering !== 'fifo' || row.record.id === head?.record.id)
      .sort((a, b) => a.record.dueAt - b.record.dueAt)
  }

  /** Leases what the limits of one connection allow. Two visits at once: one of them begins again. */
  const visit = (
    of: { readonly orgId: string; readonly id: string },
    request: ClaimRequest,
    most: number,
    turn: number,
  ) =>
    db.run(async (tx) => {
      const lane = await laneOf(tx, of.orgId, of.id)
      if (!lane || !request.transports.includes(lane.record.transport)) return { lane, rows: [] }
      const limits = await limitsOf(lane, request.perConnection)
      const queue = await next(lane, Math.min(most, limits.maxInFlight))
      const rows = request.ids ? await wanted(lane, request.ids, queue[0]) : queue
      const plan = planLane(limits, rows.map(toPlan), request.now, most)
      const until = request.now + request.leaseMs
      const taken: Row[] = []
      for (const id of plan.take) {
        const row = await tx.get<Row>(deliveryKey(id))
        if (!row) continue
        const leased = {
          ...row,
          record: { ...row.record, status: 'sending' as const },
          lease: { token: request.token, until },
        }
        save(tx, leased, row)
        taken.push(leased)
      }
      const { tokens, tokensAt } = plan
      if (taken.length > 0) tx.put(connectionKey(of.id), { ...lane, tokens, tokensAt, turn })
      return { lane, rows: taken }
    })

  /** Numbers for so many visits: the connections with the lowest are visited first. */
  const takeTurns = (count: number): Promise<number> =>
    db.run(async (tx) => {
      const turn = (await tx.get<number>('turn')) ?? 1
      tx.put('turn', turn + count)
      return turn
    })

  const claim: DeliveryRepository['claim'] = async (request) => {
    const { now, limit, ids } = request
    for await (const entry of db.scan('lease/')) if (!(await expire(indexed(entry), now))) break
    await sealDue(now)
    let lanes = await waiting(request)
    const firstTurn = lanes.length === 0 ? 0 : await takeTurns(lanes.length + limit)
    const rows: Row[] = []
    const connectionsOf = new Map<string, ConnectionRecord>()
    // each pass visits every connection once, for an equal share of what is left
    for (let visits = 0; rows.length < limit && lanes.length > 0; ) {
      const share = Math.ceil((limit - rows.length) / lanes.length)
      const more: typeof lanes = []
      for (const each of lanes) {
        const most = Math.min(share, limit - rows.length)
        if (most === 0) break
        const visited = await visit(each, request, most, firstTurn + visits++)
        rows.push(...visited.rows)
        if (visited.rows.length === most) more.push(each)
        if (visited.lane && visited.rows.length > 0) connectionsOf.set(each.id, visited.lane.record)
      }
      lanes = more
    }
    const keys = [...new Set(rows.flatMap((row) => row.events))]
    const events = (await Promise.all(keys.map((key) => db.read<EventRow>(key)))).flatMap((row) => row?.event ?? [])
    const deliveries = rows.map(
      ({ record, lease }): LeasedDelivery => ({
        ...record,
        status: 'sending',
        token: request.token,
        leasedUntil: lease?.until ?? now,
      }),
    )
    return { deliveries, events, connections: [...connectionsOf.values()], nextAt: ids ? null : await nextAt(request) }
  }

  /** When a connection, a lease that runs out, or a digest that closes may have something to claim. */
  async function nextAt(request: Pick<ClaimRequest, 'transports' | 'perConnection'>): Promise<number | null> {
    const instants = (await waiting(request)).flatMap(({ at }) => at ?? [])
    for (const prefix of ['lease/', 'closes/']) {
      const [entry] = await db.list(prefix, '', 1)
      if (entry) instants.push(Number(entry.key.split('/')[1]))
    }
    return instants.length === 0 ? null : Math.min(...instants)
  }

  /** Answers whether the lease had run out. */
  const expire = (key: string, now: number): Promise<boolean> =>
    db.run(async (tx) => {
      const row = await tx.get<Row>(key)
      if (!row?.lease) return true
      if (row.lease.until > now) return false
      const { record, attempts } = row
      const lost = row.lost + 1
      if (lost < MAX_LOST) {
        await move(tx, row, { ...record, status: 'pending' }, { lost })
        return true
      }
      const { id, orgId, connectionId } = record
      const number = record.attempts + 1
      const of = { deliveryId: id, orgId, connectionId, number }
      const attempt = { ...of, startedAt: now, durationMs: 0, outcome: 'retry', code: 'abandoned' } as const
      const end = { status: 'failed', failure: 'abandoned', code: 'abandoned', httpStatus: undefined } as const
      await move(
        tx,
        row,
        { ...record, ...end, attempts: number, finishedAt: now },
        { lost, attempts: [...attempts, attempt] },
      )
      return true
    })

  return { claim, nextAt }
}

const isOf = ({ record }: Row, { id, orgId }: ConnectionRecord): boolean =>
  record.connectionId === id && record.orgId === orgId

const toPlan = ({ record: { id, dueAt } }: Row): LaneRow => ({ id, dueAt })
