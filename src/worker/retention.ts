import type { Clock, Logger } from '../contracts/clock.ts'
import { checkOptions, invalidInput } from '../errors.ts'

export interface RetentionOptions {
  /** Deliveries that ended longer ago go, with their attempts. In ms. @default `limits.retainEventsMs` */
  readonly olderThanMs?: number
  /** How often, in ms: a minute to a week; varied by up to a tenth, so that workers take turns. @default 3_600_000 (1 h) */
  readonly everyMs?: number
}

const MIN_EVERY_MS = 60_000
const MAX_EVERY_MS = 7 * 86_400_000

/** Purges again and again while a worker runs. Answers what ends it. */
export function startRetention(
  options: RetentionOptions,
  deps: {
    readonly purge: (olderThanMs: number | undefined) => Promise<unknown>
    readonly clock: Clock
    readonly random: () => number
    readonly logger: Logger
  },
): () => void {
  checkRetention(options)
  const { olderThanMs, everyMs = 3_600_000 } = options
  const { clock, random, logger } = deps
  let cancel = (): void => undefined
  let ended = false

  const next = (): void => {
    if (!ended) cancel = clock.setTimer(clock.now() + Math.ceil(everyMs * (0.9 + 0.2 * random())), run)
  }
  const run = (): void => {
    deps
      .purge(olderThanMs)
      .catch((error: unknown) => logger.error({ error }, 'old records could not be purged'))
      .finally(next)
  }
  next()
  return () => {
    ended = true
    cancel()
  }
}

/** @throws SignalboxError `invalid_input` */
export function checkRetention(options: RetentionOptions): void {
  if (typeof options !== 'object' || options === null) throw invalidInput('retention', 'must be an object')
  checkOptions(options, ['olderThanMs', 'everyMs'], 'retention.')
  const { olderThanMs = 0, everyMs = MIN_EVERY_MS } = options
  if (!(olderThanMs >= 0)) throw invalidInput('retention.olderThanMs', 'must be 0 ms or more')
  if (!(everyMs >= MIN_EVERY_MS && everyMs <= MAX_EVERY_MS)) {
    throw invalidInput('retention.everyMs', 'must be from a minute to a week, in ms')
  }
}
