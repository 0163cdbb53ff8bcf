import { describe, expect, it } from 'vitest'
import type { Logger } from '../../src/contracts/clock.ts'
import type { EngineHandler } from '../../src/contracts/engine.ts'
import { createJobEngine, type JobEngineOptions } from '../../src/jobs/job-engine.ts'
import { engineContract, fakeClock } from '../../src/testing/index.ts'
import { memoryJobs } from '../support/memory-jobs.ts'

function harness(options: JobEngineOptions = {}) {
  const clock = fakeClock()
  const jobs = memoryJobs(clock)
  const logs: string[] = []
  const note =
    (level: string) =>
    (_fields: object, message: string): void => {
      logs.push(`${level}: ${message}`)
    }
  const logger: Logger = { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') }
  const engine = createJobEngine('memory', { clock, logger, ...options }, () => jobs.client())
  return { clock, jobs, logs, engine, begin: () => createJobEngine('memory', { clock }, () => jobs.client()) }
}

/** Counts calls, and does what it is told. */
function recorder(own: Partial<EngineHandler> = {}) {
  const attempts: (readonly string[])[] = []
  let works = 0
  const handler: EngineHandler = {
    work() {
      works++
      return own.work?.() ?? Promise.resolve({ nextAt: null })
    },
    attempt(ids, until) {
      attempts.push(ids)
      return own.attempt?.(ids, until) ?? Promise.resolve({ left: [] })
    },
  }
  return {
    handler,
    attempts,
    get works() {
      return works
    },
  }
}

const ids = (count: number): string[] => Array.from({ length: count }, (_, n) => `d${n}`)

describe('an engine over a job queue', () => {
  const clock = fakeClock()
  const cases = engineContract({
    shared: true,
    clock,
    async open({ sweepMs }) {
      const jobs = memoryJobs(clock)
      return {
        engine: () => createJobEngine('memory', { sweepMs, clock }, () => jobs.client()),
        lose: async () => jobs.lose(),
        async cut() {
          jobs.state = 'refuses'
          return async () => {
            jobs.state = 'open'
          }
        },
        close: async () => {},
      }
    },
  })
  for (const { name, run } of cases) it(name, run)

  it('opens no queue before it is used', async () => {
    let opened = 0
    const clock = fakeClock()
    const jobs = memoryJobs(clock)
    const engine = createJobEngine('memory', { clock }, () => {
      opened++
      return jobs.client()
    })
    await engine.schedule([])
    await engine.stop()
    expect(opened).toBe(0)
  })

  it('adds what is scheduled at once in one exchange, with few jobs', async () => {
    const { engine, jobs } = harness()
    const told = ids(1000).map((deliveryId) => engine.schedule([{ deliveryId, dueAt: 0 }]))
    await Promise.all(told)
    expect(jobs.added).toEqual([10])
  })

  it('attempts what a job names, and then looks whether that made room for more', async () => {
    const { engine, clock } = harness()
    const order: string[] = []
    const { handler } = recorder({
      async attempt(some) {
        order.push(`attempt ${some}`)
        return { left: [] }
      },
      async work() {
        order.push('work')
        return { nextAt: null }
      },
    })
    await engine.start(handler)
    await clock.advance(0)
    await engine.schedule([{ deliveryId: 'a', dueAt: 0 }])
    await clock.advance(0)
    expect(order).toEqual(['work', 'attempt a', 'work'])
    await engine.stop()
  })

  it('makes a job of the instant that the store names, unless a sweep is there first', async () => {
    const { engine, clock, jobs } = harness({ sweepMs: 10_000 })
    let nextAt = clock.now() + 5000
    await engine.start(recorder({ work: async () => ({ nextAt }) }).handler)
    await clock.advance(0)
    expect(jobs.waiting.map(({ at }) => at)).toEqual([nextAt])
    nextAt = clock.now() + 60_000
    await clock.advance(5000)
    expect(jobs.waiting).toEqual([])
    await engine.stop()
  })

  it('holds a job for a quarter of a second at most, so that slow sends keep no slot of the queue', async () => {
    const { engine, clock } = harness()
    const untils: number[] = []
    await engine.start(
      recorder({
        work: () => new Promise(() => {}),
        async attempt(some, until) {
          untils.push(until - clock.now())
          return { left: some }
        },
      }).handler,
    )
    await clock.advance(0)
    await engine.schedule([{ deliveryId: 'a', dueAt: 0 }])
    await clock.advance(0)
    expect(untils).toEqual([250])
  })

  it('sweeps a little sooner than every sweepMs, and later again after each look', async () => {
    const { engine, clock } = harness({ sweepMs: 1000 })
    engine.attach?.({ clock, logger: { debug() {}, info() {}, warn() {}, error() {} }, random: () => 0.5 })
    const seen = recorder()
    await engine.start(seen.handler)
    await clock.advance(949)
    expect(seen.works).toBe(1)
    await clock.advance(1)
    expect(seen.works).toBe(2)
    await clock.advance(500)
    await engine.schedule([{ deliveryId: '', dueAt: clock.now() }])
    await clock.advance(949)
    expect(seen.works).toBe(3)
    await engine.stop()
  })

  it('gives a job that it took while it stops to another process', async () => {
    const { engine, clock, begin } = harness()
    const { promise: called, resolve: call } = Promise.withResolvers<void>()
    await engine.start(
      recorder({
        async attempt(some) {
          await called
          return { left: some }
        },
      }).handler,
    )
    await clock.advance(0)
    await engine.schedule([{ deliveryId: 'a', dueAt: 0 }])
    await clock.advance(0)
    const stopping = engine.stop()
    const other = begin()
    const seen = recorder()
    await other.start(seen.handler)
    await clock.advance(0)
    call()
    await stopping
    await clock.advance(0)
    expect(seen.attempts).toEqual([['a']])
    await other.stop()
  })

  it('keeps nothing for a queue that does not answer, and says once that it fails and once that it works', async () => {
    const { engine, clock, jobs, logs } = harness()
    const seen = recorder()
    await engine.start(seen.handler)
    await clock.advance(0)
    jobs.state = 'hangs'
    const first = engine.schedule([{ deliveryId: 'a', dueAt: 0 }])
    await clock.advance(5000)
    await first
    for (let n = 0; n < 100; n++) await engine.schedule([{ deliveryId: `b${n}`, dueAt: 0 }])
    await clock.advance(100)
    // by its own clock instead
    expect(seen.works).toBeGreaterThan(1)
    jobs.state = 'open'
    await clock.advance(0)
    expect(jobs.added).toEqual([1])
    await engine.schedule([{ deliveryId: 'c', dueAt: 0 }])
    await clock.advance(0)
    expect(jobs.added).toEqual([1, 1])
    expect(logs).toEqual([
      'error: jobs could not be added: sweeps find what they would have woken',
      'info: jobs are added to the queue again',
    ])
    await engine.stop()
  })

  it('logs no more of an error of the queue than its text: its fields may hold a password', async () => {
    const clock = fakeClock()
    const logged: unknown[] = []
    const error = (fields: object): void => {
      logged.push(fields)
    }
    const secret = Object.assign(new Error('WRONGPASS'), { command: { name: 'auth', args: ['hunter2'] } })
    const fail = (): Promise<void> => Promise.reject(secret)
    const engine = createJobEngine('memory', { clock, logger: { debug() {}, info() {}, warn() {}, error } }, () => ({
      add: fail,
      consume: fail,
      pause: fail,
      close: fail,
    }))
    await engine.start(recorder().handler)
    await engine.schedule([{ deliveryId: 'a', dueAt: 0 }])
    await engine.stop()
    expect(logged.length).toBeGreaterThan(2)
    expect(JSON.stringify(logged)).not.toContain('hunter2')
    expect(logged).toContainEqual({ error: 'Error: WRONGPASS' })
  })

  it('tells the caller of start where the queue can not even be made', async () => {
    const engine = createJobEngine('memory', {}, () => {
      throw new Error('no such option')
    })
    await expect(engine.start(recorder().handler)).rejects.toThrow('no such option')
    await engine.stop()
  })

  it.each([
    ['sweepMs', { sweepMs: 99 }],
    ['sweepMs', { sweepMs: 3_600_001 }],
    ['maxIds', { maxIds: 0 }],
    ['maxIds', { maxIds: 1.5 }],
  ])('refuses %s out of range', (field, options) => {
    expect(() => harness(options)).toThrow(expect.objectContaining({ code: 'invalid_input', field }))
  })
})
