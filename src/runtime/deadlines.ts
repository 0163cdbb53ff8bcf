import type { Clock } from '../contracts/clock.ts'

/** What waits for an instant. */
export interface Deadline<T> {
  readonly item: T
  /** Epoch ms. */
  at: number
  previous: Deadline<T> | undefined
  next: Deadline<T> | undefined
}

export interface Deadlines<T> {
  /**
   * Has `expire` called with `item`, once, at `atMs` (epoch ms) or, when that is further away than two grains, up to
   * one grain before it. O(1).
   */
  add(atMs: number, item: T): Deadline<T>
  /** Takes it back; one that has expired or is gone already stays so. O(1). */
  remove(deadline: Deadline<T>): void
  /** All that wait. */
  items(): readonly T[]
}

/** Instants this close together share a timer. */
const GRAIN_MS = 64
/** Clocks are adjusted by less all the time. */
const SET_BACK_MS = 1000

/**
 * One timer for many deadlines: a timer, or an `AbortSignal.timeout`, for each costs a good part of what a request
 * does. Early rather than late, because what waits for a deadline has promised to be done by then.
 *
 * They are in a list without order, read as a whole when the timer fires: nearly all are taken back long before.
 */
export function createDeadlines<T>(clock: Clock, expire: (item: T) => void): Deadlines<T> {
  let head: Deadline<T> | undefined
  let armedAt = Number.POSITIVE_INFINITY
  let disarm = (): void => {}
  let seenAt = Number.NEGATIVE_INFINITY

  /** Where the clock has been set back, what waits moves with it: nobody waits for the hour that was taken off. */
  const now = (): number => {
    const at = clock.now()
    const back = seenAt - at
    seenAt = at
    if (back > SET_BACK_MS && head !== undefined) {
      for (let entry: Deadline<T> | undefined = head; entry !== undefined; entry = entry.next) entry.at -= back
      if (armedAt !== Number.POSITIVE_INFINITY) arm(armedAt - back)
    }
    return at
  }

  const arm = (atMs: number): void => {
    disarm()
    armedAt = atMs
    disarm = clock.setTimer(atMs, fire)
  }

  function fire(): void {
    armedAt = Number.POSITIVE_INFINITY
    const at = now()
    const due: Deadline<T>[] = []
    let soonest = Number.POSITIVE_INFINITY
    for (let entry = head; entry !== undefined; entry = entry.next) {
      if (entry.at <= at) due.push(entry)
      else if (entry.at < soonest) soonest = entry.at
    }
    if (soonest !== Number.POSITIVE_INFINITY) arm(soonest)
    for (const entry of due) {
      // One that expires may take back another that is due.
      if (!isListed(entry)) continue
      remove(entry)
      expire(entry.item)
    }
  }

  const isListed = (entry: Deadline<T>): boolean => entry === head || entry.previous !== undefined

  const remove = (entry: Deadline<T>): void => {
    if (!isListed(entry)) return
    if (entry.previous === undefined) head = entry.next
    else entry.previous.next = entry.next
    if (entry.next !== undefined) entry.next.previous = entry.previous
    entry.previous = undefined
    entry.next = undefined
    // A timer that is set keeps the process alive.
    if (head === undefined && armedAt !== Number.POSITIVE_INFINITY) {
      disarm()
      armedAt = Number.POSITIVE_INFINITY
    }
  }

  return {
    add(atMs, item) {
      const at = atMs - now() <= 2 * GRAIN_MS ? atMs : atMs - (atMs % GRAIN_MS)
      const entry: Deadline<T> = { item, at, previous: undefined, next: head }
      if (head !== undefined) head.previous = entry
      head = entry
      if (at < armedAt) arm(at)
      return entry
    },
    remove,
    items() {
      const items: T[] = []
      for (let entry = head; entry !== undefined; entry = entry.next) items.push(entry.item)
      return items
    },
  }
}
