/** One claim's look at the lanes that are ready. */
export interface Look {
  /** Of `ready_at`, epoch ms: 0 where the whole index is to be looked at. */
  readonly from: number
  /** The claim has seen that nothing is ready before `earliest`; `whole`: it looked from 0. */
  seen(earliest: number, whole: boolean): void
  end(): void
}

/**
 * Where a claim begins to look for lanes that are ready. Each visit leaves a dead entry in their index, and while a host
 * has a transaction open for long, none can be removed: from the beginning, every claim would step over all of them.
 */
export interface Floor {
  /** Call `end` of what it answers. */
  look(now: number, transports: readonly string[]): Look
  /** Something of this process is ready from `at` on. What others make ready is found by the next whole look. */
  lower(at: number): void
}

/** By how much clocks of different processes may differ. */
const MARGIN_MS = 2000
/** A whole look at least so often. */
const WHOLE_LOOK_MS = 1000

interface State {
  floor: number
  now: number
  lookedAt: number
}

export function createFloor(): Floor {
  const states = new Map<string, State>()
  /** What became ready while each look was under way. */
  const looks = new Set<{ lowest: number }>()

  return {
    look(now, transports) {
      const key = transports.join('\n')
      const known = states.get(key)
      const state = known ?? { floor: 0, now: 0, lookedAt: Number.NEGATIVE_INFINITY }
      if (!known) states.set(key, state)
      const look = { lowest: Number.POSITIVE_INFINITY }
      looks.add(look)
      return {
        from: now < state.now || performance.now() - state.lookedAt > WHOLE_LOOK_MS ? 0 : state.floor,
        seen(earliest, whole) {
          state.now = now
          if (whole) state.lookedAt = performance.now()
          state.floor = Math.max(0, Math.min(earliest, look.lowest, now - MARGIN_MS))
        },
        end: () => void looks.delete(look),
      }
    },
    lower(at) {
      for (const state of states.values()) state.floor = Math.min(state.floor, at)
      for (const look of looks) look.lowest = Math.min(look.lowest, at)
    },
  }
}
