/** A flag that several parties wait for and others raise. Each listens for itself, so that none takes it from another. */
export interface Signal {
  raise(): void
  /** Begins to listen: what is raised from now on is seen by the next `wait`. */
  listen(): Listener
}

export interface Listener {
  /** Resolves when raised, or at once if it was since the last wait. */
  wait(): Promise<void>
  end(): void
}

interface State {
  raised: boolean
  wake: (() => void) | undefined
}

export function createSignal(): Signal {
  const listening = new Set<State>()
  return {
    raise() {
      for (const state of listening) {
        state.raised = true
        state.wake?.()
      }
    },
    listen() {
      const state: State = { raised: false, wake: undefined }
      listening.add(state)
      return {
        async wait() {
          if (!state.raised) {
            await new Promise<void>((resolve) => {
              state.wake = resolve
            })
            state.wake = undefined
          }
          state.raised = false
        },
        end: () => void listening.delete(state),
      }
    },
  }
}
