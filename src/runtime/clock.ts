import type { Clock } from '../contracts/clock.ts'

/** What a timer of the platform can hold; longer delays fire at once there. */
const MAX_DELAY_MS = 2 ** 31 - 1

/** The wall clock. Delays of any length hold; a timer that is set keeps the process alive. */
export function systemClock(): Clock {
  return {
    now: () => Date.now(),
    setTimer(atMs, fn) {
      let timer: NodeJS.Timeout
      const arm = (): void => {
        const delay = Math.max(0, Math.ceil(atMs - Date.now()))
        timer = delay > MAX_DELAY_MS ? setTimeout(arm, MAX_DELAY_MS) : setTimeout(fire, delay)
      }
      // The platform's timers count elapsed time and may fire a millisecond before the wall clock is there.
      const fire = (): void => (Date.now() < atMs ? arm() : fn())
      arm()
      return () => clearTimeout(timer)
    },
  }
}
