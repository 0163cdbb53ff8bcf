import { timingSafeEqual } from 'node:crypto'

/** Whether two encoded digests are the same text, in a time that depends on their lengths only. */
export function equalDigests(expected: string, given: string): boolean {
  if (expected.length !== given.length) return false
  // As UTF-8: in Latin-1 a code unit past 255 would be cut to its low byte and could equal another character.
  const left = Buffer.from(expected)
  const right = Buffer.from(given)
  return left.length === right.length && timingSafeEqual(left, right)
}
