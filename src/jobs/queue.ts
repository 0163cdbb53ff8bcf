/** One job: ids and times only, since the store is the truth. */
export interface WakeJob {
  /** Deliveries to attempt; none: look at what is due. */
  readonly ids: readonly string[]
  /** Epoch ms. */
  readonly at: number
  /** In ms from now; 0: at once. */
  readonly delayMs: number
  /**
   * At most one job with this key waits: while it does, further ones may be left out. Letters, digits, `_` and `-`. One
   * with ids only ever equals its like; one without stands for all, so that one added once it was taken must not be lost.
   */
  readonly key?: string
}

/** A job queue, as far as an engine needs one. */
export interface JobQueue {
  /** One exchange with the queue, however many jobs. */
  add(jobs: readonly WakeJob[]): Promise<void>
  /** Begins to take jobs, several at a time, and has each run. `run` never rejects. */
  consume(run: (ids: readonly string[]) => Promise<void>): Promise<void>
  /** Takes no further job; resolves when those that were taken have run. Also called where `consume` was not. */
  pause(): Promise<void>
  /** Frees what the queue itself opened; with `force` without a word to a service that does not answer. */
  close(options: { readonly force: boolean }): Promise<void>
}
