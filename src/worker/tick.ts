import type { Clock } from '../contracts/clock.ts'
import type { Store } from '../contracts/store.ts'
import { invalidInput } from '../errors.ts'
import type { Upkeep } from './upkeep.ts'
import type { Worker } from './worker.ts'

export interface TickOptions {
  /** After so many ms nothing more is claimed; what is in flight is finished. @default 20_000 */
  readonly budgetMs?: number
  /** Ends the tick early, in the same way. */
  readonly signal?: AbortSignal
}

export interface TickResult {
  /** Deliveries settled meanwhile by this process. */
  readonly delivered: number
  /** Failed, and due again later. */
  readonly retried: number
  readonly failed: number
  /** Epoch ms at which there may be more to do, `<= now` when the budget ended first; `null`: nothing is waiting. */
  readonly nextDueAt: number | null
}

/** Works for a while, without an engine, and does what is due beside the deliveries: for cron and serverless. */
export async function runTick(
  options: TickOptions,
  deps: {
    readonly worker: Worker
    readonly store: Store
    readonly transports: readonly string[]
    readonly clock: Clock
    readonly upkeep: Upkeep
    /** An engine works too: the tick must not wait for it to run out of work. */
    readonly shared: boolean
  },
): Promise<TickResult> {
  const { budgetMs = 20_000, signal } = options
  if (!(budgetMs > 0 && budgetMs <= 86_400_000)) throw invalidInput('budgetMs', 'must be from 1 ms to one day')
  const before = deps.worker.counts()
  const until = deps.clock.now() + budgetMs
  const worked = deps.worker.work({ until, ...(signal === undefined ? {} : { signal }) })
  // where an engine works, it does that too, and takes its time
  const kept = deps.shared ? undefined : deps.upkeep.run(until, signal)
  if (deps.shared) await Promise.race([worked, pastTime(deps.clock, until, signal)])
  else await worked
  await kept
  const after = deps.worker.counts()
  return {
    delivered: after.delivered - before.delivered,
    retried: after.retried - before.retried,
    failed: after.failed - before.failed,
    nextDueAt: await deps.store.deliveries.nextDueAt(deps.transports),
  }
}

function pastTime(clock: Clock, until: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      cancel()
      signal?.removeEventListener('abort', end)
      resolve()
    }
    const cancel = clock.setTimer(until, end)
    signal?.addEventListener('abort', end)
  })
}
