import type { EventRepository, StoredEvent } from '../../contracts/index.ts'
import { cursorOf, inOrder, lowerBound, parseCursor } from './record-log.ts'
import type { EventEntry, State } from './state.ts'

export function eventRepository(state: State): EventRepository {
  return {
    get: async ({ orgId, id }) => state.orgs.get(orgId)?.events.get(id)?.event,
    list: async ({ orgId, since, until = Number.POSITIVE_INFINITY, after, limit }) => {
      const log = state.orgs.get(orgId)?.eventLog
      if (log === undefined) return { items: [] }
      const rows = inOrder(log)
      const cursor = after === undefined ? undefined : parseCursor(after)
      let n = since === undefined ? 0 : lowerBound(log, since, '')
      // the row after the cursor's: no id is between one and itself with a NUL
      if (cursor !== undefined) n = Math.max(n, lowerBound(log, cursor.at, `${cursor.id}\u0000`))
      const items: StoredEvent[] = []
      let last: EventEntry | undefined
      for (; n < rows.length; n++) {
        const row = rows[n]
        if (row === undefined || row.event.acceptedAt >= until) break
        if (row.removed) continue
        if (items.length === limit && last !== undefined) return { items, next: cursorOf(log, last) }
        items.push(row.event)
        last = row
      }
      return { items }
    },
  }
}
