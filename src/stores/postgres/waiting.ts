import type { LaneRow } from '../../delivery/plan-lane.ts'
import { leasedIn } from '../../records/lane-times.ts'
import type { Query } from './access.ts'
import { BEGINNING } from './cursor.ts'
import { WAITING_COLUMNS } from './functions.ts'
import type { LaneState } from './lane.ts'
import { int, LIVE_BY_KEY, list, type Row, text } from './values.ts'

/** A live delivery of a lane that is not leased. */
export interface Waiting extends LaneRow {
  readonly did: number
  readonly pos: number
  readonly row: Row
}

/** Rows that were read ahead, at most so many of each lane. */
export interface Ahead {
  readonly of: ReadonlyMap<string, readonly Row[]>
  readonly most: number
}

/** The next ones of each lane in its order, at most `count` of it. `known`: the first ones of some lanes, or all. */
export async function nextWaiting(
  query: Query,
  wanted: readonly { readonly lane: LaneState; readonly count: number }[],
  known?: Ahead,
): Promise<ReadonlyMap<string, Waiting[]>> {
  const found = new Map<string, Waiting[]>()
  const unknown = wanted.filter(({ lane, count }) => {
    const rows = known?.of.get(lane.id)
    if (rows === undefined || (rows.length < count && rows.length === known?.most)) return true
    found.set(lane.id, rows.slice(0, count).map(toWaiting))
    return false
  })
  if (unknown.length === 0) return found
  const lanes = unknown.map(({ lane, count }) => {
    const { pos, did } = lane.cursor ?? BEGINNING
    return { l: lane.id, n: count, s: [...leasedIn(lane.leases)], p: pos, d: did }
  })
  for (const row of await query('SELECT * FROM @.waiting($1)', [JSON.stringify(lanes)])) {
    const id = text(row.lane)
    const of = found.get(id)
    if (of) of.push(toWaiting(row))
    else found.set(id, [toWaiting(row)])
  }
  return found
}

const THESE = `
SELECT d.lane, ${WAITING_COLUMNS} FROM @.delivery d WHERE d.id = ANY($1::text::text[]) AND d.${LIVE_BY_KEY} ORDER BY d.pos, d.did`

/** Those of `ids` that wait in these lanes, in order. Of a fifo lane only its very first. */
export async function waitingOf(
  query: Query,
  lanes: ReadonlyMap<string, LaneState>,
  ids: readonly string[],
  isFifo: (lane: LaneState) => boolean,
): Promise<ReadonlyMap<string, Waiting[]>> {
  const fifo = [...lanes.values()].filter(isFifo)
  const heads = await nextWaiting(
    query,
    // leased ones are passed over, but while one is there is no room for another
    fifo.map((lane) => ({ lane, count: 1 })),
  )
  const found = new Map<string, Waiting[]>()
  for (const row of await query(THESE, [list(ids)])) {
    const lane = lanes.get(text(row.lane))
    if (!lane || leasedIn(lane.leases).has(int(row.did))) continue
    if (isFifo(lane) && heads.get(lane.id)?.[0]?.did !== int(row.did)) continue
    const of = found.get(lane.id)
    if (of) of.push(toWaiting(row))
    else found.set(lane.id, [toWaiting(row)])
  }
  return found
}

/** A plan takes the first of its rows, so their ids are not looked at. */
function toWaiting(row: Row): Waiting {
  return { id: '', dueAt: int(row.due), did: int(row.did), pos: int(row.pos), row }
}
