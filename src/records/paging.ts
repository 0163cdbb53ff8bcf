import type { Page } from '../contracts/store.ts'
import { invalidInput } from '../errors.ts'

/** `rows` has one more than `limit` where there is a next page. */
export function page<T>(rows: readonly T[], limit: number, cursorOf: (last: T) => string): Page<T> {
  if (rows.length <= limit) return { items: rows }
  const items = rows.slice(0, limit)
  const last = items.at(-1)
  return last === undefined ? { items } : { items, next: cursorOf(last) }
}

export function cursor(...parts: readonly (string | number)[]): string {
  return JSON.stringify(parts)
}

/** @throws `invalid_input` for what no list of this store has given out. */
export function readCursor(after: string, length: number): readonly (string | number)[] {
  try {
    const parts: unknown = JSON.parse(after)
    if (Array.isArray(parts) && parts.length === length && parts.every(isPart)) return parts
  } catch {
    // said below
  }
  throw invalidInput('after', 'must be the `next` of a page before')
}

function isPart(part: unknown): part is string | number {
  return typeof part === 'string' || typeof part === 'number'
}
