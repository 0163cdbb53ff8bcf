import type { Pace } from '../contracts/connection.ts'
import { invalidInput } from '../errors.ts'

const MAX_PER_SECOND = 10_000
const MAX_BURST = 10_000

/** @throws SignalboxError `invalid_input` */
export function checkPace(value: unknown): Pace {
  if (typeof value !== 'object' || value === null) throw invalidInput('pace', 'must be { perSecond, burst } or false')
  const { perSecond, burst } = value as Partial<Record<keyof Pace, unknown>>
  if (typeof perSecond !== 'number' || !(perSecond > 0 && perSecond <= MAX_PER_SECOND)) {
    throw invalidInput('pace.perSecond', `must be a number above 0, at most ${MAX_PER_SECOND}`)
  }
  // Below 1 no whole token would ever be there.
  if (typeof burst !== 'number' || !(burst >= 1 && burst <= MAX_BURST)) {
    throw invalidInput('pace.burst', `must be a number from 1 to ${MAX_BURST}`)
  }
  return { perSecond, burst }
}
