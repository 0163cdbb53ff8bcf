import type { Clock, Logger } from '../contracts/clock.ts'
import type { Places } from './places.ts'
import type { Signal } from './signal.ts'

/** Claims deliveries by their ids, for those who were told of them. */
export interface Wanted {
  /** Resolves when each has been asked for, or at `until`. */
  claim(ids: readonly string[], until: number): Promise<void>
}

interface Caller {
  /** Not asked for yet. */
  readonly left: string[]
  readonly until: number
  readonly resolve: () => void
}

/**
 * One claim of this kind at a time, as places come free: those who ask meanwhile share the next one. Many at once would
 * wait for each other's lanes, each with a connection of the store in its hand.
 */
export function createWanted(deps: {
  readonly claim: (ids: readonly string[], now: number) => Promise<unknown>
  readonly places: Places
  /** Raised when a place may have come free. */
  readonly room: Signal
  readonly isStopping: () => boolean
  readonly clock: Clock
  readonly logger: Logger
}): Wanted {
  const { places, room, clock, logger } = deps
  let callers: Caller[] = []
  let running = false

  async function run(): Promise<void> {
    running = true
    const listener = room.listen()
    while (callers.length > 0) {
      const now = clock.now()
      dismiss((one) => deps.isStopping() || now >= one.until || one.left.length === 0)
      const ids = take(places.free(now))
      if (ids.length > 0) await claim(ids, now)
      else if (callers.length > 0) await roomOr(listener, Math.min(...callers.map((one) => one.until)))
    }
    listener.end()
    running = false
  }

  function dismiss(isDone: (caller: Caller) => boolean): void {
    callers = callers.filter((one) => {
      const done = isDone(one)
      if (done) one.resolve()
      return !done
    })
  }

  /** The first of what was asked for, each id once. */
  function take(most: number): readonly string[] {
    const ids = new Set<string>()
    for (const { left } of callers) {
      if (ids.size >= most) break
      for (const id of left.splice(0, most - ids.size)) ids.add(id)
    }
    return [...ids]
  }

  async function claim(ids: readonly string[], now: number): Promise<void> {
    try {
      await deps.claim(ids, now)
    } catch (error) {
      // they are accepted all the same, and another claim gets them
      logger.error({ error }, 'deliveries could not be claimed for those who wait for them')
    }
  }

  async function roomOr(listener: ReturnType<Signal['listen']>, until: number): Promise<void> {
    const cancel = clock.setTimer(Math.min(places.nextFreeAt() ?? Number.POSITIVE_INFINITY, until), room.raise)
    await listener.wait()
    cancel()
  }

  return {
    claim: (ids, until) =>
      new Promise((resolve) => {
        callers.push({ left: [...ids], until, resolve })
        if (!running) void run()
      }),
  }
}
