import type { StoredEvent } from '../../contracts/event.ts'
import { parse } from '../../records/codec.ts'
import { type Session, text } from './driver.ts'

/**
 * Events by key, so that what this process has accepted need not be read and parsed again to be sent. Events never
 * change; their keys may be used again after a purge, which starts a new generation.
 */
export interface EventCache {
  get(session: Session, eid: number): StoredEvent | undefined
  /** Only once it is committed. */
  add(eid: number, event: StoredEvent, size: number): void
  /** Call at the begin of a transaction that will `get`. */
  generation(current: number): void
  /** Call after each rollback: what the transaction read may have been its own. */
  forget(): void
}

export const GENERATION = 'SELECT generation FROM signalbox_state'

/** Of each of two generations: the older one is dropped when the younger is full. */
const MAX_CHARACTERS = 4 * 1024 * 1024

export function createEventCache(): EventCache {
  let young = new Map<number, StoredEvent>()
  let old = new Map<number, StoredEvent>()
  let characters = 0
  let generation = -1

  function add(eid: number, event: StoredEvent, size: number): void {
    if (characters + size > MAX_CHARACTERS) {
      old = young
      young = new Map()
      characters = 0
    }
    young.set(eid, event)
    characters += size
  }

  function forget(): void {
    young = new Map()
    old = new Map()
    characters = 0
  }

  return {
    add,
    forget,
    get(session, eid) {
      const kept = young.get(eid) ?? old.get(eid)
      if (kept) return kept
      const row = session.get('SELECT body FROM signalbox_event WHERE eid = ?', eid)
      if (!row) return undefined
      const body = text(row[0])
      const event = parse<StoredEvent>(body)
      add(eid, event, body.length)
      return event
    },
    generation(current) {
      if (current === generation) return
      generation = current
      forget()
    },
  }
}
