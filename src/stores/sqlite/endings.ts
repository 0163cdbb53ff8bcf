import { CANCELLED, FAILED, writeAttempt } from '../../records/codec.ts'
import { leasedIn, wakeLane } from '../../records/lane-times.ts'
import { int, type Session } from './driver.ts'
import type { LaneState } from './lane.ts'
import { liveKeys } from './waiting.ts'

/** After so many leases lost in a row a delivery fails. */
const MAX_LOST = 5
/** At most so many deliveries, and members of digests, go in one transaction when their connection has gone. */
const PORTION = 1000

const END = 'UPDATE signalbox_delivery SET status = ?, finished_at = ? WHERE did = ?'
const ABANDON = `
UPDATE signalbox_delivery SET attempts = ?, code = 'abandoned', http = NULL, failure = 'abandoned' WHERE did = ?`
const MEMBERS = `
DELETE FROM signalbox_member
WHERE (lid, key, eid) IN (SELECT lid, key, eid FROM signalbox_member WHERE lid = ? LIMIT ?)`

export const ATTEMPT = 'INSERT OR REPLACE INTO signalbox_attempt (did, number, body) VALUES (?, ?, ?)'

export function cancelDelivery(session: Session, did: number, now: number): void {
  session.run(END, CANCELLED, now, did)
}

/** Leases that ran out: their deliveries are due again at once, or fail. */
export function expireLeases(session: Session, lane: LaneState, now: number): void {
  const over = lane.leases.filter(([, until]) => until <= now)
  if (over.length === 0) return
  for (const did of leasedIn(over)) {
    const row = session.get('SELECT lost, attempts FROM signalbox_delivery WHERE did = ? AND status = 0', did)
    if (!row) continue
    const lost = int(row[0]) + 1
    session.run('UPDATE signalbox_delivery SET lost = ? WHERE did = ?', lost, did)
    if (lost >= MAX_LOST) abandon(session, did, int(row[1]) + 1, now)
  }
  lane.leases = lane.leases.filter(([, until]) => until > now)
  wakeLane(lane, now)
}

function abandon(session: Session, did: number, number: number, now: number): void {
  session.run(
    ATTEMPT,
    did,
    number,
    writeAttempt({ startedAt: now, durationMs: 0, outcome: 'retry', code: 'abandoned' }),
  )
  session.run(ABANDON, number, did)
  session.run(END, FAILED, now, did)
}

/**
 * Cancels what waits in a lane whose connection has gone, and removes its digests' members: a portion. Answers whether
 * there is more.
 */
export function cancelPortion(session: Session, lane: LaneState, now: number): boolean {
  const leased = leasedIn(lane.leases)
  const most = leased.size + PORTION
  const dids = liveKeys(session, lane, most)
  for (const did of dids) if (!leased.has(did)) cancelDelivery(session, did, now)
  const members = session.run(MEMBERS, lane.lid, PORTION)
  return dids.length >= most || members === PORTION
}
