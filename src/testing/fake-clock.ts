import type { Clock } from '../contracts/clock.ts'

export interface FakeClockOptions {
  /** Epoch ms at which it begins. @default 1_780_000_000_000 */
  readonly now?: number
}

/** A {@link Clock} that moves only when it is told to. */
export interface FakeClock extends Clock {
  /**
   * Moves `ms` onwards: each timer that falls due on the way fires at its own instant, in order of time, then of
   * setting, timers set meanwhile included. After each, and at the end, what it set going is given the time to settle
   * (promises and a few turns of the event loop). Calls queue up behind each other.
   */
  advance(ms: number): Promise<void>
  /** Jumps to `at` (epoch ms), back too, without firing anything: the wall clock was corrected. Timers that are due fire with the next `advance`. */
  set(at: number): void
}

/**
 * Time for tests: windows, retries and tolerances without sleeping.
 *
 * @example
 * ```ts
 * const clock = fakeClock()
 * const dispatcher = createDispatcher({ clock, store: memoryStore(), transports: [webhookTransport()] })
 * dispatcher.start()
 * await clock.advance(5_000) // the first retry has been made
 * ```
 *
 * A dispatcher that was started asks its store for work once a second: to `advance` by days plays each of these seconds.
 * Two ways are cheap: poll seldom (`worker: { pollMs: 3_600_000 }`; what falls due is sent on time all the same), or do
 * not start it, `clock.set(at)` and `await dispatcher.drain()`, which does what is due by then.
 *
 * An HTTP client of your own needs the clock too, for its deadlines: `http: fetchHttp({ clock })`.
 */
export function fakeClock({ now = 1_780_000_000_000 }: FakeClockOptions = {}): FakeClock {
  let current = now
  let order = 0
  let advancing: Promise<void> = Promise.resolve()
  const timers = new Set<Timer>()

  const nextTimer = (until: number): Timer | undefined => {
    let next: Timer | undefined
    for (const timer of timers) {
      if (timer.at > until) continue
      if (next === undefined || timer.at < next.at || (timer.at === next.at && timer.order < next.order)) next = timer
    }
    return next
  }

  const run = async (ms: number): Promise<void> => {
    const until = current + ms
    await settle()
    for (let timer = nextTimer(until); timer !== undefined; timer = nextTimer(until)) {
      timers.delete(timer)
      // one that was overdue fires now: time never runs backwards within an advance
      current = Math.max(current, timer.at)
      timer.fn()
      await settle()
    }
    current = Math.max(current, until)
  }

  return {
    now: () => current,
    setTimer(at, fn) {
      const timer = { at, order: order++, fn }
      timers.add(timer)
      return () => {
        timers.delete(timer)
      }
    },
    advance(ms) {
      const done = advancing.then(() => run(ms))
      // a timer that throws fails the advance that fired it, not the next one
      advancing = done.catch(() => {})
      return done
    },
    set(at) {
      current = at
    },
  }
}

interface Timer {
  readonly at: number
  readonly order: number
  readonly fn: () => void
}

/** Enough turns for a chain of real I/O callbacks on loopback to get on; promises settle in the first. */
const TURNS = 5

async function settle(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
}
