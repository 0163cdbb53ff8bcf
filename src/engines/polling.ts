import type { Clock, Logger } from '../contracts/clock.ts'
import type { Engine, EngineHandler } from '../contracts/engine.ts'
import { invalidInput } from '../errors.ts'
import { systemClock } from '../runtime/clock.ts'
import { silentLogger } from '../runtime/logger.ts'

export interface PollingEngineOptions {
  /** How often the store is asked for work that other processes enqueued, in ms: 10 to 3,600,000. @default 1000 */
  readonly pollMs?: number
  /** @default the dispatcher's */
  readonly clock?: Clock
  /** @default the dispatcher's */
  readonly logger?: Logger
}

/**
 * The built-in engine: a loop over the store, woken at once by what this process enqueues, at the time of what is due
 * later, and every `pollMs` for what others did.
 *
 * @example
 * createDispatcher({ store, transports, engine: pollingEngine({ pollMs: 250 }) })
 */
export function pollingEngine(options: PollingEngineOptions = {}): Engine {
  const { pollMs = 1000 } = options
  if (!Number.isFinite(pollMs) || pollMs < 10 || pollMs > 3_600_000) {
    throw invalidInput('pollMs', 'must be from 10 to 3,600,000 ms')
  }
  let clock = options.clock ?? systemClock()
  let logger = options.logger ?? silentLogger
  let handler: EngineHandler | undefined
  let followed: ReturnType<EngineHandler['work']> | undefined
  let working: Promise<void> | undefined
  let wakeAt = Number.POSITIVE_INFINITY
  let failing = false
  let cancel: (() => void) | undefined

  function wakeBy(at: number): void {
    if (handler === undefined || at >= wakeAt) return
    cancel?.()
    wakeAt = at
    if (at <= clock.now()) turn()
    else cancel = clock.setTimer(at, turn)
  }

  function turn(): void {
    if (handler === undefined) return
    cancel?.()
    cancel = undefined
    wakeAt = Number.POSITIVE_INFINITY
    // calls of `work` join the one under way, which then looks again; one that has just ended is followed by another
    const work = handler.work()
    if (work !== followed) {
      followed = work
      working = follow(work)
    }
    wakeBy(clock.now() + pollMs)
  }

  async function follow(work: ReturnType<EngineHandler['work']>): Promise<void> {
    try {
      const { nextAt } = await work
      ended(work)
      if (failing) logger.info({}, 'the store can be asked for work again')
      failing = false
      if (nextAt !== null) wakeBy(Math.max(nextAt, clock.now() + 1))
    } catch (error) {
      ended(work)
      // once an outage: a poll a second would fill the log with it
      logger[failing ? 'debug' : 'error']({ error }, 'the store could not be asked for work')
      failing = true
    }
  }

  function ended(work: ReturnType<EngineHandler['work']>): void {
    if (followed !== work) return
    followed = undefined
    working = undefined
  }

  return {
    name: 'polling',
    attach(context) {
      clock = options.clock ?? context.clock
      logger = options.logger ?? context.logger
    },
    start(next) {
      handler = next
      turn()
    },
    schedule(items) {
      let earliest = Number.POSITIVE_INFINITY
      for (const { dueAt } of items) if (dueAt < earliest) earliest = dueAt
      wakeBy(earliest)
    },
    wake: () => wakeBy(clock.now()),
    async stop() {
      handler = undefined
      cancel?.()
      cancel = undefined
      await working
    },
  }
}
