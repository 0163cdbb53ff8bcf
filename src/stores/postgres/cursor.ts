/**
 * Where the reading of a lane begins. Every delivery up to there has ended or is leased: what becomes claimable there
 * again, or is added, lowers it, under the lane's lock. `enqueue` does not touch lanes; its wake comes with what it adds,
 * and lowers the cursor when it is taken. Without it each claim would step over all that has ended since the oldest open
 * transaction of the host began, as nothing of it can be removed.
 */
export interface Cursor {
  readonly pos: number
  readonly did: number
}

interface Read {
  /** `undefined`: from the beginning. */
  cursor: Cursor | undefined
}

/** Something at `pos` or later waits. Answers whether the cursor is another one now. */
export function lowerCursor(lane: Read, pos: number): boolean {
  if (lane.cursor === undefined || pos > lane.cursor.pos) return false
  // keys begin with 1
  lane.cursor = { pos, did: 0 }
  return true
}

/** Before every delivery, as statements take it. */
export const BEGINNING: Cursor = { pos: Number.MIN_SAFE_INTEGER, did: 0 }
