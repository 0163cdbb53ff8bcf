import type { Clock, Logger } from './clock.ts'

/** What an engine drives. */
export interface EngineHandler {
  /**
   * Works off what is due until nothing is and nothing of this process is in flight. Resolves with when to come back:
   * epoch ms, or `null` when nothing is waiting. Never rejects for a failed delivery; rejects when the store fails.
   * Calls join: while one is under way, a further one makes it look again and answers the same promise.
   */
  work(): Promise<{ readonly nextAt: number | null }>
  /**
   * Claims just these and attempts each once, for engines whose jobs carry ids; the limits of their connections hold.
   * Resolves when that is done, or at `until` (epoch ms) while sends still run, so that a slow destination holds no
   * slot of a queue. Answers those that were not begun: held back by a limit, not due, held by another worker, or ended
   * already; `work` tells which. Never rejects. Calls run side by side, beside `work` too.
   */
  attempt(ids: readonly string[], until: number): Promise<{ readonly left: readonly string[] }>
}

/** What an engine uses where its own options say nothing. */
export interface EngineContext {
  readonly clock: Clock
  readonly logger: Logger
  /** 0 ≤ x < 1, for jitter. */
  readonly random: () => number
}

/** What wakes workers. The store stays the truth: an engine that loses a wake-up costs time, not deliveries. */
export interface Engine {
  readonly name: string
  /** Called once, before anything else, by the dispatcher that was given the engine. */
  attach?(context: EngineContext): void
  /** Begins to call the handler; called once. Deliveries that are due already, known to no engine, are worked off too. */
  start(handler: EngineHandler): void | Promise<void>
  /**
   * Deliveries were enqueued or moved. May be called before `start`, from any process. Must not reject. An empty
   * `deliveryId` names none: someone is to look at `dueAt`, when a digest closes, or because something changed.
   */
  schedule(items: readonly { readonly deliveryId: string; readonly dueAt: number }[]): void | Promise<void>
  /**
   * Another process told the store of new work (see `Store.onWake`): look now. Only for engines whose own wake-ups stay
   * within a process. Must not throw.
   */
  wake?(): void
  /**
   * Resolves when the handler will not be called any more and no call is under way. Until `last` has settled, too,
   * `schedule` is still called: for what ended during the shutdown and is due again. Ends what the engine opened, never
   * what the host passed in. Also called where `start` was not.
   */
  stop(last?: Promise<unknown>): Promise<void>
}
