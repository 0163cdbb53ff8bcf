import { SignalboxError } from '../../errors.ts'
import type { Session } from './driver.ts'
import { isLocked, storeFailed } from './failure.ts'

/** `accepted`: survives a power failure (an fsync, where the store is set so). `leases`: may be lost with the power. */
export type Durability = 'accepted' | 'leases'

export interface Access {
  /** One write transaction. `work` is synchronous: no transaction stays open over an await. */
  write<T>(work: (session: Session) => T, durability?: Durability): Promise<T>
  /** One statement, or several that need no common snapshot. */
  read<T>(work: (session: Session) => T): Promise<T>
  /** Several statements on one snapshot. */
  snapshot<T>(work: (session: Session) => T): Promise<T>
}

export interface AccessOptions {
  readonly session: Session
  readonly synchronous: 'full' | 'normal'
  readonly lockTimeoutMs: number
  /** Called inside each write transaction, before its work. */
  readonly onWrite: (session: Session) => void
  readonly onRollback: () => void
}

const LOCKED = Symbol('locked')

/** A write that was asked for. */
interface Write {
  readonly durability: Durability
  /** Does it, and answers what is to be done once it is committed. */
  attempt(session: Session): () => void
  reject(error: unknown): void
}

/**
 * Writes that are asked for in one turn of the event loop share a transaction: what it costs to commit, an fsync above
 * all, is the same for one as for many. Where one of them fails they are done again, each in a transaction of its own.
 *
 * Runs transactions on a handle whose busy timeout is 0. A lock that another handle holds is waited for with timers,
 * with jitter, and never blocks the event loop. Those who wait stand in one line: only its head asks for the lock.
 */
export function createAccess({ session, synchronous, lockTimeoutMs, onWrite, onRollback }: AccessOptions): Access {
  const levels: Record<Durability, string> = { accepted: synchronous, leases: 'normal' }
  let level: string | undefined
  let line: Promise<unknown> | undefined
  let asked: Write[] = []

  function transaction<T>(begin: string, work: (session: Session) => T): T | typeof LOCKED {
    try {
      session.run(begin)
    } catch (error) {
      if (isLocked(error)) return LOCKED
      throw storeFailed(error)
    }
    try {
      const result = work(session)
      session.run('COMMIT')
      return result
    } catch (error) {
      try {
        session.run('ROLLBACK')
      } catch {
        // nothing was begun, or SQLite rolled it back by itself
      }
      onRollback()
      if (isLocked(error)) return LOCKED
      throw storeFailed(error)
    }
  }

  /** `undefined`: one of several failed; nothing was written. */
  function together(batch: readonly Write[]): readonly (() => void)[] | undefined | typeof LOCKED {
    const wanted = levels[batch.some((one) => one.durability === 'accepted') ? 'accepted' : 'leases']
    try {
      if (wanted !== level) {
        // takes effect as it is compiled, so a prepared one would do nothing; it touches the handle, not the file
        session.exec(`PRAGMA synchronous = ${wanted}`)
        level = wanted
      }
      return transaction('BEGIN IMMEDIATE', () => {
        onWrite(session)
        return batch.map((one) => one.attempt(session))
      })
    } catch (error) {
      if (batch.length > 1) return undefined
      throw error
    }
  }

  async function carryOut(batch: readonly Write[]): Promise<void> {
    try {
      const written = await run(() => together(batch))
      if (written === undefined) for (const one of batch) await carryOut([one])
      else for (const answer of written) answer()
    } catch (error) {
      for (const one of batch) one.reject(error)
    }
  }

  function write<T>(work: (session: Session) => T, durability: Durability): Promise<T> {
    return new Promise((resolve, reject) => {
      asked.push({
        durability,
        attempt(tx) {
          const result = work(tx)
          return () => resolve(result)
        },
        reject,
      })
      if (asked.length > 1) return
      setImmediate(() => {
        const batch = asked
        asked = []
        void carryOut(batch)
      })
    })
  }

  function read<T>(work: (session: Session) => T): T | typeof LOCKED {
    try {
      return work(session)
    } catch (error) {
      if (isLocked(error)) return LOCKED
      throw storeFailed(error)
    }
  }

  async function run<T>(attempt: () => T | typeof LOCKED): Promise<T> {
    if (line === undefined) {
      const result = attempt()
      if (result !== LOCKED) return result
    }
    const since = performance.now()
    const mine: Promise<T> = (line ?? Promise.resolve()).then(() => untilFree(attempt, since))
    const tail: Promise<unknown> = mine
      .catch(() => undefined)
      .then(() => {
        if (line === tail) line = undefined
      })
    line = tail
    return mine
  }

  async function untilFree<T>(attempt: () => T | typeof LOCKED, since: number): Promise<T> {
    for (let tries = 0; ; tries++) {
      const result = attempt()
      if (result !== LOCKED) return result
      if (performance.now() - since > lockTimeoutMs) {
        throw new SignalboxError('store_failed', `sqliteStore: the file stayed locked for ${lockTimeoutMs} ms`)
      }
      const most = Math.min(12, 2 + tries)
      await new Promise((resolve) => setTimeout(resolve, 1 + Math.random() * most))
    }
  }

  return {
    write: (work, durability = 'accepted') => write(work, durability),
    read: (work) => run(() => read(work)),
    snapshot: (work) => run(() => transaction('BEGIN', work)),
  }
}
