import type { Clock } from '../../src/contracts/clock.ts'
import type { JobQueue, WakeJob } from '../../src/jobs/queue.ts'

export interface MemoryJobs {
  /** A client of the queue, as each process has one. */
  client(): JobQueue
  /** Jobs that wait, in the order of their instants. */
  readonly waiting: readonly WakeJob[]
  /** How many jobs each exchange added, in order. */
  readonly added: readonly number[]
  lose(): void
  /** `refuses`: calls reject; `hangs`: they settle when it is `open` again. */
  state: 'open' | 'refuses' | 'hangs'
}

/** A job queue of one process, on an injected clock: jobs go in turn to the clients that take them. */
export function memoryJobs(clock: Clock): MemoryJobs {
  const jobs = new Set<WakeJob>()
  const consumers: ((ids: readonly string[]) => Promise<void>)[] = []
  const hanging: (() => void)[] = []
  const added: number[] = []
  let state: MemoryJobs['state'] = 'open'

  async function reached(): Promise<void> {
    if (state === 'refuses') throw new Error('connect ECONNREFUSED')
    if (state === 'hangs') await new Promise<void>((resolve) => hanging.push(resolve))
  }

  function give(job: WakeJob): void {
    const consumer = state === 'open' ? consumers.shift() : undefined
    if (consumer === undefined || !jobs.delete(job)) return
    consumers.push(consumer)
    void consumer(job.ids)
  }

  function giveAll(): void {
    for (const job of jobs) if (job.at <= clock.now()) give(job)
  }

  return {
    client() {
      const running = new Set<Promise<void>>()
      let own: ((ids: readonly string[]) => Promise<void>) | undefined
      return {
        async add(more) {
          await reached()
          added.push(more.length)
          for (const job of more) {
            if (job.key !== undefined && [...jobs].some(({ key }) => key === job.key)) continue
            jobs.add(job)
            if (job.delayMs === 0) give(job)
            else clock.setTimer(clock.now() + job.delayMs, () => give(job))
          }
        },
        async consume(run) {
          await reached()
          own = (ids) => {
            const ended = run(ids)
            running.add(ended)
            return ended.finally(() => running.delete(ended))
          }
          consumers.push(own)
          giveAll()
        },
        async pause() {
          if (own !== undefined) consumers.splice(consumers.indexOf(own), 1)
          await Promise.all(running)
        },
        async close() {},
      }
    },
    get waiting() {
      return [...jobs].sort((a, b) => a.at - b.at)
    },
    added,
    lose: () => jobs.clear(),
    get state() {
      return state
    },
    set state(next) {
      state = next
      if (next !== 'open') return
      for (const resolve of hanging.splice(0)) resolve()
      giveAll()
    },
  }
}
