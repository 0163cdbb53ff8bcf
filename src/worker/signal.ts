/** A flag that one party waits for and others raise; raising it before the wait is not lost. */
export interface Signal {
  raise(): void
  /** Resolves when raised, or at once if it was since the last wait. */
  wait(): Promise<void>
}

export function createSignal(): Signal {
  let raised = false
  let wake: (() => void) | undefined
  return {
    raise() {
      raised = true
      wake?.()
    },
    async wait() {
      if (!raised) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
        wake = undefined
      }
      raised = false
    },
  }
}
