import type { Clock } from '../contracts/clock.ts'

/** What a timer of the platform can hold; longer delays fire at once there. */
const MAX_DELAY_MS = 2 ** 31 - 1

/** More than the platform's timers and the wall clock differ by, in ms: the clock has been set back. */
const SET_BACK_MS = 1000

/**
 * The wall clock. Delays of any length hold; a timer that is set keeps the process alive. Should the clock be set back,
 * a timer fires when the time that lay before it has gone by, a second later at most: a worker must not stand still for
 * the hour that was taken off.
 */
export function systemClock(): Clock {
  return {
    now: () => Date.now(),
    setTimer(atMs, fn) {
      const elapsedAt = performance.now() + Math.max(0, atMs - Date.now()) + SET_BACK_MS
      let timer: NodeJS.Timeout
      const arm = (): void => {
        const delay = Math.max(0, Math.ceil(Math.min(atMs - Date.now(), elapsedAt - performance.now())))
        timer = delay > MAX_DELAY_MS ? setTimeout(arm, MAX_DELAY_MS) : setTimeout(fire, delay)
      }
      // The platform's timers count elapsed time and may fire a millisecond before the wall clock is there.
      const fire = (): void => (Date.now() < atMs && performance.now() < elapsedAt ? arm() : fn())
      arm()
      return () => clearTimeout(timer)
    },
  }
}
