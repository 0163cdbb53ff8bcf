import { describe, expect, it } from 'vitest'
import { fakeClock } from '../../src/testing/index.ts'

describe('fakeClock', () => {
  it('stands still until it is told to move', async () => {
    const clock = fakeClock({ now: 1000 })
    expect([clock.now(), clock.now()]).toEqual([1000, 1000])
    await clock.advance(250)
    expect(clock.now()).toBe(1250)
    expect(fakeClock().now()).toBe(1_780_000_000_000)
  })

  it('fires timers in order of time, then of setting, each at its own instant', async () => {
    const clock = fakeClock({ now: 0 })
    const fired: string[] = []
    const note = (name: string) => () => fired.push(`${name}@${clock.now()}`)
    clock.setTimer(30, note('c'))
    clock.setTimer(10, note('a'))
    clock.setTimer(30, note('d'))
    clock.setTimer(20, note('b'))
    clock.setTimer(41, note('late'))
    await clock.advance(40)
    expect(fired).toEqual(['a@10', 'b@20', 'c@30', 'd@30'])
    expect(clock.now()).toBe(40)
    await clock.advance(1)
    expect(fired.at(-1)).toBe('late@41')
  })

  it('lets what a timer set going settle before the next one fires', async () => {
    const clock = fakeClock({ now: 0 })
    const seen: string[] = []
    clock.setTimer(10, async () => {
      await Promise.resolve()
      await new Promise((resolve) => setImmediate(resolve))
      seen.push('work of the first')
    })
    clock.setTimer(11, () => seen.push('second'))
    await clock.advance(11)
    expect(seen).toEqual(['work of the first', 'second'])
  })

  it('fires timers that were set on the way', async () => {
    const clock = fakeClock({ now: 0 })
    const ticks: number[] = []
    const tick = () => {
      ticks.push(clock.now())
      clock.setTimer(clock.now() + 10, tick)
    }
    clock.setTimer(10, tick)
    await clock.advance(35)
    expect(ticks).toEqual([10, 20, 30])
  })

  it('drives code that sleeps in a loop', async () => {
    const clock = fakeClock({ now: 0 })
    const waits: number[] = []
    const done = (async () => {
      for (const ms of [5, 50, 500]) {
        await new Promise<void>((resolve) => {
          clock.setTimer(clock.now() + ms, resolve)
        })
        waits.push(clock.now())
      }
    })()
    await clock.advance(1000)
    await done
    expect(waits).toEqual([5, 55, 555])
  })

  it('fires no timer that was cancelled, nor one twice', async () => {
    const clock = fakeClock({ now: 0 })
    let fired = 0
    const cancel = clock.setTimer(10, () => fired++)
    clock.setTimer(10, () => fired++)
    cancel()
    cancel()
    await clock.advance(100)
    await clock.advance(100)
    expect(fired).toBe(1)
  })

  it('fires an overdue timer with the next advance, without going back in time', async () => {
    const clock = fakeClock({ now: 1000 })
    const at: number[] = []
    clock.setTimer(10, () => at.push(clock.now()))
    expect(at).toEqual([])
    await clock.advance(0)
    expect(at).toEqual([1000])
  })

  it('jumps without firing anything, back as well', async () => {
    const clock = fakeClock({ now: 1000 })
    let fired = 0
    clock.setTimer(2000, () => fired++)
    clock.set(5000)
    expect([clock.now(), fired]).toEqual([5000, 0])
    clock.set(500)
    expect(clock.now()).toBe(500)
    await clock.advance(1499)
    expect(fired).toBe(0)
    await clock.advance(1)
    expect(fired).toBe(1)
  })

  it('queues advances that overlap, and fails the one whose timer threw', async () => {
    const clock = fakeClock({ now: 0 })
    clock.setTimer(10, () => {
      throw new Error('from the timer')
    })
    const first = clock.advance(10)
    const second = clock.advance(5)
    await expect(first).rejects.toThrow('from the timer')
    await second
    expect(clock.now()).toBe(15)
  })
})
