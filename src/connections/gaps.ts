import type { ConnectionRecord, Gap } from '../contracts/connection.ts'

/** Of pauses long gone nobody wants to know: replay has an end at the retention of events anyway. */
const MAX_GAPS = 100

/**
 * For the patch that takes a connection to another status: the times in which it was not active, the present one
 * included, which ends now. Nothing where it is active.
 */
export function gapPatch(record: ConnectionRecord, now: number): { readonly gaps?: readonly Gap[] } {
  if (record.status === 'active') return {}
  const from = record.reason?.since ?? record.updatedAt
  const gaps = [...(record.gaps ?? [])]
  const last = gaps.at(-1)
  if (last !== undefined && last.to >= from) gaps[gaps.length - 1] = { from: last.from, to: Math.max(last.to, now) }
  // a pause can end in the millisecond in which it began, and something can have been missed in it
  else gaps.push({ from, to: Math.max(now, from + 1) })
  return { gaps: gaps.slice(-MAX_GAPS) }
}
