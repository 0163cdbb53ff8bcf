import { randomFillSync } from 'node:crypto'
import type { Clock, Ids } from '../contracts/clock.ts'

/** Crockford's base 32: no I, L, O, U. Sorts as text in the order of its values. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const PAIRS: readonly string[] = Array.from({ length: 1024 }, (_, n) => `${ALPHABET[n >> 5]}${ALPHABET[n & 31]}`)
const COUNTER_SIZE = 1 << 20
/** For each millisecond; fetched for many at once. */
const RANDOM_BYTES = 8

/**
 * The default {@link Ids}: `prefix_` and 26 characters: the time (10), randomness of this process and millisecond (12),
 * a counter (4). Ids of one process sort in the order of their making as long as the clock does not step back.
 */
export function createIds(clock: Pick<Clock, 'now'>): Ids {
  const random = new Uint8Array(RANDOM_BYTES * 64)
  let used = random.length
  let lastMs = -1
  let counter = 0
  let stem = ''
  /** What the ids of a prefix begin with until the next millisecond: they share it, for as long as they are kept. */
  const heads = new Map<string, string>()

  const renew = (now: number): void => {
    if (used === random.length) {
      randomFillSync(random)
      used = 0
    }
    const view = new DataView(random.buffer, used, RANDOM_BYTES)
    used += RANDOM_BYTES
    lastMs = now
    counter = 0
    heads.clear()
    stem = encode(now, 10) + encode(view.getUint32(0) & 0x3fffffff, 6) + encode(view.getUint32(4) & 0x3fffffff, 6)
  }

  return (prefix) => {
    const now = clock.now()
    if (now !== lastMs || counter === COUNTER_SIZE) renew(now)
    let head = heads.get(prefix)
    if (head === undefined) {
      head = [prefix, stem].join('_')
      heads.set(prefix, head)
    }
    const n = counter++
    const tail = `${PAIRS[n >> 10]}${PAIRS[n & 1023]}`
    return head + tail
  }
}

function encode(value: number, length: number): string {
  let rest = Math.max(0, Math.floor(value))
  let text = ''
  for (let i = 0; i < length; i++) {
    text = `${ALPHABET[rest % 32]}${text}`
    rest = Math.floor(rest / 32)
  }
  return text
}
