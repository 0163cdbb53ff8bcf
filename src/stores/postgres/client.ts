import { SignalboxError } from '../../errors.ts'
import type { PostgresClient, PostgresClientPool, PostgresResult } from './pool.ts'

/** A connection of the pool that answers in time, or is closed. */
export interface HeldClient {
  /** @throws `store_failed` where no answer comes in time; then, and after other failures of the connection, it is `broken`. */
  query(text: string, values?: unknown[]): Promise<PostgresResult>
  readonly broken: boolean
  /** Gives it back; a broken one, and with an error any, is closed instead. */
  release(error?: Error): void
}

/**
 * Takes a connection. A peer that has gone without a word leaves a driver waiting for ever, and a worker with it: so
 * long the store waits for a connection, and for the answer to each statement, and no longer.
 */
export async function holdClient(pool: PostgresClientPool, timeoutMs: number): Promise<HeldClient> {
  const client = await takeClient(pool, timeoutMs)
  let failure: Error | undefined
  // without a listener, a connection that breaks between two statements would end the process
  const onError = (error: unknown): void => {
    failure ??= error instanceof Error ? error : new Error('the connection broke')
  }
  client.on?.('error', onError)
  return {
    query: (text, values) => inTime(client.query(text, values), timeoutMs, onError),
    get broken() {
      return failure !== undefined
    },
    release(error) {
      client.removeListener?.('error', onError)
      client.release(failure ?? error)
    },
  }
}

/** @throws `store_failed` where the pool has none to give in time */
export function takeClient(pool: PostgresClientPool, timeoutMs: number): Promise<PostgresClient> {
  const connecting = pool.connect()
  const onLate = (): void => {
    // comes to nobody, should it come
    connecting.then(
      (client) => client.release(),
      () => {},
    )
  }
  return inTime(connecting, timeoutMs, onLate, 'the pool had no connection')
}

/** @throws `store_failed` where `promise` has not settled in time; what becomes of it afterwards is not heard of. */
export function inTime<T>(
  promise: Promise<T>,
  timeoutMs: number,
  onLate?: (error: Error) => void,
  failure = 'the database did not answer',
): Promise<T> {
  // by hand: this is around every statement, and `Promise.race` costs several times as much
  return new Promise((resolve, reject) => {
    let settled = false
    const giveUp = (): void => {
      if (settled) return
      const error = new SignalboxError('store_failed', `postgresStore: ${failure} in ${timeoutMs} ms`)
      onLate?.(error)
      reject(error)
    }
    // where this process stood still, the answer may be there and not be read yet
    const timer = setTimeout(() => setImmediate(giveUp), timeoutMs)
    const settle = (): void => {
      settled = true
      clearTimeout(timer)
    }
    promise.then(
      (value) => {
        settle()
        resolve(value)
      },
      (error: unknown) => {
        settle()
        reject(error)
      },
    )
  })
}
