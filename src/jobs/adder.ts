import type { Clock } from '../contracts/clock.ts'
import { endOf, textOf } from './end-of.ts'
import { type Scheduled, toJobs } from './group.ts'
import type { WakeJob } from './queue.ts'

/** The way into a queue: what comes while an exchange with it is under way goes with the next one. */
export interface Adder {
  /** Resolves when these were added, or given up; never rejects. */
  add(items: readonly Scheduled[]): Promise<void>
  /** Resolves when nothing is on its way that still has a chance to get there soon: with whether the queue works. */
  idle(): Promise<boolean>
}

export interface AdderDeps {
  readonly add: (jobs: readonly WakeJob[]) => Promise<void>
  readonly maxIds: number
  /** An exchange that takes longer is given up, in ms. */
  readonly patienceMs: number
  readonly clock: () => Clock
  /** Some were given up; `earliest`: epoch ms at which the first of them is due. */
  readonly onGivenUp: (earliest: number) => void
  /** Told once when the queue begins to fail, and once when it works again. */
  readonly onHealth: (failure: string | undefined) => void
}

interface Batch {
  readonly items: Scheduled[]
  readonly done: Promise<void>
  readonly resolve: () => void
}

/**
 * Adds in groups, one exchange at a time. While the queue does not answer nothing is kept for it: clients would keep
 * the commands of a whole outage in memory, and send them all when they mean nothing any more.
 */
export function createAdder(deps: AdderDeps): Adder {
  let next: Batch | undefined
  let flushing: Promise<void> | undefined
  let isStuck = false
  let isFailing = false

  function tell(failure: string | undefined): void {
    const isNews = isFailing !== (failure !== undefined)
    isFailing = failure !== undefined
    if (isNews) deps.onHealth(failure)
  }

  async function exchange(items: readonly Scheduled[]): Promise<void> {
    const clock = deps.clock()
    const now = clock.now()
    const jobs = toJobs(items, now, deps.maxIds)
    if (jobs.length === 0) return
    const adding = deps.add(jobs)
    if ((await endOf(adding, now + deps.patienceMs, clock)) !== 'late') return
    isStuck = true
    adding
      .then(() => tell(undefined))
      .catch(() => undefined)
      .finally(() => {
        isStuck = false
      })
    throw new Error(`no answer in ${deps.patienceMs} ms`)
  }

  async function flush(): Promise<void> {
    // what is scheduled in one turn of the event loop goes together
    await new Promise(setImmediate)
    for (let batch = next; batch !== undefined; batch = next) {
      next = undefined
      try {
        if (isStuck) deps.onGivenUp(earliestOf(batch.items))
        else {
          await exchange(batch.items)
          tell(undefined)
        }
      } catch (error) {
        tell(textOf(error))
        deps.onGivenUp(earliestOf(batch.items))
      }
      batch.resolve()
    }
    flushing = undefined
  }

  return {
    add(items) {
      if (items.length === 0) return Promise.resolve()
      if (next === undefined) {
        const { promise, resolve } = Promise.withResolvers<void>()
        next = { items: [], done: promise, resolve }
      }
      const { done } = next
      for (const item of items) next.items.push(item)
      flushing ??= flush()
      return done
    },
    async idle() {
      if (!isStuck) await flushing
      return !isFailing
    },
  }
}

function earliestOf(items: readonly Scheduled[]): number {
  return items.reduce((earliest, { dueAt }) => Math.min(earliest, dueAt), Number.POSITIVE_INFINITY)
}
