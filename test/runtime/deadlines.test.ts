import { describe, expect, it } from 'vitest'
import type { Clock } from '../../src/contracts/clock.ts'
import { createDeadlines } from '../../src/runtime/deadlines.ts'

function manualClock() {
  let now = 1_000_000
  const timers = new Map<() => void, number>()
  let set = 0
  const clock: Clock = {
    now: () => now,
    setTimer(atMs, fn) {
      set += 1
      const entry = (): void => fn()
      timers.set(entry, atMs)
      return () => timers.delete(entry)
    },
  }
  return {
    clock,
    /** The timers of the system's clock hold: they fire when the time before them has gone by. */
    setBack(ms: number) {
      now -= ms
      for (const [entry, at] of timers) timers.set(entry, at - ms)
    },
    pending: () => timers.size,
    timersSet: () => set,
    advanceTo(target: number) {
      for (;;) {
        const [next] = [...timers].filter(([, at]) => at <= target).sort((a, b) => a[1] - b[1])
        if (next === undefined) break
        now = Math.max(now, next[1])
        timers.delete(next[0])
        next[0]()
      }
      now = target
    },
  }
}

describe('createDeadlines', () => {
  it('expires what is near on time, and what is far at most 64 ms early, never late', () => {
    const { clock, advanceTo } = manualClock()
    const seen: [number, number][] = []
    const deadlines = createDeadlines<number>(clock, (at) => seen.push([at, clock.now()]))
    const ats = [1, 50, 128, 129, 300, 333, 334, 1_000, 10_000, 10_001].map((ms) => clock.now() + ms)
    for (const at of ats) deadlines.add(at, at)
    advanceTo(clock.now() + 20_000)
    expect(seen.map(([at]) => at)).toHaveLength(ats.length)
    for (const [at, expiredAt] of seen) {
      expect(expiredAt).toBeLessThanOrEqual(at)
      expect(at - expiredAt).toBeLessThan(at - 1_000_000 <= 128 ? 1 : 64)
    }
  })

  it.each(['before the next one is added', 'and nothing is added'])(
    'moves with a clock that is set back, %s',
    (when) => {
      const { clock, advanceTo, setBack, pending } = manualClock()
      const seen: [string, number][] = []
      const deadlines = createDeadlines<string>(clock, (item) => seen.push([item, clock.now()]))
      deadlines.add(clock.now() + 5_000, 'early')
      setBack(3_600_000)
      const setBackAt = clock.now()
      if (when === 'before the next one is added') deadlines.add(clock.now() + 2_000, 'late')
      advanceTo(setBackAt + 12_000)
      expect(seen.map(([item]) => item).sort()).toEqual(when === 'and nothing is added' ? ['early'] : ['early', 'late'])
      // what lay before it when it was last looked at, once more at most
      for (const [, at] of seen) expect(at - setBackAt).toBeLessThanOrEqual(10_000)
      expect(pending()).toBe(0)
    },
  )

  it('sets one timer for all, and none when nothing waits', () => {
    const { clock, pending, timersSet, advanceTo } = manualClock()
    const deadlines = createDeadlines<number>(clock, () => {})
    const entries = Array.from({ length: 1_000 }, (_, i) => deadlines.add(clock.now() + 10_000 + i, i))
    expect(pending()).toBe(1)
    expect(timersSet()).toBe(1)
    for (const entry of entries) deadlines.remove(entry)
    expect(pending()).toBe(0)
    deadlines.add(clock.now() + 5, 1)
    advanceTo(clock.now() + 5)
    expect(pending()).toBe(0)
  })

  it('moves the timer forward for a deadline that is nearer', () => {
    const { clock, advanceTo } = manualClock()
    const seen: string[] = []
    const deadlines = createDeadlines<string>(clock, (name) => seen.push(name))
    deadlines.add(clock.now() + 10_000, 'far')
    deadlines.add(clock.now() + 100, 'near')
    advanceTo(clock.now() + 100)
    expect(seen).toEqual(['near'])
    expect(deadlines.items()).toEqual(['far'])
    advanceTo(clock.now() + 10_000)
    expect(seen).toEqual(['near', 'far'])
  })

  it('takes back in any order, twice without harm, and while it expires others', () => {
    const { clock, advanceTo } = manualClock()
    const seen: string[] = []
    const deadlines = createDeadlines<string>(clock, (name) => {
      seen.push(name)
      deadlines.remove(name === 'a' ? b : a)
      deadlines.add(clock.now() + 10, 'later')
    })
    const at = clock.now() + 50
    const a = deadlines.add(at, 'a')
    const gone = deadlines.add(at, 'gone')
    const b = deadlines.add(at, 'b')
    deadlines.remove(gone)
    deadlines.remove(gone)
    expect(deadlines.items()).toEqual(['b', 'a'])
    advanceTo(at)
    expect(seen).toHaveLength(1)
    expect(deadlines.items()).toEqual(['later'])
    deadlines.remove(a)
    deadlines.remove(b)
    expect(deadlines.items()).toEqual(['later'])
  })
})
