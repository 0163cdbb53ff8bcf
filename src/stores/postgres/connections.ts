import { subscribedOf } from '../../catalog/subscribed.ts'
import type { ConnectionRecord, Ref } from '../../contracts/connection.ts'
import type { ConnectionPatch, ConnectionRepository } from '../../contracts/store.ts'
import { SignalboxError } from '../../errors.ts'
import { parse, readHealth } from '../../records/codec.ts'
import {
  applyPatch,
  bodyOf,
  type ConnectionBody,
  changesSubscription,
  toRecord,
} from '../../records/connection-body.ts'
import { cursor, page, readCursor } from '../../records/paging.ts'
import type { Access, Query } from './access.ts'
import { changeOrganisations, newRevision, storeBody } from './connection-rows.ts'
import { cancelPortion } from './endings.ts'
import { sqlState } from './failure.ts'
import type { Floor } from './floor.ts'
import { type Bodies, type LaneState, lockLanes, lockOrCreateLanes, recordOf, storeLanes } from './lane.ts'
import { nextDigest } from './sealing.ts'
import { int, maybeInt, type Row, text } from './values.ts'

export interface ConnectionDeps {
  readonly access: Access
  readonly bodies: Bodies
  readonly floor: Floor
}

const SELECT = `
SELECT c.body, c.version, l.blocked_until, l.health FROM @.connection c JOIN @.lane l ON l.id = c.id`

const INSERT = `
INSERT INTO @.connection (id, org_id, transport, active, unique_key, version, revision, body)
VALUES ($1, $2, $3, $4::text::smallint, $5, $6::text::int, $7::text::bigint, $8)`

/** Names of one word: a query builder between may change the others. */
const SUBSCRIBED = 'SELECT version, body FROM @.subscribed($1, $2)'

const UNIQUE_VIOLATION = '23505'

export function createConnections({ access, bodies, floor }: ConnectionDeps): ConnectionRepository {
  /** Locks the lane of a connection that exists in this organisation. */
  async function find(
    query: Query,
    { orgId, id }: Ref,
  ): Promise<{ lane: LaneState; body: ConnectionBody } | undefined> {
    const lane = (await lockLanes(query, [id])).get(id)
    const body = lane && (await bodies.of(query, [lane])).get(id)
    return lane && body?.orgId === orgId ? { lane, body } : undefined
  }

  async function insert(query: Query, record: ConnectionRecord): Promise<number> {
    const { id, orgId, transport, uniqueKey, version, status } = record
    const lane = (await lockOrCreateLanes(query, [id])).get(id)
    if (lane?.revision !== 0) throw conflict('the id is taken', 'id')
    const revision = newRevision()
    const active = status === 'active' ? '1' : '0'
    const body = JSON.stringify(bodyOf(record))
    const values = [id, orgId, transport, active, uniqueKey ?? null, String(version), String(revision), body]
    await query(INSERT, values)
    Object.assign(lane, { orgId, transport, revision, version, tokens: null, tokensAt: 0, asleepCap: null })
    lane.blockedUntil = record.blockedUntil
    lane.health = record.health
    const ready = await rearm(query, lane, status === 'active')
    await changeOrganisations(query, [orgId])
    return ready
  }

  /** After a change: what waits is looked at again, at once. */
  async function rearm(query: Query, lane: LaneState, active: boolean): Promise<number> {
    lane.digestAt = await nextDigest(query, lane)
    const waits =
      active && (await query('SELECT 1 AS one FROM @.delivery WHERE lane = $1 AND status = 0 LIMIT 1', [lane.id]))
    lane.nextAt = waits && waits.length > 0 ? 0 : null
    lane.asleepCap = null
    lane.cursor = undefined
    return storeLanes(query, [lane])
  }

  async function update(query: Query, ref: Ref, patch: ConnectionPatch, expectedVersion: number) {
    const found = await find(query, ref)
    if (!found) throw new SignalboxError('not_found', `there is no connection ${ref.id}`)
    const { lane, body } = found
    if (lane.version !== expectedVersion) throw conflict('the connection has changed meanwhile')
    const { blockedUntil: lift, failingSince, ...fields } = patch
    const next = applyPatch(body, fields)
    if (failingSince !== undefined && lane.health.consecutiveFailures > 0) {
      lane.health = { ...lane.health, firstFailureAt: failingSince }
    }
    if (lift === null) lane.blockedUntil = undefined
    lane.version = expectedVersion + 1
    lane.transport = next.transport
    lane.revision = await storeBody(query, next, lane.version)
    if (body.ordering === 'fifo' && next.ordering !== 'fifo') {
      const sql = `
        UPDATE @.delivery SET pos = due_at, due_at = NULL WHERE lane = $1 AND status = 0 AND due_at IS NOT NULL`
      await query(sql, [lane.id])
    }
    const ready = await rearm(query, lane, next.status === 'active')
    if (changesSubscription(body, next)) await changeOrganisations(query, [ref.orgId])
    return { record: recordOf(lane, next), ready }
  }

  /** The connection goes at once; what waits in its lane is cancelled in portions. */
  async function remove(query: Query, ref: Ref): Promise<number | undefined> {
    const found = await find(query, ref)
    if (!found) return undefined
    const { lane } = found
    await query('DELETE FROM @.connection WHERE id = $1', [ref.id])
    // should this process die before the rest is done, any claim will do it
    Object.assign(lane, { transport: '', revision: 0, version: 0, nextAt: 0, asleepCap: null, digestAt: null })
    const ready = await storeLanes(query, [lane])
    await changeOrganisations(query, [ref.orgId])
    return ready
  }

  return {
    async insert(record) {
      floor.lower(await uniqueKeyChecked(() => access.transaction((query) => insert(query, record))))
    },

    async get({ orgId, id }) {
      const [row] = await access.query(`${SELECT} WHERE c.id = $1 AND c.org_id = $2`, [id, orgId])
      return row && toConnection(row)
    },

    async list({ orgId, transport, limit, after }) {
      const from = after === undefined ? '' : String(readCursor(after, 1)[0])
      const where = `c.id > $1 AND ($2::text IS NULL OR c.transport = $2)${orgId === undefined ? '' : ' AND c.org_id = $4'}`
      const values = [from, transport ?? null, String(limit + 1), ...(orgId === undefined ? [] : [orgId])]
      const rows = await access.query(`${SELECT} WHERE ${where} ORDER BY c.id LIMIT $3::text::int`, values)
      return page(rows.map(toConnection), limit, (last) => cursor(last.id))
    },

    async update(ref, patch, expectedVersion) {
      const work = () => access.transaction((query) => update(query, ref, patch, expectedVersion))
      const { record, ready } = await uniqueKeyChecked(work)
      floor.lower(ready)
      return record
    },

    async delete(ref, { now }) {
      const ready = await access.transaction((query) => remove(query, ref))
      if (ready === undefined) return false
      floor.lower(ready)
      const portion = async (query: Query): Promise<boolean> => {
        const lane = (await lockLanes(query, [ref.id])).get(ref.id)
        // gone altogether, or made anew meanwhile
        if (lane?.revision !== 0) return false
        const more = await cancelPortion(query, lane, now)
        if (more || lane.nextAt !== 0) return more
        lane.nextAt = null
        await storeLanes(query, [lane])
        return false
      }
      while (await access.transaction(portion));
      return true
    },

    async subscribed(orgId, { since, tx } = {}) {
      const query = tx === undefined ? access.query : access.via(tx)
      const rows = await query(SUBSCRIBED, [orgId, since ?? null])
      const version = text(rows[0]?.version)
      if (version === since) return 'unchanged'
      const connections = rows
        .filter((row) => typeof row.body === 'string')
        .map((row) => subscribedOf(parse<ConnectionBody>(text(row.body))))
      return { version, connections }
    },
  }
}

function toConnection({ body, version, blocked_until, health }: Row): ConnectionRecord {
  return toRecord(parse<ConnectionBody>(text(body)), int(version), maybeInt(blocked_until), readHealth(text(health)))
}

function conflict(rule: string, field?: string): SignalboxError {
  return new SignalboxError('conflict', rule, field === undefined ? {} : { field })
}

/** The index decides, also between two organisations' processes; the id is guarded by the lane. */
async function uniqueKeyChecked<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (sqlState(error) !== UNIQUE_VIOLATION) throw error
    throw conflict('the organisation has a connection with this unique key', 'uniqueKey')
  }
}
