import type { StoredEvent } from '../../contracts/event.ts'
import type { DigestRepository, OpenDigest } from '../../contracts/store.ts'
import { derivedDigestPart } from '../../records/digest-id.ts'
import { wakeLane } from '../../records/lane-times.ts'
import { cursor, page, readCursor } from '../../records/paging.ts'
import type { Access } from './access.ts'
import { int, type Row, type Session, text } from './driver.ts'
import { type EventCache, GENERATION } from './event-cache.ts'
import { type Bodies, type LaneState, type Lanes, readLane } from './lane.ts'
import type { Names } from './names.ts'

/** So many are sealed at one visit; the rest at the next. */
const SEALED_PER_VISIT = 64

const FACTS = 'count(*), min(at), max(at), min(max(closes_at), min(must_close_at)) AS closes'
const OPEN = `SELECT ${FACTS}, key FROM signalbox_member WHERE lid = ? GROUP BY key ORDER BY closes`
const SUMMARY = `SELECT ${FACTS}, key FROM signalbox_member WHERE lid = ? AND key = ?`

/** Seals the digests of a lane that are due. The lane's own `digestAt` becomes the next one's end. */
export function sealDue(session: Session, lane: LaneState, oid: number, now: number): void {
  let next: number | null = null
  let sealed = 0
  for (const row of session.all(OPEN, lane.lid)) {
    const open = toOpen(row)
    if (open.closesAt > now || sealed === SEALED_PER_VISIT) {
      next = Math.max(open.closesAt, lane.lastAt)
      break
    }
    sealOne(session, lane, oid, open, now)
    sealed++
  }
  lane.digestAt = next
}

const OF = 'm.lid = ?1 AND m.key = ?2'
// Members are in the order of joining, then of the event's id. A digest may have very many: their events are looked up
// only once it is known from the instants which ones come into question.
const MEMBERS = 'FROM signalbox_member m JOIN signalbox_event e ON e.eid = m.eid'
const LAST = `SELECT m.max_items, m.keep ${MEMBERS} WHERE ${OF} AND m.at = ?3 ORDER BY e.id DESC LIMIT 1`
const FIRST = `SELECT e.id ${MEMBERS} WHERE ${OF} AND m.at = ?3 ORDER BY e.id LIMIT 1`
const BOUND = {
  first: `SELECT m.at FROM signalbox_member m WHERE ${OF} ORDER BY m.at LIMIT 1 OFFSET ?3`,
  last: `SELECT m.at FROM signalbox_member m WHERE ${OF} ORDER BY m.at DESC LIMIT 1 OFFSET ?3`,
}
const KEPT = {
  first: `SELECT m.eid, e.id ${MEMBERS} WHERE ${OF} AND m.at <= ?3 ORDER BY m.at, e.id LIMIT ?4`,
  last: `SELECT m.eid, e.id ${MEMBERS} WHERE ${OF} AND m.at >= ?3 ORDER BY m.at DESC, e.id DESC LIMIT ?4`,
}

interface Open {
  readonly key: string
  readonly total: number
  readonly openedAt: number
  readonly closesAt: number
  /** When its last member joined. */
  readonly lastAt: number
}

/** Of the columns {@link FACTS} and the key. */
function toOpen([total, opened, last, closes, key]: Row): Open {
  return { key: text(key), total: int(total), openedAt: int(opened), lastAt: int(last), closesAt: int(closes) }
}

function summary(session: Session, lid: number, key: string): Open | undefined {
  const row = session.get(SUMMARY, lid, key)
  return row && int(row[0]) > 0 ? toOpen(row) : undefined
}

interface Kept {
  readonly eid: number
  readonly id: string
}

/** The kept members, oldest first. */
function keptOf(session: Session, lid: number, { key, total, openedAt, lastAt }: Open): readonly Kept[] {
  const [most, keep] = session.get(LAST, lid, key, lastAt) ?? []
  const maxItems = int(most)
  const which = keep === 'last' ? 'last' : 'first'
  const all = which === 'last' ? openedAt : lastAt
  const bound = total > maxItems ? int(session.get(BOUND[which], lid, key, maxItems - 1)?.[0]) : all
  const rows = session.all(KEPT[which], lid, key, bound, maxItems)
  const kept = rows.map((row) => ({ eid: int(row[0]), id: text(row[1]) }))
  return which === 'last' ? kept.reverse() : kept
}

const SEALED = `
INSERT INTO signalbox_delivery (status, lid, oid, pos, created_at, kind, id, message_id, content)
VALUES (0, ?, ?, ?, ?, 1, ?, ?, ?) ON CONFLICT (id) DO NOTHING`

function sealOne(session: Session, lane: LaneState, oid: number, open: Open, now: number): string {
  const { lid } = lane
  const { key, total, closesAt: closedAt } = open
  const first = text(session.get(FIRST, lid, key, open.openedAt)?.[0])
  const kept = keptOf(session, lid, open)
  const connectionId = lane.connection?.body.id ?? ''
  const content = JSON.stringify({ key, eventIds: kept.map(({ id }) => id), total, closedAt })
  for (let generation = 0; ; generation++) {
    // the same first event can begin a later digest of this key only if it is collected again: then the id is taken
    const part = derivedDigestPart(connectionId, key, first, generation)
    const id = `dlv_${part}`
    const did = session.insert(SEALED, lid, oid, now, now, id, `msg_${part}`, content)
    if (did === undefined) continue
    for (const { eid } of kept) session.run('INSERT INTO signalbox_kept (eid, did) VALUES (?, ?)', eid, did)
    session.run('DELETE FROM signalbox_member WHERE lid = ? AND key = ?', lid, key)
    return id
  }
}

export interface DigestDeps {
  readonly access: Access
  readonly names: Names
  readonly bodies: Bodies
  readonly lanes: Lanes
  readonly events: EventCache
}

const LIST = `
SELECT c.id, m.key, count(*), min(m.at), max(m.closes_at), min(m.must_close_at), o.id
FROM signalbox_connection c JOIN signalbox_member m ON m.lid = c.lid JOIN signalbox_org o ON o.oid = c.oid
WHERE (?1 IS NULL OR c.oid = ?1) AND (?2 IS NULL OR c.id = ?2) AND (c.id > ?3 OR (c.id = ?3 AND m.key > ?4))
GROUP BY c.id, m.key ORDER BY c.id, m.key LIMIT ?5`

export function createDigests({ access, names, bodies, lanes, events }: DigestDeps): DigestRepository {
  /** The lane, where the connection exists in this organisation. */
  function find(
    session: Session,
    orgId: string,
    connectionId: string,
    load: (session: Session, lid: number) => LaneState,
  ): LaneState | undefined {
    const lid = names.findLane(session, connectionId)
    const lane = lid === undefined ? undefined : load(session, lid)
    return lane?.connection?.body.orgId === orgId ? lane : undefined
  }

  return {
    list: ({ orgId, connectionId, limit, after }) =>
      access.snapshot((session) => {
        const oid = orgId === undefined ? null : names.findOrg(session, orgId)
        if (oid === undefined) return { items: [] }
        const [afterId, afterKey] = after === undefined ? ['', ''] : readCursor(after, 2)
        const rows = session.all(LIST, oid, connectionId ?? null, String(afterId), String(afterKey), limit + 1)
        const items = rows.map(
          ([id, key, total, opened, closes, must, org]): OpenDigest => ({
            orgId: text(org),
            connectionId: text(id),
            key: text(key),
            total: int(total),
            openedAt: int(opened),
            closesAt: Math.min(int(closes), int(must)),
          }),
        )
        return page(items, limit, (item) => cursor(item.connectionId, item.key))
      }),

    peek: ({ orgId, connectionId, key }) =>
      access.snapshot((session) => {
        const lane = find(session, orgId, connectionId, (_, lid) => readLane(session, lid, bodies))
        const open = lane && summary(session, lane.lid, key)
        if (!lane || !open) return undefined
        events.generation(int(session.get(GENERATION)?.[0]))
        const kept: StoredEvent[] = []
        for (const { eid } of keptOf(session, lane.lid, open)) {
          const event = events.get(session, eid)
          if (event) kept.push(event)
        }
        const { total, openedAt, closesAt } = open
        return { orgId, connectionId, key, total, openedAt, closesAt, events: kept }
      }),

    seal: ({ orgId, connectionId, key, now }) =>
      access.write((session) => {
        const lane = find(session, orgId, connectionId, lanes.load)
        const open = lane && summary(session, lane.lid, key)
        const oid = lane?.connection?.oid
        if (!lane || !open || oid === undefined) return undefined
        const id = sealOne(session, lane, oid, { ...open, closesAt: Math.min(open.closesAt, now) }, now)
        wakeLane(lane, now)
        lanes.store(session, lane)
        return id
      }),
  }
}
