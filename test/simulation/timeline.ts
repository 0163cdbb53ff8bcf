import type { Clock } from '../../src/contracts/clock.ts'

/**
 * Time and the event loop of a simulated world. Elapsed time only grows; the wall clock is elapsed time and whatever it
 * was jumped by. Nothing takes time but waiting, so that a world of days runs in milliseconds, and the same way each
 * time: callbacks are called in order of time, then of setting, and after each all promises settle.
 *
 * The fake clock of `signalbox/testing` knows the wall clock only, and lets the timers of the event loop run by
 * themselves; here both are needed.
 */
export interface Timeline {
  /** Ms since the world began. */
  elapsed(): number
  /** Epoch ms. */
  wall(): number
  /** Corrects the wall clock by so many ms. */
  jump(ms: number): void
  /** Calls `fn` once, after so many ms of elapsed time. Answers a function that cancels it. */
  after(ms: number, fn: () => void): () => void
  wait(ms: number): Promise<void>
  /** The wall clock as a process has it; its timers end with the process. */
  clock(isAlive: () => boolean): Clock
  /** Lets `ms` pass, or less: until `isOver`. */
  run(ms: number, isOver?: () => boolean): Promise<void>
}

/** How timers of the clock take a jump: by the wall clock at once, or, like a platform's, when their time has elapsed. */
export type JumpStyle = 'wall' | 'elapsed'

interface Task {
  readonly at: number
  readonly order: number
  readonly fn: () => void
}

interface ClockTimer {
  readonly at: number
  readonly fire: () => void
  cancel: () => void
}

/** Beyond so many callbacks a world does not get on: something goes round in circles. */
const MAX_CALLBACKS = 60_000

const realImmediate = setImmediate

/** All promises that can settle have. */
const settled = (): Promise<void> => new Promise((resolve) => realImmediate(resolve))

export interface TimelineControl extends Timeline {
  /** Puts the event loop's own timers under this time. Answers a function that gives them back. */
  install(): () => void
}

export function createTimeline(options: { readonly startAt: number; readonly jumpStyle: JumpStyle }): TimelineControl {
  let elapsed = 0
  let offset = options.startAt
  let order = 0
  let callbacks = 0
  const tasks = new Set<Task>()
  const clockTimers = new Set<ClockTimer>()

  const wall = (): number => elapsed + offset

  function after(ms: number, fn: () => void): () => void {
    const task = { at: elapsed + Math.max(0, ms), order: order++, fn }
    tasks.add(task)
    return () => void tasks.delete(task)
  }

  function nextTask(until: number): Task | undefined {
    let next: Task | undefined
    for (const task of tasks) {
      if (task.at > until) continue
      if (next === undefined || task.at < next.at || (task.at === next.at && task.order < next.order)) next = task
    }
    return next
  }

  const arm = (timer: ClockTimer): void => {
    timer.cancel()
    timer.cancel = after(Math.ceil(timer.at - wall()), () => (wall() < timer.at ? arm(timer) : timer.fire()))
  }

  const clock = (isAlive: () => boolean): Clock => ({
    now: wall,
    setTimer(at, fn) {
      const end = (): void => {
        clockTimers.delete(timer)
        timer.cancel()
      }
      const fire = (): void => {
        end()
        if (isAlive()) fn()
      }
      const timer: ClockTimer = { at, fire, cancel: () => {} }
      clockTimers.add(timer)
      arm(timer)
      return end
    },
  })

  return {
    elapsed: () => elapsed,
    wall,
    after,
    clock,
    wait: (ms) => new Promise((resolve) => void after(ms, resolve)),
    jump(ms) {
      offset += ms
      if (options.jumpStyle === 'wall') for (const timer of [...clockTimers]) arm(timer)
    },
    async run(ms, isOver = () => false) {
      const until = elapsed + ms
      for (;;) {
        await settled()
        if (isOver()) return
        const task = nextTask(until)
        if (task === undefined) break
        if (++callbacks > MAX_CALLBACKS) throw new Error(`no end after ${MAX_CALLBACKS} callbacks`)
        tasks.delete(task)
        elapsed = task.at
        task.fn()
      }
      if (Number.isFinite(until)) elapsed = until
    },
    install: () => installTimers(after, () => elapsed),
  }
}

/** What the core uses of the event loop beside its clock: waits of milliseconds, turns, and the monotonic clock. */
function installTimers(after: Timeline['after'], now: () => number): () => void {
  const real = { setTimeout, clearTimeout, setImmediate, clearImmediate }
  const realNow = performance.now
  const cancels = new WeakMap<object, () => void>()
  const set = (ms: number, fn: (...args: unknown[]) => void, args: unknown[]): object => {
    const handle = {}
    cancels.set(
      handle,
      after(ms, () => fn(...args)),
    )
    return handle
  }
  const clear = (handle: unknown): void => {
    if (typeof handle === 'object' && handle !== null) cancels.get(handle)?.()
  }
  Object.assign(globalThis, {
    setTimeout: (fn: () => void, ms = 0, ...args: unknown[]) => set(ms, fn, args),
    setImmediate: (fn: () => void, ...args: unknown[]) => set(0, fn, args),
    clearTimeout: clear,
    clearImmediate: clear,
  })
  performance.now = now
  return () => {
    Object.assign(globalThis, real)
    performance.now = realNow
  }
}
