import type { Clock } from '../contracts/clock.ts'

/** Resolves after `ms` of the injected clock. @throws `signal.reason` when aborted before or meanwhile. */
export function pause(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason)
      return
    }
    const end = (): void => {
      signal?.removeEventListener('abort', abort)
      resolve()
    }
    const cancel = clock.setTimer(clock.now() + ms, end)
    const abort = (): void => {
      cancel()
      reject(signal?.reason)
    }
    signal?.addEventListener('abort', abort, { once: true })
  })
}

/** What `promise` settles with, unless `signal` is aborted before: the work behind it goes on. @throws `signal.reason` */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
