import type { Clock, Logger } from '../contracts/clock.ts'
import type { Engine, EngineHandler } from '../contracts/engine.ts'
import { invalidInput } from '../errors.ts'
import { systemClock } from '../runtime/clock.ts'
import { silentLogger } from '../runtime/logger.ts'
import { createAdder } from './adder.ts'
import { endOf, textOf } from './end-of.ts'
import type { JobQueue } from './queue.ts'

/** Options of every engine over a job queue. */
export interface JobEngineOptions {
  /**
   * How often each worker asks the store by itself, in ms: 100 to 3,600,000, varied by up to a tenth. What a lost job
   * would have woken waits so long at most, and what a host's transaction added without a `wake()`. @default 15_000
   */
  readonly sweepMs?: number
  /** Ids in one job at most: 1 to 10,000. Fewer spread a burst more finely over the workers. @default 100 */
  readonly maxIds?: number
  /** @default the dispatcher's */
  readonly clock?: Clock
  /** @default the dispatcher's */
  readonly logger?: Logger
}

/** A job is done when its sends are, but holds its slot no longer than a send counts as slow. In ms. */
const HOLD_MS = 250
/** After the store failed it is asked again, in ms. */
const AGAIN_MS = 1000
/** A queue that does not answer is not waited for any longer, in ms. */
const PATIENCE_MS = 5000

/**
 * An engine over any job queue. Jobs are hints: each is worked off by claiming from the store, so that a job that comes
 * twice, late or never costs a look at the store, or time until the next sweep, and no delivery.
 *
 * A job that carries ids claims these; what could not be had so (a limit, a pause, another worker) is left to `work`,
 * which visits all connections in turn, and whose `nextAt` becomes a job again.
 */
export function createJobEngine(
  name: string,
  options: JobEngineOptions,
  /** Called once, at the first use: a process that only makes a dispatcher connects to nothing. */
  open: (logger: Logger) => JobQueue,
): Engine {
  const { sweepMs = 15_000, maxIds = 100 } = options
  if (!(sweepMs >= 100 && sweepMs <= 3_600_000)) throw invalidInput('sweepMs', 'must be from 100 to 3,600,000 ms')
  if (!(Number.isInteger(maxIds) && maxIds >= 1 && maxIds <= 10_000)) {
    throw invalidInput('maxIds', 'must be a whole number from 1 to 10,000')
  }
  let clock = options.clock ?? systemClock()
  let logger = options.logger ?? silentLogger
  let random = Math.random
  let opened: JobQueue | undefined
  let handler: EngineHandler | undefined
  let followed: ReturnType<EngineHandler['work']> | undefined
  let working: Promise<void> | undefined
  let consuming: Promise<boolean> | undefined
  let stopping: Promise<void> | undefined
  let closed = false
  const running = new Set<Promise<void>>()
  let wakeAt = Number.POSITIVE_INFINITY
  let toldOf = 0
  let cancel: (() => void) | undefined

  const queue = (): JobQueue => {
    opened ??= open(logger)
    return opened
  }
  const adder = createAdder({
    add: (jobs) => queue().add(jobs),
    maxIds,
    patienceMs: PATIENCE_MS,
    clock: () => clock,
    onGivenUp: wakeBy,
    onHealth(failure) {
      if (failure === undefined) logger.info({}, 'jobs are added to the queue again')
      else logger.error({ error: failure }, 'jobs could not be added: sweeps find what they would have woken')
    },
  })

  // ---------------------------------------------------------------------------------------------- by the clock

  function wakeBy(at: number): void {
    if (handler === undefined || stopping !== undefined || at >= wakeAt) return
    cancel?.()
    wakeAt = at
    cancel = clock.setTimer(Math.max(at, clock.now()), sweep)
  }

  function sweep(): void {
    consume()
    void turn()
  }

  /** Asked for again by every sweep until the queue has taken it. */
  function consume(): void {
    consuming ??= queue()
      .consume(run)
      .then(
        () => true,
        (error: unknown) => {
          logger.error({ error: textOf(error) }, 'the queue gives no jobs: only sweeps find work')
          consuming = undefined
          return false
        },
      )
  }

  // ---------------------------------------------------------------------------------------------- work

  /** Has the store looked at now; resolves when nothing is due any more. */
  async function turn(): Promise<void> {
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
    wakeBy(clock.now() + Math.round(sweepMs * (0.9 + 0.1 * random())))
    await working
  }

  async function follow(work: ReturnType<EngineHandler['work']>): Promise<void> {
    try {
      const { nextAt } = await work
      ended(work)
      if (nextAt !== null) comeBackAt(nextAt)
    } catch (error) {
      ended(work)
      logger.error({ error }, 'the store could not be asked for work')
      wakeBy(clock.now() + AGAIN_MS)
    }
  }

  function ended(work: ReturnType<EngineHandler['work']>): void {
    if (followed !== work) return
    followed = undefined
    working = undefined
  }

  /** One worker is enough at that instant: a job wakes it, unless the next sweep is there first. */
  function comeBackAt(at: number): void {
    if (stopping !== undefined || at >= wakeAt) return
    const now = clock.now()
    if (at <= now) wakeBy(now + 1)
    else if (at !== toldOf) void adder.add([{ deliveryId: '', dueAt: at }])
    toldOf = at
  }

  async function run(ids: readonly string[]): Promise<void> {
    const ended = carryOut(ids).catch((error: unknown) => logger.error({ error }, 'a job could not be worked off'))
    running.add(ended)
    await ended
    running.delete(ended)
  }

  async function carryOut(ids: readonly string[]): Promise<void> {
    const until = clock.now() + HOLD_MS
    const left = handler === undefined || ids.length === 0 ? ids : (await handler.attempt(ids, until)).left
    if (handler === undefined || stopping !== undefined) {
      // taken while this process stops: another is to have it
      const next = ids.length === 0 ? [''] : left
      return adder.add(next.map((deliveryId) => ({ deliveryId, dueAt: clock.now() })))
    }
    // what has ended may have made room for what other processes had to leave
    const looked = turn()
    if (ids.length === 0 || left.length > 0) await endOf(looked, until, clock)
  }

  async function shutDown(last: Promise<unknown> | undefined): Promise<void> {
    cancel?.()
    cancel = undefined
    const isLeft = await inTime(async () => {
      await consuming
      await opened?.pause()
    })
    await Promise.all(running)
    const hasWorked = handler !== undefined
    handler = undefined
    await working
    await last?.catch(() => undefined)
    // of what ended since the last look, others may have waited for an end
    if (hasWorked) void adder.add([{ deliveryId: '', dueAt: clock.now() }])
    let isTold = false
    await inTime(async () => {
      isTold = isLeft && (await adder.idle())
    })
    closed = true
    const isClosed = isTold && (await inTime(async () => opened?.close({ force: false })))
    if (!isClosed) await inTime(async () => opened?.close({ force: true }))
  }

  /** Whether it was done soon: a queue that can't be reached must not hold up a shutdown. */
  async function inTime(step: () => Promise<unknown>): Promise<boolean> {
    try {
      if ((await endOf(step(), clock.now() + PATIENCE_MS, clock)) !== 'late') return true
      logger.error({}, 'the queue could not be left in time')
    } catch (error) {
      logger.error({ error: textOf(error) }, 'the queue could not be left')
    }
    return false
  }

  return {
    name,
    attach(context) {
      clock = options.clock ?? context.clock
      logger = options.logger ?? context.logger
      random = context.random
    },
    async start(next) {
      handler = next
      consume()
      void turn()
      if (consuming !== undefined) await endOf(consuming, clock.now() + PATIENCE_MS, clock)
    },
    async schedule(items) {
      if (!closed) await adder.add(items)
    },
    stop(last) {
      stopping ??= shutDown(last)
      return stopping
    },
  }
}
