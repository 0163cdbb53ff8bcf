/** What an engine drives. */
export interface EngineHandler {
  /**
   * Claims and starts what is due (only `ids`, where given), as far as there is room. Resolves with when to come back:
   * epoch ms, or `null` when nothing is waiting. Never rejects for a failed delivery; rejects when the store fails.
   */
  work(options?: { readonly ids?: readonly string[] }): Promise<{ readonly nextAt: number | null }>
}

/** What wakes workers. The store stays the truth: an engine that loses a wake-up costs time, not deliveries. */
export interface Engine {
  readonly name: string
  /** Begins to call `handler.work`; called once. */
  start(handler: EngineHandler): void | Promise<void>
  /** Deliveries were enqueued or moved. May be called before `start`, from any process. Must not reject. */
  schedule(items: readonly { readonly deliveryId: string; readonly dueAt: number }[]): void | Promise<void>
  /** Resolves when no further `work` will be called and none is under way. */
  stop(): Promise<void>
}
