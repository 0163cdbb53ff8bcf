import { Cron } from 'croner'
import type { DigestWindow } from '../contracts/connection.ts'

/** When a digest that an event joins now is to close, both in epoch ms. */
export interface ClosingTimes {
  /** The digest closes at the latest of its members' … */
  readonly closesAt: number
  /** … or at the earliest of these, whichever comes first. */
  readonly mustCloseAt: number
}

/**
 * Prepares a window for many events. Answers when a digest closes that an event joins at `at` (epoch ms).
 *
 * - `everyMs`: so long after the first event.
 * - `idleMs`, `maxMs`: when no event came for `idleMs`, at the latest `maxMs` after the first.
 * - `cron`, `timeZone`: the next time that the pattern names. A time that the clocks skip counts as the end of the gap,
 *   and one that they repeat counts once.
 */
export function compileWindow(window: DigestWindow): (at: number) => ClosingTimes {
  if ('everyMs' in window) {
    const { everyMs } = window
    return (at) => ({ closesAt: at + everyMs, mustCloseAt: at + everyMs })
  }
  if ('idleMs' in window) {
    const { idleMs, maxMs } = window
    return (at) => ({ closesAt: at + idleMs, mustCloseAt: at + maxMs })
  }
  const next = compileCron(window.cron, window.timeZone)
  return (at) => {
    const closesAt = next(at)
    return { closesAt, mustCloseAt: closesAt }
  }
}

/** The first instant after `at` that the pattern names. Events between two of them are answered from memory. */
function compileCron(pattern: string, timeZone: string): (at: number) => number {
  const cron = new Cron(pattern, { timezone: timeZone, paused: true })
  let from = 0
  let until = 0
  return (at) => {
    if (at >= from && at < until) return until
    from = at
    // a pattern that ends (a year in the past) was refused at registration: a day later is better than never
    until = cron.nextRun(new Date(at))?.getTime() ?? at + 86_400_000
    return until
  }
}
