import { describe, expect, it } from 'vitest'
import type { Engine, EngineHandler } from '../../src/contracts/index.ts'
import { pollingEngine } from '../../src/engines/polling.ts'
import { createJobEngine } from '../../src/jobs/job-engine.ts'
import type { JobQueue } from '../../src/jobs/queue.ts'
import { engineContract, fakeClock } from '../../src/testing/index.ts'
import { memoryJobs } from '../support/memory-jobs.ts'

const clock = fakeClock()

type Change = (own: Engine) => Partial<Engine>
type ChangeHandler = (own: EngineHandler) => Partial<EngineHandler>

const changed = (engine: Engine, change: Change): Engine => ({ ...engine, ...change(engine) })
const handlerChanged =
  (change: ChangeHandler): Change =>
  (own) => ({ start: (handler) => own.start({ ...handler, ...change(handler) }) })

/** A polling engine that breaks one promise. */
const polling =
  (change: Change, pollMs?: number) =>
  ({ sweepMs }: { readonly sweepMs: number }): Engine =>
    changed(pollingEngine({ pollMs: pollMs ?? sweepMs, clock }), change)

/** An engine over jobs that breaks one. */
const queued =
  (change: Change, options: { readonly maxIds?: number; readonly queue?: (own: JobQueue) => Partial<JobQueue> } = {}) =>
  ({ sweepMs, jobs }: { readonly sweepMs: number; readonly jobs: ReturnType<typeof memoryJobs> }): Engine => {
    const { maxIds = 100, queue = () => ({}) } = options
    const open = (): JobQueue => {
      const own = jobs.client()
      return { ...own, ...queue(own) }
    }
    return changed(createJobEngine('memory', { sweepMs, maxIds, clock }, open), change)
  }

const faulty: readonly {
  readonly fault: string
  /** What one of the cases that notice it says in its name. */
  readonly noticed: string
  readonly make: (ground: { readonly sweepMs: number; readonly jobs: ReturnType<typeof memoryJobs> }) => Engine
}[] = [
  { fault: 'hears nothing', noticed: 'what is due is worked off at once', make: polling(() => ({ schedule() {} })) },
  { fault: 'asks all the time', noticed: 'nobody asks again and again', make: polling(() => ({}), 10) },
  {
    fault: 'looks only when it is told',
    noticed: 'finds what nobody announced',
    make: ({ jobs }) => queued(() => ({}))({ sweepMs: 3_600_000, jobs }),
  },
  {
    fault: 'does not look when it starts',
    noticed: 'works off what waited before',
    make: polling((own) => {
      let isFirst = true
      return handlerChanged((handler) => ({
        work: () => {
          if (!isFirst) return handler.work()
          isFirst = false
          return Promise.resolve({ nextAt: null })
        },
      }))(own)
    }),
  },
  {
    fault: 'forgets when to come back',
    noticed: 'looks again when work says',
    make: polling(handlerChanged((handler) => ({ work: () => handler.work().then(() => ({ nextAt: null })) }))),
  },
  {
    fault: 'is called off by the first failure',
    noticed: 'goes on after the store failed',
    make: ({ sweepMs }) => {
      const own = pollingEngine({ pollMs: sweepMs, clock })
      return changed(
        own,
        handlerChanged((handler) => ({
          work: () =>
            handler.work().catch((error: unknown) => {
              void own.stop()
              throw error
            }),
        })),
      )
    },
  },
  {
    fault: 'stops without waiting',
    noticed: 'waits for what is under way',
    make: polling((own) => ({ stop: async () => void own.stop() })),
  },
  { fault: 'never stops', noticed: 'calls nothing after it', make: polling(() => ({ stop: async () => {} })) },
  {
    fault: 'fails with what the host does last',
    noticed: '`last` that fails',
    make: polling((own) => ({
      async stop(last) {
        await own.stop()
        await last
      },
    })),
  },
  {
    fault: 'passes over empty ids',
    noticed: 'an empty id has somebody look',
    make: polling((own) => ({ schedule: (items) => own.schedule(items.filter((item) => item.deliveryId !== '')) })),
  },
  { fault: 'makes a job of each delivery', noticed: 'a thousand deliveries', make: queued(() => ({}), { maxIds: 1 }) },
  {
    fault: 'looks once, and then attempts only',
    noticed: 'what attempt may not begin',
    make: queued((own) => {
      let looks = 0
      return handlerChanged((handler) => ({
        work: () => (looks++ === 0 ? handler.work() : Promise.resolve({ nextAt: null })),
      }))(own)
    }),
  },
  {
    fault: 'tells no other process',
    noticed: 'a process that only schedules',
    make: (ground) => queued(() => ({}))({ ...ground, jobs: memoryJobs(clock) }),
  },
  {
    fault: 'leaves its jobs to nobody',
    noticed: 'the rest of the shutdown',
    make: queued((own) => ({ stop: () => own.stop() })),
  },
  {
    fault: 'rejects where its queue can not be reached',
    noticed: 'without its queue',
    make: ({ sweepMs, jobs }) =>
      changed(queued(() => ({}))({ sweepMs, jobs }), (own) => ({
        async schedule(items) {
          await own.schedule(items)
          if (jobs.state !== 'open') throw new Error('connect ECONNREFUSED')
        },
      })),
  },
  {
    fault: 'asks only once for jobs',
    noticed: 'is woken by it once it is there',
    make: queued(() => ({}), {
      queue(own) {
        let isFirst = true
        return {
          consume: (run) => {
            if (!isFirst) return Promise.reject(new Error('not again'))
            isFirst = false
            return own.consume(run)
          },
        }
      },
    }),
  },
]

describe('engineContract', () => {
  it.each(faulty)('notices an engine that $fault', async ({ noticed, make }) => {
    const cases = engineContract({
      shared: true,
      clock,
      async open({ sweepMs }) {
        const jobs = memoryJobs(clock)
        return {
          engine: () => make({ sweepMs, jobs }),
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
    const one = cases.find(({ name }) => name.includes(noticed))
    expect(one, noticed).toBeDefined()
    await expect(one?.run()).rejects.toThrow(expect.objectContaining({ name: 'AssertionError' }))
  })

  it('says why it skips what an engine within one process can not do', () => {
    const cases = engineContract({ shared: false, open: () => Promise.reject(new Error('not asked for')) })
    const skipped = cases.filter(({ skip }) => skip !== undefined)
    expect(skipped.length).toBeGreaterThan(5)
    expect(new Set(skipped.map(({ skip }) => skip))).toEqual(
      new Set(['needs harness.shared: wake-ups stay in the process']),
    )
  })

  it('refuses a harness that can not show what it claims', async () => {
    const [one] = engineContract({
      shared: true,
      open: async () => ({ engine: () => pollingEngine(), close: async () => {} }),
    })
    await expect(one?.run()).rejects.toThrow('harness.shared')
  })
})
