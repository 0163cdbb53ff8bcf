import type { DeliveryRepository } from '../../contracts/store.ts'
import { invalidInput } from '../../errors.ts'
import type { Access } from './access.ts'
import { changeOrg } from './connection-rows.ts'
import { int, type Session } from './driver.ts'
import type { Lanes } from './lane.ts'
import type { Names } from './names.ts'

type Request = Parameters<DeliveryRepository['purge']>[0]

/** At most so many rows go in one transaction: the event loop and other writers get their turn between. */
const PORTION = 500
/** Organisations looked at in one transaction. */
const ORGS = 1000

const FINAL = `
SELECT did FROM signalbox_delivery
WHERE oid = ?1 AND created_at < ?2 AND status <> 0 AND finished_at < ?2 ORDER BY created_at LIMIT ?3`
const OLD_EVENTS = `
SELECT e.eid FROM signalbox_event e
WHERE e.oid = ? AND e.accepted_at < ?
  AND NOT EXISTS (SELECT 1 FROM signalbox_delivery d WHERE d.eid = e.eid)
  AND NOT EXISTS (SELECT 1 FROM signalbox_member m WHERE m.eid = e.eid)
  AND NOT EXISTS (SELECT 1 FROM signalbox_kept k WHERE k.eid = e.eid)
ORDER BY e.accepted_at LIMIT ?`

/** What a portion removes: keys of rows of one kind, of one organisation. */
interface Kind {
  find(session: Session, oid: number, limit: number): readonly number[]
  remove(session: Session, key: number, oid: number): void
}

export async function purge(
  access: Access,
  names: Names,
  lanes: Lanes,
  request: Request,
): ReturnType<DeliveryRepository['purge']> {
  const { before, eventsBefore, orgId, everything, now, limit } = request
  if (everything && orgId === undefined) throw invalidInput('everything', 'needs an `orgId`')

  const deliveries: Kind = {
    find: (session, oid, most) =>
      keys(
        everything
          ? session.all('SELECT did FROM signalbox_delivery WHERE oid = ? LIMIT ?', oid, most)
          : session.all(FINAL, oid, before, most),
      ),
    remove(session, did) {
      session.run('DELETE FROM signalbox_attempt WHERE did = ?', did)
      session.run('DELETE FROM signalbox_kept WHERE did = ?', did)
      session.run('DELETE FROM signalbox_delivery WHERE did = ?', did)
    },
  }
  const events: Kind = {
    find: (session, oid, most) =>
      keys(
        everything
          ? session.all('SELECT eid FROM signalbox_event WHERE oid = ? LIMIT ?', oid, most)
          : session.all(OLD_EVENTS, oid, eventsBefore, most),
      ),
    remove: (session, eid) => void session.run('DELETE FROM signalbox_event WHERE eid = ?', eid),
  }
  const connections: Kind = {
    find: (session, oid, most) =>
      keys(session.all('SELECT lid FROM signalbox_connection WHERE oid = ? LIMIT ?', oid, most)),
    remove(session, lid, oid) {
      session.run('DELETE FROM signalbox_connection WHERE lid = ?', lid)
      session.run('DELETE FROM signalbox_health WHERE lid = ?', lid)
      session.run('DELETE FROM signalbox_member WHERE lid = ?', lid)
      session.run('UPDATE signalbox_lane SET tid = 0, digest_at = NULL, leases = NULL WHERE lid = ?', lid)
      changeOrg(session, oid)
      lanes.forget(lid)
    },
  }

  const kinds = everything ? [connections, deliveries, events] : [deliveries, events]
  let removed = 0
  let more = false
  for (const kind of kinds) {
    const left = await removeSome(kind)
    removed += limit - left
    more ||= left === 0
  }
  if (!everything) {
    await access.write((session) =>
      session.run(
        'DELETE FROM signalbox_key WHERE key IN (SELECT key FROM signalbox_key WHERE expires_at <= ? LIMIT ?)',
        now,
        PORTION,
      ),
    )
  }
  return { removed, more }

  /** Answers how many of `limit` were not used up. */
  async function removeSome(kind: Kind): Promise<number> {
    let left = limit
    let after = -1
    for (;;) {
      const oids = await access.read((session) => orgsAfter(session, after))
      const last = oids.at(-1)
      if (last === undefined || left === 0) return left
      let full: boolean
      do {
        const most = Math.min(PORTION, left)
        const gone = await access.write((session) => removePortion(session, kind, oids, most))
        left -= gone
        full = gone === most && left > 0
        if (full) await new Promise(setImmediate)
      } while (full)
      after = last
    }
  }

  function orgsAfter(session: Session, after: number): readonly number[] {
    if (orgId === undefined) {
      return keys(session.all('SELECT oid FROM signalbox_org WHERE oid > ? ORDER BY oid LIMIT ?', after, ORGS))
    }
    const oid = names.findOrg(session, orgId)
    return oid === undefined || oid <= after ? [] : [oid]
  }
}

function removePortion(session: Session, kind: Kind, oids: readonly number[], most: number): number {
  let gone = 0
  for (const oid of oids) {
    if (gone === most) break
    for (const key of kind.find(session, oid, most - gone)) {
      kind.remove(session, key, oid)
      gone++
    }
  }
  // integer keys may be used again: what other processes remember of events is void
  if (gone > 0) session.run('UPDATE signalbox_state SET generation = generation + 1')
  return gone
}

function keys(rows: readonly (readonly unknown[])[]): number[] {
  return rows.map((row) => int(row[0] as number))
}
