import type { Clock } from '../contracts/clock.ts'

/** What `promise` settles with, or `'late'` when it has not by `at` (epoch ms); what is behind it goes on. */
export async function endOf<T>(promise: Promise<T>, at: number, clock: Clock): Promise<T | 'late'> {
  let cancel = (): void => undefined
  const late = new Promise<'late'>((resolve) => {
    cancel = clock.setTimer(at, () => resolve('late'))
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    cancel()
  }
}

/** Of an error of a client: its own fields may hold the command that failed, and that a password. */
export function textOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : 'unknown error'
}
