import type { StoredEvent } from '../../contracts/event.ts'
import type { EventRepository } from '../../contracts/store.ts'
import { parse } from '../../records/codec.ts'
import { cursor, page, readCursor } from '../../records/paging.ts'
import type { Access } from './access.ts'
import { text } from './values.ts'

const LIST = `
SELECT body FROM @.event
WHERE org_id = $1 AND accepted_at >= $2::text::bigint AND accepted_at < $3::text::bigint
  AND (accepted_at, id) > ($4::text::bigint, $5)
ORDER BY accepted_at, id LIMIT $6::text::int`

export function createEvents({ query }: Access): EventRepository {
  return {
    async get({ orgId, id }) {
      const [row] = await query('SELECT body FROM @.event WHERE org_id = $1 AND id = $2', [orgId, id])
      return row && parse<StoredEvent>(text(row.body))
    },

    async list({ orgId, limit, after, since = 0, until = Number.MAX_SAFE_INTEGER }) {
      const [at = -1, id = ''] = after === undefined ? [] : readCursor(after, 2)
      const bounds = [String(Math.ceil(since)), String(Math.ceil(until))]
      const rows = await query(LIST, [orgId, ...bounds, String(at), String(id), String(limit + 1)])
      const events = rows.map((row) => parse<StoredEvent>(text(row.body)))
      return page(events, limit, (last) => cursor(last.acceptedAt, last.id))
    },
  }
}
