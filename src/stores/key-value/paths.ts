/**
 * Keys: parts joined by `!`, in the order of their parts. Every character lies between `!` and `~`, so that keys have
 * one order, whether a database compares bytes, UTF-16 units or code points. Numbers are instants and counters: padded.
 */
export function keyOf(...parts: readonly (string | number)[]): string {
  return parts.map((part) => (typeof part === 'number' ? padded(part) : escaped(part))).join('!')
}

/** What every key that begins with these parts, and has more, begins with. */
export function under(...parts: readonly (string | number)[]): string {
  return `${keyOf(...parts)}!`
}

/** Keeps the order of UTF-16 units, and what begins with what: below `#` it sorts before, above `}` after the rest. */
export function escaped(part: string): string {
  return part.replace(/[^#-}]/g, (unit) => {
    const code = unit.charCodeAt(0)
    return code < 0x23 ? `"${code.toString(16).padStart(2, '0')}` : `~${code.toString(16).padStart(4, '0')}`
  })
}

const DIGITS = 16

function padded(part: number): string {
  return part.toFixed(0).padStart(DIGITS, '0')
}

/** The number that stands in `key` right after `prefix`. */
export function numberAfter(prefix: string, key: string): number {
  return Number(key.slice(prefix.length, prefix.length + DIGITS))
}

/** Later than any instant that a store will see: what is subtracted from it sorts newest first. */
const FAR_FUTURE = 1e15

export function newestFirst(at: number): number {
  return FAR_FUTURE - at
}
