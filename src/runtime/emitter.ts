import type { Logger } from '../contracts/clock.ts'

export interface Emitter<Events extends object> {
  /** Answers a function that removes the listener. */
  on<N extends keyof Events>(name: N, listener: (event: Events[N]) => void): () => void
  /** Whether anyone listens: lets hot paths skip the making of the event. */
  has(name: keyof Events): boolean
  emit<N extends keyof Events>(name: N, event: Events[N]): void
}

/** Process-local and best effort: what a listener throws, or rejects with, is logged and harms nobody. */
export function createEmitter<Events extends object>(logger: Logger): Emitter<Events> {
  const listeners = new Map<keyof Events, Set<(event: never) => unknown>>()
  const failed = (name: keyof Events, error: unknown): void =>
    logger.error({ listener: String(name), error }, 'a listener failed')

  return {
    on(name, listener) {
      const set = listeners.get(name) ?? new Set()
      listeners.set(name, set)
      set.add(listener)
      return () => set.delete(listener)
    },
    has: (name) => (listeners.get(name)?.size ?? 0) > 0,
    emit(name, event) {
      for (const listener of listeners.get(name) ?? []) {
        try {
          const result = (listener as (event: unknown) => unknown)(event)
          if (result instanceof Promise) result.catch((error: unknown) => failed(name, error))
        } catch (error) {
          failed(name, error)
        }
      }
    },
  }
}
