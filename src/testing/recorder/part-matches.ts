import { isDeepStrictEqual } from 'node:util'

/** Whether `value` has all that `part` names: plain objects in parts, at any depth, everything else as a whole. */
export function partMatches(value: unknown, part: unknown): boolean {
  if (!isPlainObject(part)) return isDeepStrictEqual(value, part)
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(part).every(([key, wanted]) => partMatches(Reflect.get(value, key), wanted))
}

/** A literal, or of `JSON.parse`: no instance of a class, no list. */
export function isPlainObject(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
