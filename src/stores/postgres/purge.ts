import type { DeliveryRepository } from '../../contracts/store.ts'
import { invalidInput } from '../../errors.ts'
import type { Access, Query } from './access.ts'
import { changeOrganisations } from './connection-rows.ts'
import { lockLanes } from './lane.ts'
import { int, list, text } from './values.ts'

type Request = Parameters<DeliveryRepository['purge']>[0]

/** At most so many rows go in one transaction. */
const PORTION = 1000

const FINAL = `
SELECT did FROM @.delivery
WHERE status <> 0 AND created_at < $1::text::bigint AND finished_at < $1::text::bigint
  AND ($2::text IS NULL OR org_id = $2) LIMIT $3::text::int FOR UPDATE SKIP LOCKED`
const OLD_EVENTS = `
SELECT e.eid FROM @.event e
WHERE e.accepted_at < $1::text::bigint AND ($2::text IS NULL OR e.org_id = $2)
  AND NOT EXISTS (SELECT 1 FROM @.delivery d WHERE d.eid = e.eid)
  AND NOT EXISTS (SELECT 1 FROM @.digest_member m WHERE m.eid = e.eid)
  AND NOT EXISTS (SELECT 1 FROM @.kept_event k WHERE k.eid = e.eid)
LIMIT $3::text::int FOR UPDATE OF e SKIP LOCKED`

/** Removes a portion. Answers how many rows went. */
type Portion = (query: Query, most: number) => Promise<number>

export async function purge(access: Access, request: Request): ReturnType<DeliveryRepository['purge']> {
  const { before, eventsBefore, orgId, everything, now, limit } = request
  if (everything && orgId === undefined) throw invalidInput('everything', 'needs an `orgId`')
  const kinds: readonly Portion[] =
    everything && orgId !== undefined
      ? [connectionsOf(orgId), deliveriesOf(orgId), eventsOf(orgId)]
      : [endedDeliveries(before, orgId), oldEvents(eventsBefore, orgId)]
  let removed = 0
  let more = false
  for (const kind of kinds) {
    let left = limit
    for (let full = true; full && left > 0; ) {
      const most = Math.min(PORTION, left)
      const gone = await access.transaction((query) => kind(query, most))
      left -= gone
      full = gone === most
    }
    removed += limit - left
    more ||= left === 0
  }
  if (!everything) {
    const expired = 'SELECT ctid FROM @.entry WHERE expires_at <= $1::text::bigint LIMIT $2::text::int'
    await access.query(`DELETE FROM @.entry WHERE ctid = ANY(ARRAY(${expired}))`, [String(now), String(PORTION)])
  }
  return { removed, more }
}

function endedDeliveries(before: number, orgId: string | undefined): Portion {
  return async (query, most) => {
    const rows = await query(FINAL, [String(Math.ceil(before)), orgId ?? null, String(most)])
    return removeDeliveries(
      query,
      rows.map((row) => int(row.did)),
    )
  }
}

function deliveriesOf(orgId: string): Portion {
  return async (query, most) => {
    const sql = 'SELECT did FROM @.delivery WHERE org_id = $1 LIMIT $2::text::int FOR UPDATE'
    const rows = await query(sql, [orgId, String(most)])
    return removeDeliveries(
      query,
      rows.map((row) => int(row.did)),
    )
  }
}

async function removeDeliveries(query: Query, dids: readonly number[]): Promise<number> {
  if (dids.length === 0) return 0
  for (const table of ['attempt', 'kept_event', 'delivery']) {
    await query(`DELETE FROM @.${table} WHERE did = ANY($1::text::bigint[])`, [list(dids)])
  }
  return dids.length
}

function oldEvents(before: number, orgId: string | undefined): Portion {
  return async (query, most) => {
    const rows = await query(OLD_EVENTS, [String(Math.ceil(before)), orgId ?? null, String(most)])
    const eids = rows.map((row) => int(row.eid))
    if (eids.length > 0) await query('DELETE FROM @.event WHERE eid = ANY($1::text::bigint[])', [list(eids)])
    return eids.length
  }
}

function eventsOf(orgId: string): Portion {
  const some = 'SELECT ctid FROM @.event WHERE org_id = $1 LIMIT $2::text::int'
  const sql = `DELETE FROM @.event WHERE ctid = ANY(ARRAY(${some})) RETURNING 1 AS one`
  return async (query, most) => (await query(sql, [orgId, String(most)])).length
}

/** With their digests and lanes: what is still leased of them is nobody's any more. */
function connectionsOf(orgId: string): Portion {
  return async (query, most) => {
    const sql = 'SELECT id FROM @.connection WHERE org_id = $1 ORDER BY id LIMIT $2::text::int'
    const found = (await query(sql, [orgId, String(most)])).map((row) => text(row.id))
    const ids = [...(await lockLanes(query, found)).values()].filter((lane) => lane.orgId === orgId).map(({ id }) => id)
    if (ids.length === 0) return 0
    for (const [table, column] of [
      ['digest_member', 'lane'],
      ['connection', 'id'],
      ['lane', 'id'],
      ['lane_name', 'id'],
    ]) {
      await query(`DELETE FROM @.${table} WHERE ${column} = ANY($1::text::text[])`, [list(ids)])
    }
    await changeOrganisations(query, [orgId])
    return ids.length
  }
}
