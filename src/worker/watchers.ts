import type { NextState } from '../contracts/delivery.ts'
import type { Outcome } from '../contracts/outcome.ts'

/** What this process did with a delivery. */
export interface Worked {
  readonly next: NextState
  readonly outcome?: Outcome
}

/** Tells those who wait for single deliveries what became of them. */
export interface Watchers {
  /** Begins to watch; `done` resolves when each was settled or given up. */
  watch(ids: readonly string[]): {
    readonly worked: ReadonlyMap<string, Worked>
    readonly done: Promise<void>
    /** Waits no longer for these. */
    giveUp(ids: ReadonlySet<string>): void
    /** Waits no longer for any. */
    end(): void
  }
  /** The exchanges of a delivery are over; `settled` or `giveUp` follows. */
  sent(deliveryId: string, outcome: Outcome | undefined): void
  isSent(deliveryId: string): boolean
  settled(deliveryId: string, next: NextState): void
  /** Nothing was written for it by this process. */
  giveUp(deliveryId: string): void
}

interface Watch {
  isSent: boolean
  outcome: Outcome | undefined
  /** Told twice, it hears the first. */
  readonly tell: (next: NextState | undefined, outcome: Outcome | undefined) => void
}

export function createWatchers(): Watchers {
  // several may wait for one delivery: who dispatched it, and a job that came for it
  const watches = new Map<string, Set<Watch>>()

  function tell(deliveryId: string, next: NextState | undefined): void {
    const told = watches.get(deliveryId)
    if (told === undefined) return
    watches.delete(deliveryId)
    for (const watch of told) watch.tell(next, watch.outcome)
  }

  function begin(deliveryId: string, tellOne: Watch['tell']): Watch {
    const others = watches.get(deliveryId) ?? new Set()
    const [before] = others
    const watch = { isSent: before?.isSent ?? false, outcome: before?.outcome, tell: tellOne }
    watches.set(deliveryId, others.add(watch))
    return watch
  }

  function end(deliveryId: string, watch: Watch): void {
    const all = watches.get(deliveryId)
    if (all?.delete(watch) && all.size === 0) watches.delete(deliveryId)
    watch.tell(undefined, undefined)
  }

  return {
    watch(ids) {
      const worked = new Map<string, Worked>()
      const own: (readonly [string, Watch])[] = []
      const waits = ids.map(
        (id) =>
          new Promise<void>((resolve) => {
            const watch = begin(id, (next, outcome) => {
              if (next) worked.set(id, { next, ...(outcome === undefined ? {} : { outcome }) })
              resolve()
            })
            own.push([id, watch])
          }),
      )
      return {
        worked,
        done: Promise.all(waits).then(() => undefined),
        giveUp(given) {
          for (const [id, watch] of own) if (given.has(id)) end(id, watch)
        },
        end() {
          for (const [id, watch] of own) end(id, watch)
        },
      }
    },
    sent(deliveryId, outcome) {
      for (const watch of watches.get(deliveryId) ?? []) {
        watch.isSent = true
        watch.outcome = outcome
      }
    },
    isSent: (deliveryId) => [...(watches.get(deliveryId) ?? [])].some((watch) => watch.isSent),
    settled: tell,
    giveUp: (deliveryId) => tell(deliveryId, undefined),
  }
}
