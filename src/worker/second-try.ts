import pRetry from 'p-retry'
import type { Clock } from '../contracts/clock.ts'

/** Thrown by the first call, so that p-retry makes the second. */
class Wait extends Error {
  override readonly name = 'Wait'
}

/** Runs `once` again after `waitMs` of the injected clock. @throws `signal.reason` when aborted meanwhile. */
export function secondTry<T>(
  once: () => Promise<T>,
  options: { readonly waitMs: number; readonly clock: Clock; readonly signal: AbortSignal },
): Promise<T> {
  return pRetry((attempt) => (attempt === 1 ? Promise.reject(new Wait()) : once()), {
    retries: 1,
    minTimeout: 0,
    maxTimeout: 0,
    signal: options.signal,
    shouldRetry: ({ error }) => error instanceof Wait,
    onFailedAttempt: ({ error }) => (error instanceof Wait ? pause(options) : undefined),
  })
}

function pause({
  waitMs,
  clock,
  signal,
}: {
  readonly waitMs: number
  readonly clock: Clock
  readonly signal: AbortSignal
}): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      cancel()
      signal.removeEventListener('abort', end)
      resolve()
    }
    const cancel = clock.setTimer(clock.now() + waitMs, end)
    signal.addEventListener('abort', end)
  })
}
