import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { systemClock } from '../../src/runtime/clock.ts'

const DAY_MS = 86_400_000

describe('systemClock', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: 1_700_000_000_000 })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('calls at the instant, once', () => {
    const clock = systemClock()
    const calls: number[] = []
    clock.setTimer(clock.now() + 500, () => calls.push(clock.now()))
    vi.advanceTimersByTime(499)
    expect(calls).toEqual([])
    vi.advanceTimersByTime(DAY_MS)
    expect(calls).toEqual([1_700_000_000_500])
  })

  it('calls soon for an instant that has passed', () => {
    const clock = systemClock()
    const fn = vi.fn()
    clock.setTimer(clock.now() - 1, fn)
    expect(fn).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1)
    expect(fn).toHaveBeenCalledTimes(1)
  })

  it('waits longer than a timer of the platform can', () => {
    const clock = systemClock()
    const at = clock.now() + 60 * DAY_MS
    const calls: number[] = []
    clock.setTimer(at, () => calls.push(clock.now()))
    vi.advanceTimersByTime(60 * DAY_MS - 1)
    expect(calls).toEqual([])
    vi.advanceTimersByTime(1)
    expect(calls).toEqual([at])
  })

  it('can be taken back, in the middle of a long wait too', () => {
    const clock = systemClock()
    const fn = vi.fn()
    const cancel = clock.setTimer(clock.now() + 60 * DAY_MS, fn)
    vi.advanceTimersByTime(40 * DAY_MS)
    cancel()
    expect(vi.getTimerCount()).toBe(0)
    vi.advanceTimersByTime(40 * DAY_MS)
    expect(fn).not.toHaveBeenCalled()
  })

  it('calls when the time before it has gone by, where the wall clock was set back meanwhile', () => {
    const clock = systemClock()
    const at = clock.now() + 10_000
    const calls: number[] = []
    clock.setTimer(at, () => calls.push(clock.now()))
    vi.advanceTimersByTime(5_000)
    vi.setSystemTime(clock.now() - 3_600_000)
    const setBackAt = clock.now()
    vi.advanceTimersByTime(4_999)
    expect(calls).toEqual([])
    vi.advanceTimersByTime(3_600_000)
    // a second of tolerance: that much the two kinds of clocks never differ by themselves
    expect(calls).toEqual([setBackAt + 6_000])
  })

  it('does not call early where the wall clock was set back by a little', () => {
    const clock = systemClock()
    const at = clock.now() + 1_000
    const calls: number[] = []
    clock.setTimer(at, () => calls.push(clock.now()))
    vi.advanceTimersByTime(500)
    vi.setSystemTime(clock.now() - 300)
    vi.advanceTimersByTime(799)
    expect(calls).toEqual([])
    vi.advanceTimersByTime(1)
    expect(calls).toEqual([at])
  })
})
