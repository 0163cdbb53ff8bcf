import type { Clock } from '../contracts/clock.ts'
import type { CredentialSource } from '../contracts/tokens.ts'

/** What is done now and then beside the deliveries: credentials are kept alive, and swept. */
export interface Upkeep {
  /** Does what is due, begins nothing more at `until` (epoch ms) or on `signal`; joins a run that is under way. Never rejects. */
  run(until: number, signal?: AbortSignal): Promise<void>
  /** Runs again and again, until the answer is called. */
  start(): () => void
  /** Resolves when none is under way. */
  idle(): Promise<void>
}

/** How often a process asks whether something is due; the source knows when over all processes. */
const EVERY_MS = 3_600_000
/** Workers that start together ask at different times within: a process that never lives for an hour does its part. */
const FIRST_WITHIN_MS = 60_000
const MAX_RUN_MS = 600_000

export function createUpkeep(deps: {
  readonly credentials: CredentialSource | undefined
  readonly clock: Clock
  readonly random: () => number
  /** Shutdown. */
  readonly signal: AbortSignal
}): Upkeep {
  const { credentials, clock, random } = deps
  let running: Promise<void> | undefined

  function run(until: number, signal?: AbortSignal): Promise<void> {
    if (credentials === undefined || deps.signal.aborted) return Promise.resolve()
    const either = signal === undefined ? deps.signal : AbortSignal.any([deps.signal, signal])
    running ??= credentials.upkeep({ until, signal: either }).finally(() => {
      running = undefined
    })
    return running
  }

  return {
    run,
    start() {
      if (credentials === undefined) return () => undefined
      let cancel = (): void => undefined
      const next = (waitMs: number): void => {
        cancel = clock.setTimer(clock.now() + Math.ceil(waitMs), () => {
          void run(clock.now() + MAX_RUN_MS)
          next(EVERY_MS * (0.9 + 0.2 * random()))
        })
      }
      next(FIRST_WITHIN_MS * random())
      return () => cancel()
    },
    idle: async () => running,
  }
}
