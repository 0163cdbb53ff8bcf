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
  readonly tell: (next: NextState | undefined, outcome: Outcome | undefined) => void
}

export function createWatchers(): Watchers {
  const watches = new Map<string, Watch>()

  function tell(deliveryId: string, next: NextState | undefined): void {
    const watch = watches.get(deliveryId)
    if (watch === undefined) return
    watches.delete(deliveryId)
    watch.tell(next, watch.outcome)
  }

  return {
    watch(ids) {
      const worked = new Map<string, Worked>()
      const waits = ids.map(
        (id) =>
          new Promise<void>((resolve) => {
            watches.set(id, {
              isSent: false,
              outcome: undefined,
              tell(next, outcome) {
                if (next) worked.set(id, { next, ...(outcome === undefined ? {} : { outcome }) })
                resolve()
              },
            })
          }),
      )
      return {
        worked,
        done: Promise.all(waits).then(() => undefined),
        end() {
          for (const id of ids) tell(id, undefined)
        },
      }
    },
    sent(deliveryId, outcome) {
      const watch = watches.get(deliveryId)
      if (watch === undefined) return
      watch.isSent = true
      watch.outcome = outcome
    },
    isSent: (deliveryId) => watches.get(deliveryId)?.isSent ?? false,
    settled: tell,
    giveUp: (deliveryId) => tell(deliveryId, undefined),
  }
}
