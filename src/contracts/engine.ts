/** What an engine drives. */
export interface EngineHandler {
  /**
   * Works off what is due until nothing is and nothing of this process is in flight. Resolves with when to come back:
   * epoch ms, or `null` when nothing is waiting. Never rejects for a failed delivery; rejects when the store fails.
   * Calls join: while one is under way, a further one makes it look again and answers the same promise.
   */
  work(): Promise<{ readonly nextAt: number | null }>
}

/** What wakes workers. The store stays the truth: an engine that loses a wake-up costs time, not deliveries. */
export interface Engine {
  readonly name: string
  /** Begins to call `handler.work`; called once. */
  start(handler: EngineHandler): void | Promise<void>
  /**
   * Deliveries were enqueued or moved. May be called before `start`, from any process. Must not reject. An empty
   * `deliveryId` names none: someone is to look at `dueAt`, when a digest closes, or because something changed.
   */
  schedule(items: readonly { readonly deliveryId: string; readonly dueAt: number }[]): void | Promise<void>
  /** Resolves when no further `work` will be called and none is under way. */
  stop(): Promise<void>
}
