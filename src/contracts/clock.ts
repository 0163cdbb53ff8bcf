/** Time, injected: windows, retries and tolerances are tested without sleeping. */
export interface Clock {
  /** Epoch ms. */
  now(): number
  /**
   * Calls `fn` once, at or after `atMs` (epoch ms); where the clock has been set back meanwhile, when about as much time
   * has gone by as lay before it. Answers a function that cancels it. A set timer keeps the process alive.
   */
  setTimer(atMs: number, fn: () => void): () => void
}

/** Makes unique, time-ordered ids: `prefix` + `_` + characters of `[0-9A-Za-z]`; never a `.`. */
export type Ids = (prefix: string) => string

/** Structured logging, fields first (pino's order). Never receives secrets. */
export interface Logger {
  debug(fields: Readonly<Record<string, unknown>>, message: string): void
  info(fields: Readonly<Record<string, unknown>>, message: string): void
  warn(fields: Readonly<Record<string, unknown>>, message: string): void
  error(fields: Readonly<Record<string, unknown>>, message: string): void
}
