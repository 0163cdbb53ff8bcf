/** Records in order, for lists: appended as they come, sorted when they are read. Ascending by `at`, then `id`. */
export interface RecordLog<T extends Logged> {
  readonly keys: LogKeys<T>
  rows: T[]
  /** So many of `rows` are in order. */
  sorted: number
  removed: number
}

export interface Logged {
  /** Set by {@link forget}; such rows are passed over. */
  removed: boolean
}

/** Where a row has what it is ordered by. */
export interface LogKeys<T> {
  at(row: T): number
  id(row: T): string
}

export function recordLog<T extends Logged>(keys: LogKeys<T>): RecordLog<T> {
  return { keys, rows: [], sorted: 0, removed: 0 }
}

export function append<T extends Logged>(log: RecordLog<T>, row: T): void {
  log.rows.push(row)
}

export function forget<T extends Logged>(log: RecordLog<T>, row: T): void {
  if (row.removed) return
  row.removed = true
  log.removed++
}

/** The rows in order; removed ones may be among them. */
export function inOrder<T extends Logged>(log: RecordLog<T>): readonly T[] {
  if (log.removed > 100 && log.removed * 2 > log.rows.length) {
    const end = log.sorted
    let sorted = 0
    log.rows = log.rows.filter((row, n) => {
      if (!row.removed && n < end) sorted++
      return !row.removed
    })
    log.sorted = sorted
    log.removed = 0
  }
  if (log.sorted < log.rows.length) {
    // what came since is short and nearly in order: sort it alone, then merge it into the end
    const { keys } = log
    const added = log.rows.slice(log.sorted).sort((a, b) => compare(keys, a, b))
    const lowest = added[0]
    const from = lowest === undefined ? log.sorted : lowerBound(log, keys.at(lowest), keys.id(lowest), log.sorted)
    const tail = log.rows.slice(from, log.sorted)
    let a = 0
    let b = 0
    for (let n = from; n < log.rows.length; n++) {
      const old = tail[a]
      const fresh = added[b]
      if (fresh === undefined || (old !== undefined && compare(keys, old, fresh) <= 0)) {
        if (old !== undefined) log.rows[n] = old
        a++
      } else {
        log.rows[n] = fresh
        b++
      }
    }
    log.sorted = log.rows.length
  }
  return log.rows
}

/** Index of the first row that is not before (`at`, `id`), among the first `end`. */
export function lowerBound<T extends Logged>(
  { keys, rows }: RecordLog<T>,
  at: number,
  id: string,
  end: number = rows.length,
): number {
  let low = 0
  let high = end
  while (low < high) {
    const middle = (low + high) >> 1
    const row = rows[middle]
    if (row === undefined) break
    const rowAt = keys.at(row)
    if (rowAt < at || (rowAt === at && keys.id(row) < id)) low = middle + 1
    else high = middle
  }
  return low
}

export function cursorOf<T extends Logged>({ keys }: RecordLog<T>, row: T): string {
  return `${keys.at(row)}:${keys.id(row)}`
}

/** @returns `undefined` where it is no cursor of ours. */
export function parseCursor(cursor: string): { readonly at: number; readonly id: string } | undefined {
  const colon = cursor.indexOf(':')
  const at = Number(cursor.slice(0, colon))
  return colon > 0 && Number.isFinite(at) ? { at, id: cursor.slice(colon + 1) } : undefined
}

function compare<T>({ at, id }: LogKeys<T>, a: T, b: T): number {
  return at(a) - at(b) || (id(a) < id(b) ? -1 : id(a) > id(b) ? 1 : 0)
}
