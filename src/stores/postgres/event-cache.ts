import type { StoredEvent } from '../../contracts/event.ts'
import { parse } from '../../records/codec.ts'
import type { Query } from './access.ts'
import { int, list, text } from './values.ts'

/**
 * Events by key, so that what this process has accepted need not be read and parsed again to be sent. Events never
 * change, and their keys are never used again.
 */
export interface EventCache {
  /** Those of them that are stored. */
  of(query: Query, eids: Iterable<number>): Promise<ReadonlyMap<number, StoredEvent>>
  /** Only once it is committed. */
  add(eid: number, event: StoredEvent, size: number): void
}

/** Of each of two generations: the older one is dropped when the younger is full. */
const MAX_CHARACTERS = 4 * 1024 * 1024

export function createEventCache(): EventCache {
  let young = new Map<number, StoredEvent>()
  let old = new Map<number, StoredEvent>()
  let characters = 0

  function add(eid: number, event: StoredEvent, size: number): void {
    if (characters + size > MAX_CHARACTERS) {
      old = young
      young = new Map()
      characters = 0
    }
    young.set(eid, event)
    characters += size
  }

  return {
    add,
    async of(query, eids) {
      const found = new Map<number, StoredEvent>()
      const unknown: number[] = []
      for (const eid of new Set(eids)) {
        const kept = young.get(eid) ?? old.get(eid)
        if (kept) found.set(eid, kept)
        else unknown.push(eid)
      }
      if (unknown.length === 0) return found
      const sql = 'SELECT eid, body FROM @.event WHERE eid = ANY($1::text::bigint[])'
      for (const row of await query(sql, [list(unknown)])) {
        const body = text(row.body)
        const event = parse<StoredEvent>(body)
        add(int(row.eid), event, body.length)
        found.set(int(row.eid), event)
      }
      return found
    },
  }
}
