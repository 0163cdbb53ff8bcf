import type { LaneRow } from '../../delivery/plan-lane.ts'
import { leasedIn } from '../../records/lane-times.ts'
import { int, type Row, type Session } from './driver.ts'
import type { LaneState } from './lane.ts'

/** A live delivery of a lane that is not leased. */
export interface Waiting extends LaneRow {
  readonly did: number
  /** {@link COLUMNS}; absent where only keys were read. */
  readonly row?: Row
}

const COLUMNS =
  'did, ifnull(due_at, pos), id, oid, eid, kind, created_at, attempts, rounds, http, message_id, code, content'
const NEXT = 'FROM signalbox_delivery WHERE lid = ? AND status = 0 ORDER BY pos, did LIMIT '
const NEXT_ROWS = `SELECT ${COLUMNS} ${NEXT}`
const NEXT_KEYS = `SELECT did, pos ${NEXT}`
const ROW = `SELECT ${COLUMNS} FROM signalbox_delivery WHERE did = ? AND status = 0`

/** The next `count` of a lane in its order, or a few more. */
export function nextWaiting(session: Session, lane: LaneState, count: number): readonly Waiting[] {
  const leased = leasedIn(lane.leases)
  // where many are leased they are skipped by key; in a fifo lane the place in the order is not the due time
  const keys = leased.size > count && lane.connection?.body.ordering !== 'fifo'
  const rows: Waiting[] = []
  for (const row of session.all((keys ? NEXT_KEYS : NEXT_ROWS) + atLeast(leased.size + count), lane.lid)) {
    const did = int(row[0])
    if (leased.size > 0 && leased.has(did)) continue
    rows.push(keys ? toWaiting(row) : { ...toWaiting(row), row })
  }
  return rows
}

/** Those of `dids` that wait, in order. Of a fifo lane only its very first. */
export function waitingOf(session: Session, lane: LaneState, dids: readonly number[]): readonly Waiting[] {
  const leased = leasedIn(lane.leases)
  const allowed = lane.connection?.body.ordering === 'fifo' ? dids.filter((did) => did === head(session, lane)) : dids
  const rows: Waiting[] = []
  for (const did of allowed) {
    const row = leased.has(did) ? undefined : session.get(ROW, did)
    if (row) rows.push({ ...toWaiting(row), row })
  }
  return rows.sort((a, b) => a.dueAt - b.dueAt || a.did - b.did)
}

/** The columns of one of which only the key was read. */
export function rowOf(session: Session, { did, row }: Waiting): Row | undefined {
  return row ?? session.get(ROW, did)
}

/** Keys of live deliveries of a lane, leased ones among them: `limit` of them, or a few more. */
export function liveKeys(session: Session, lane: LaneState, limit: number): readonly number[] {
  return session.all(NEXT_KEYS + atLeast(limit), lane.lid).map((row) => int(row[0]))
}

function head(session: Session, lane: LaneState): number | undefined {
  const row = session.get(`${NEXT_KEYS}1`, lane.lid)
  return row && int(row[0])
}

/** A plan takes the first of its rows, so their ids are not looked at. */
function toWaiting(row: Row): { id: string; dueAt: number; did: number } {
  return { id: '', dueAt: int(row[1]), did: int(row[0]) }
}

/**
 * A limit written into the statement: a bound one makes SQLite compile the statement anew whenever its value changes
 * (0.6 µs becomes 3.5). Rounded up, so that few statements are kept.
 */
export function atLeast(limit: number): number {
  const step = limit <= 4 ? 1 : limit <= 128 ? 8 : 256
  return Math.ceil(limit / step) * step
}
