import type { StoredEvent } from '../../contracts/event.ts'
import type { DigestRepository, OpenDigest } from '../../contracts/store.ts'
import { parse } from '../../records/codec.ts'
import { wakeLane } from '../../records/lane-times.ts'
import { cursor, page, readCursor } from '../../records/paging.ts'
import type { Access } from './access.ts'
import type { Floor } from './floor.ts'
import { lockLanes, storeLanes } from './lane.ts'
import { seal } from './sealing.ts'
import { int, maybeInt, type Row, text } from './values.ts'

const SUMMARY = `count(*) AS total, min(m.at) AS opened, least(max(m.closes_at), min(m.must_close_at)) AS closes`
const LIST = `
SELECT c.id, c.org_id, m.key, ${SUMMARY}
FROM @.connection c JOIN @.digest_member m ON m.lane = c.id
WHERE ($1::text IS NULL OR c.org_id = $1) AND ($2::text IS NULL OR c.id = $2) AND (c.id, m.key) > ($3, $4)
GROUP BY c.id, c.org_id, m.key ORDER BY c.id, m.key LIMIT $5::text::int`

/** One statement: the members that it counts are those that it shows. */
const PEEK = `
SELECT total, opened, closes, e.body
FROM (
  SELECT m.eid, row_number() OVER ordered AS n, count(*) OVER () AS total, min(m.at) OVER () AS opened,
    least(max(m.closes_at) OVER (), min(m.must_close_at) OVER ()) AS closes,
    last_value(m.max_items) OVER ordered AS most, last_value(m.keep) OVER ordered AS keep
  FROM @.digest_member m JOIN @.connection c ON c.id = m.lane
  WHERE m.lane = $1 AND m.key = $2 AND c.org_id = $3
  WINDOW ordered AS (ORDER BY m.at, m.event_id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
) m
LEFT JOIN @.event e ON e.eid = m.eid AND CASE keep WHEN 'last' THEN n > total - most ELSE n <= most END
WHERE n = 1 OR CASE keep WHEN 'last' THEN n > total - most ELSE n <= most END
ORDER BY n`

export function createDigests(access: Access, floor: Floor): DigestRepository {
  return {
    async list({ orgId, connectionId, limit, after }) {
      const [afterId, afterKey] = after === undefined ? ['', ''] : readCursor(after, 2)
      const from = [String(afterId), String(afterKey)]
      const rows = await access.query(LIST, [orgId ?? null, connectionId ?? null, ...from, String(limit + 1)])
      const items = rows.map((row): OpenDigest => {
        return { orgId: text(row.org_id), connectionId: text(row.id), key: text(row.key), ...summary(row) }
      })
      return page(items, limit, (item) => cursor(item.connectionId, item.key))
    },

    async peek({ orgId, connectionId, key }) {
      const rows = await access.query(PEEK, [connectionId, key, orgId])
      const [first] = rows
      if (!first) return undefined
      const events = rows.filter((row) => typeof row.body === 'string').map((row) => parse<StoredEvent>(text(row.body)))
      return { orgId, connectionId, key, ...summary(first), events }
    },

    async seal({ orgId, connectionId, key, now }) {
      const done = await access.transaction(async (query) => {
        const lane = (await lockLanes(query, [connectionId])).get(connectionId)
        if (!lane || lane.revision === 0 || lane.orgId !== orgId) return undefined
        const [id] = await seal(query, [{ lane, key }], now, now)
        if (id === undefined) return undefined
        wakeLane(lane, now)
        return { id, ready: await storeLanes(query, [lane]) }
      })
      if (done) floor.lower(done.ready)
      return done?.id
    },
  }
}

function summary(row: Row): { readonly total: number; readonly openedAt: number; readonly closesAt: number } {
  return { total: int(row.total), openedAt: int(row.opened), closesAt: maybeInt(row.closes) ?? 0 }
}
