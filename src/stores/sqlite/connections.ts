import { subscribedOf } from '../../catalog/subscribed.ts'
import type { ConnectionRecord, Ref } from '../../contracts/connection.ts'
import type { ConnectionPatch, ConnectionRepository } from '../../contracts/store.ts'
import { invalidInput, SignalboxError } from '../../errors.ts'
import { parse, readHealth, writeHealth } from '../../records/codec.ts'
import {
  applyPatch,
  bodyOf,
  type ConnectionBody,
  changesSubscription,
  toRecord,
} from '../../records/connection-body.ts'
import { cursor, page, readCursor } from '../../records/paging.ts'
import type { Access } from './access.ts'
import { changeOrg, newRevision, storeBody, storeHealth } from './connection-rows.ts'
import { int, maybeInt, type Row, type Session, text } from './driver.ts'
import { cancelPortion } from './endings.ts'
import { type Bodies, type LaneState, type Lanes, readLane, recordOf } from './lane.ts'
import type { Names } from './names.ts'

export interface ConnectionDeps {
  readonly access: Access
  readonly names: Names
  readonly bodies: Bodies
  readonly lanes: Lanes
}

const COLUMNS = `
SELECT c.body, c.version, h.blocked_until, h.body
FROM signalbox_connection c JOIN signalbox_health h ON h.lid = c.lid`

const INSERT = `
INSERT INTO signalbox_connection (lid, id, oid, transport, active, unique_key, version, revision, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`

const ORG = 'SELECT oid, version FROM signalbox_org WHERE id = ?'
const ACTIVE = 'SELECT body FROM signalbox_connection WHERE oid = ? AND active = 1 ORDER BY id'
/** Of an organisation that no record has named: its set is empty, and its first connection changes the version. */
const NO_ORG: Row = [-1, '0']

export function createConnections({ access, names, bodies, lanes }: ConnectionDeps): ConnectionRepository {
  function find(session: Session, { orgId, id }: Ref): LaneState | undefined {
    const lid = names.findLane(session, id)
    const lane = lid === undefined ? undefined : readLane(session, lid, bodies)
    return lane?.connection?.body.orgId === orgId ? lane : undefined
  }

  function checkUniqueKey(session: Session, oid: number, key: string | undefined, lid: number): void {
    if (key === undefined) return
    const taken = session.get(
      'SELECT 1 FROM signalbox_connection WHERE oid = ? AND unique_key = ? AND lid <> ?',
      oid,
      key,
      lid,
    )
    if (taken) throw conflict('the organisation has a connection with this unique key', 'uniqueKey')
  }

  function insert(session: Session, record: ConnectionRecord): void {
    if (session.get('SELECT 1 FROM signalbox_connection WHERE id = ?', record.id)) {
      throw conflict('the id is taken', 'id')
    }
    const oid = names.org(session, record.orgId)
    const lid = names.lane(session, record.id)
    checkUniqueKey(session, oid, record.uniqueKey, lid)
    const { id, transport, uniqueKey, version, status } = record
    const active = status === 'active' ? 1 : 0
    const body = JSON.stringify(bodyOf(record))
    session.run(INSERT, lid, id, oid, transport, active, uniqueKey ?? null, version, newRevision(), body)
    session.run(
      'INSERT OR REPLACE INTO signalbox_health (lid, blocked_until, body) VALUES (?, ?, ?)',
      lid,
      record.blockedUntil ?? null,
      writeHealth(record.health),
    )
    const lane: LaneState = { ...readLane(session, lid, bodies), tid: names.transport(session, transport) }
    lane.tokens = null
    lane.tokensAt = 0
    rearm(session, lane, status === 'active')
    changeOrg(session, oid)
  }

  /** After a change: what waits is looked at again, at once. */
  function rearm(session: Session, lane: LaneState, active: boolean): void {
    lane.digestAt = nextDigest(session, lane)
    const waits =
      active && session.get(`SELECT 1 FROM signalbox_delivery WHERE lid = ? AND status = 0 LIMIT 1`, lane.lid)
    lane.nextAt = waits ? 0 : null
    storeLane(session, lane)
  }

  function update(session: Session, ref: Ref, patch: ConnectionPatch, expectedVersion: number): ConnectionRecord {
    const lane = find(session, ref)
    const connection = lane?.connection
    if (!lane || !connection) throw new SignalboxError('not_found', `there is no connection ${ref.id}`)
    if (connection.version !== expectedVersion) throw conflict('the connection has changed meanwhile')

    const { blockedUntil: lift, failingSince, ...fields } = patch
    const { body, oid } = connection
    const next = applyPatch(body, fields)
    checkUniqueKey(session, oid, next.uniqueKey, lane.lid)
    let { health } = connection
    if (failingSince !== undefined && health.consecutiveFailures > 0)
      health = { ...health, firstFailureAt: failingSince }
    const blockedUntil = lift === null ? undefined : connection.blockedUntil
    const version = expectedVersion + 1
    storeBody(session, lane.lid, next, version)
    storeHealth(session, lane.lid, blockedUntil, health)
    if (body.ordering === 'fifo' && next.ordering !== 'fifo') {
      session.run(
        'UPDATE signalbox_delivery SET pos = due_at, due_at = NULL WHERE lid = ? AND status = 0 AND due_at IS NOT NULL',
        lane.lid,
      )
    }
    rearm(session, { ...lane, tid: names.transport(session, next.transport) }, next.status === 'active')
    if (changesSubscription(body, next)) changeOrg(session, oid)
    return toRecord(next, version, blockedUntil, health)
  }

  /** The connection goes at once; what waits in its lane is cancelled in portions. */
  function remove(session: Session, ref: Ref): number | undefined {
    const lane = find(session, ref)
    if (!lane?.connection) return undefined
    session.run('DELETE FROM signalbox_connection WHERE lid = ?', lane.lid)
    session.run('DELETE FROM signalbox_health WHERE lid = ?', lane.lid)
    lane.tid = 0
    // should this process die before the rest is done, any claim will do it
    lane.nextAt = 0
    lane.digestAt = null
    storeLane(session, lane)
    changeOrg(session, lane.connection.oid)
    return lane.lid
  }

  /** A changed connection makes another lane of it: the one in memory is not this one. */
  function storeLane(session: Session, lane: LaneState): void {
    session.run('UPDATE signalbox_lane SET tid = ? WHERE lid = ?', lane.tid, lane.lid)
    lanes.store(session, lane)
    lanes.forget(lane.lid)
  }

  return {
    insert: (record) => access.write((session) => insert(session, record)),

    get: (ref) =>
      access.snapshot((session) => {
        const connection = find(session, ref)?.connection
        return connection && recordOf(connection)
      }),

    list: ({ orgId, transport, limit, after }) =>
      access.snapshot((session) => {
        const oid = orgId === undefined ? undefined : names.findOrg(session, orgId)
        if (orgId !== undefined && oid === undefined) return { items: [] }
        const from = after === undefined ? '' : String(readCursor(after, 1)[0])
        const where = `c.id > ?1 AND (?2 IS NULL OR c.transport = ?2)${oid === undefined ? '' : ' AND c.oid = ?4'}`
        const values = oid === undefined ? [limit + 1] : [limit + 1, oid]
        const rows = session.all(`${COLUMNS} WHERE ${where} ORDER BY c.id LIMIT ?3`, from, transport ?? null, ...values)
        return page(rows.map(toConnection), limit, (last) => cursor(last.id))
      }),

    update: (ref, patch, expectedVersion) => access.write((session) => update(session, ref, patch, expectedVersion)),

    async delete(ref, { now }) {
      const lid = await access.write((session) => remove(session, ref))
      if (lid === undefined) return false
      const portion = (session: Session): boolean => {
        const lane = lanes.load(session, lid)
        // it has been made anew meanwhile
        if (lane.connection) return false
        const more = cancelPortion(session, lane, now)
        if (!more && lane.nextAt === 0) lane.nextAt = null
        lanes.store(session, lane)
        return more
      }
      while (await access.write(portion)) await new Promise(setImmediate)
      return true
    },

    async subscribed(orgId, { since, tx } = {}) {
      if (tx !== undefined) throw noTx()
      const org = (session: Session): Row => session.get(ORG, orgId) ?? NO_ORG
      if (since !== undefined && (await access.read(org))[1] === since) return 'unchanged'
      return access.snapshot((session) => {
        const [oid, version] = org(session)
        const rows = session.all(ACTIVE, int(oid))
        return {
          version: text(version),
          connections: rows.map(([body]) => subscribedOf(parse<ConnectionBody>(text(body)))),
        }
      })
    },
  }
}

export function noTx(): SignalboxError {
  return invalidInput(
    'tx',
    'sqliteStore can join a transaction only synchronously, on the handle that has it open: see `enqueueOn`',
  )
}

function toConnection([body, version, blockedUntil, health]: Row): ConnectionRecord {
  return toRecord(parse<ConnectionBody>(text(body)), int(version), maybeInt(blockedUntil), readHealth(text(health)))
}

function conflict(rule: string, field?: string): SignalboxError {
  return new SignalboxError('conflict', rule, field === undefined ? {} : { field })
}

function nextDigest(session: Session, { lid }: LaneState): number | null {
  const row = session.get('SELECT min(min(closes_at, must_close_at)) FROM signalbox_member WHERE lid = ?', lid)
  return maybeInt(row?.[0]) ?? null
}
