import { describe, expect, it } from 'vitest'
import { pollingEngine } from '../../src/engines/polling.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { engineContract, fakeClock } from '../../src/testing/index.ts'
import { testEach } from '../support/cases.ts'

const noAttempt = async (ids: readonly string[]) => ({ left: ids })

function harness(nextAt: () => number | null = () => null) {
  const clock = fakeClock({ now: 0 })
  const calls: number[] = []
  const engine = pollingEngine({ pollMs: 1000, clock })
  const handler = {
    work: async () => {
      calls.push(clock.now())
      return { nextAt: nextAt() }
    },
    attempt: noAttempt,
  }
  return { clock, calls, engine, handler }
}

describe('the polling engine', () => {
  const clock = fakeClock()
  const cases = engineContract({
    shared: false,
    clock,
    open: async ({ sweepMs }) => ({ engine: () => pollingEngine({ pollMs: sweepMs, clock }), close: async () => {} }),
  })
  testEach(cases)

  it('asks at once when it starts, and then every pollMs', async () => {
    const { clock, calls, engine, handler } = harness()
    await engine.start(handler)
    await clock.advance(2500)
    expect(calls).toEqual([0, 1000, 2000])
    await engine.stop()
  })

  it('comes back when the store says, not before', async () => {
    let next: number | null = 300
    const { clock, calls, engine, handler } = harness(() => {
      const at = next
      next = null
      return at
    })
    await engine.start(handler)
    await clock.advance(400)
    expect(calls).toEqual([0, 300])
    await engine.stop()
  })

  it('tells once that the store is away, and once that it is back', async () => {
    const told: string[] = []
    const clock = fakeClock({ now: 0 })
    const logger = { ...silentLogger, error: () => told.push('away'), info: () => told.push('back') }
    const engine = pollingEngine({ pollMs: 1000, clock, logger })
    let away = true
    const work = async () => {
      if (away) throw new Error('no connection')
      return { nextAt: null }
    }
    await engine.start({ work, attempt: noAttempt })
    await clock.advance(5000)
    expect(told).toEqual(['away'])
    away = false
    await clock.advance(5000)
    expect(told).toEqual(['away', 'back'])
    await engine.stop()
  })

  it('follows work that begins in the moment in which the one before ends', async () => {
    const errors: unknown[] = []
    const clock = fakeClock({ now: 0 })
    const logger = { ...silentLogger, error: (fields: object) => errors.push(fields) }
    const engine = pollingEngine({ pollMs: 1000, clock, logger })
    let calls = 0
    await engine.start({
      work() {
        if (++calls > 1) return Promise.reject(new Error('the store failed'))
        const done = Promise.resolve({ nextAt: null })
        void done.then(() => engine.schedule([{ deliveryId: 'd', dueAt: 0 }]))
        return done
      },
      attempt: noAttempt,
    })
    await clock.advance(0)
    expect(calls).toBe(2)
    expect(errors).toMatchObject([{ error: { message: 'the store failed' } }])
    await engine.stop()
  })

  it('is woken at once by what is due, and in time by what is due later', async () => {
    const { clock, calls, engine, handler } = harness()
    await engine.start(handler)
    await clock.advance(100)
    await engine.schedule([{ deliveryId: 'a', dueAt: 90 }])
    await engine.schedule([{ deliveryId: 'b', dueAt: 500 }])
    await clock.advance(500)
    expect(calls).toEqual([0, 100, 500])
    await engine.stop()
  })

  it('goes on after the store failed', async () => {
    const { clock, engine } = harness()
    let calls = 0
    await engine.start({
      work: async () => {
        if (++calls === 1) throw new Error('store down')
        return { nextAt: null }
      },
      attempt: noAttempt,
    })
    await clock.advance(1000)
    expect(calls).toBe(2)
    await engine.stop()
  })

  it('does nothing before it starts and after it stopped', async () => {
    const { clock, calls, engine, handler } = harness()
    await engine.schedule([{ deliveryId: 'a', dueAt: 0 }])
    await engine.start(handler)
    await engine.stop()
    await engine.schedule([{ deliveryId: 'a', dueAt: 0 }])
    await clock.advance(5000)
    expect(calls).toEqual([0])
  })

  it('waits with stop for the work under way', async () => {
    const { engine } = harness()
    let finish = (): void => {}
    let stopped = false
    await engine.start({
      work: () => new Promise((resolve) => (finish = () => resolve({ nextAt: null }))),
      attempt: noAttempt,
    })
    const stopping = engine.stop().then(() => {
      stopped = true
    })
    await new Promise(setImmediate)
    expect(stopped).toBe(false)
    finish()
    await stopping
  })

  it('runs on the clock of its dispatcher, unless it was given one', async () => {
    const clock = fakeClock({ now: 0 })
    const calls: number[] = []
    const engine = pollingEngine({ pollMs: 1000 })
    engine.attach?.({ clock, logger: silentLogger, random: () => 0 })
    const work = async () => {
      calls.push(clock.now())
      return { nextAt: null }
    }
    await engine.start({ work, attempt: noAttempt })
    await clock.advance(2000)
    expect(calls).toEqual([0, 1000, 2000])
    await engine.stop()
  })

  it('refuses a pollMs out of range', () => {
    expect(() => pollingEngine({ pollMs: 0 })).toThrow(/pollMs/)
  })
})
