import type { StoredEvent } from '../../contracts/event.ts'
import type { EventRepository } from '../../contracts/store.ts'
import { parse } from '../../records/codec.ts'
import { cursor, page, readCursor } from '../../records/paging.ts'
import type { Access } from './access.ts'
import { text } from './driver.ts'
import type { Names } from './names.ts'

const LIST = `
SELECT body FROM signalbox_event
WHERE oid = ?1 AND accepted_at >= max(?2, ?4) AND accepted_at < ?3 AND (accepted_at > ?4 OR id > ?5)
ORDER BY accepted_at, id LIMIT ?6`

export function createEvents(access: Access, names: Names): EventRepository {
  return {
    get: ({ orgId, id }) =>
      access.read((session) => {
        const oid = names.findOrg(session, orgId)
        const row = session.get('SELECT body FROM signalbox_event WHERE oid = ? AND id = ?', oid ?? -1, id)
        return row && parse<StoredEvent>(text(row[0]))
      }),

    list: ({ orgId, limit, after, since = 0, until = Number.MAX_SAFE_INTEGER }) =>
      access.read((session) => {
        const oid = names.findOrg(session, orgId) ?? -1
        const [at = 0, id = ''] = after === undefined ? [] : readCursor(after, 2)
        const rows = session.all(LIST, oid, since, until, Number(at), String(id), limit + 1)
        const events = rows.map(([body]) => parse<StoredEvent>(text(body)))
        return page(events, limit, (last) => cursor(last.acceptedAt, last.id))
      }),
  }
}
