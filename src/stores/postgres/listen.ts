import { randomUUID } from 'node:crypto'
import type { Access } from './access.ts'
import { inTime, takeClient } from './client.ts'
import { isTransactor, type PostgresClient, type PostgresPool } from './pool.ts'

/** Processes tell each other of work, so that it need not wait for a poll. Best effort in both directions. */
export interface Announcements {
  /** Tells the others; several calls in a short time become one. */
  announce(): void
  /** Calls `listener` when another process announced, or may have. Answers how to stop. */
  listen(listener: () => void): () => void
  close(): Promise<void>
}

const FIRST_RETRY_MS = 100
const LAST_RETRY_MS = 30_000
/** Between two announcements lie so many milliseconds: what is announced meanwhile is one. */
const APART_MS = 10
/** A process that works takes what it enqueues itself: others are told when it has had the time, and less often. */
const OWN_MS = 5
const OWN_APART_MS = 25

/**
 * A NOTIFY holds a lock of the whole server while its transaction commits, so it has one of its own that waits for no
 * disk, after the work is durable.
 */
const NOTIFY = `SELECT set_config('synchronous_commit', 'off', true) AS set, pg_notify($1, $2)::text AS sent`

export function createAnnouncements(
  access: Access,
  pool: PostgresPool,
  channel: string,
  /** How long an answer is waited for, and how often a connection that says nothing is asked whether it is there. */
  statementTimeoutMs: number,
): Announcements {
  const self = randomUUID()
  const LISTEN = `LISTEN "${channel}"`
  const listeners = new Set<() => void>()
  let gathering = false
  let announcedAt = Number.NEGATIVE_INFINITY
  let closed = false
  let client: PostgresClient | undefined
  let opening: Promise<void> | undefined
  let leaving: Promise<void> | undefined
  let retry: NodeJS.Timeout | undefined
  let failures = 0
  let hangUp: ((error?: Error) => void) | undefined

  function wakeAll(): void {
    for (const listener of listeners) {
      try {
        listener()
      } catch {
        // a listener's error is its own, and must not reach the driver that called
      }
    }
  }

  async function connect(): Promise<void> {
    if (isTransactor(pool)) return
    const fresh = await takeClient(pool, statementTimeoutMs)
    if (closed || typeof fresh.on !== 'function') {
      fresh.release()
      return
    }
    const onNotification = (message: unknown): void => {
      const own = typeof message === 'object' && message !== null && 'payload' in message && message.payload === self
      if (!own) wakeAll()
    }
    const onLost = (error: unknown): void => {
      if (client !== fresh) return
      hangUp?.(error instanceof Error ? error : new Error('the connection ended'))
      reconnect()
    }
    const ask = (): Promise<unknown> => inTime(fresh.query(LISTEN), statementTimeoutMs)
    // announcements only ever come: a peer that has gone without a word would be waited for as long as this process lives
    const asking = setInterval(() => void ask().catch(onLost), statementTimeoutMs)
    asking.unref()
    fresh.on('notification', onNotification)
    fresh.on('error', onLost)
    fresh.on('end', onLost)
    client = fresh
    hangUp = (error) => {
      if (client !== fresh) return
      client = undefined
      clearInterval(asking)
      fresh.removeListener?.('notification', onNotification)
      fresh.removeListener?.('end', onLost)
      // a broken connection may fail more than once, and an error without a listener ends the process
      if (error) fresh.on?.('error', () => {})
      fresh.removeListener?.('error', onLost)
      fresh.release(error)
    }
    await ask()
    failures = 0
    // what was announced before
    wakeAll()
  }

  function open(): void {
    if (closed || client || opening || retry || listeners.size === 0) return
    opening = connect()
      .catch((error: unknown) => {
        hangUp?.(error instanceof Error ? error : new Error('LISTEN failed'))
        failures++
      })
      .finally(() => {
        opening = undefined
        if (closed || listeners.size === 0) void quiet()
        else if (failures > 0) reconnect()
      })
  }

  function reconnect(): void {
    if (closed || client || opening || retry || listeners.size === 0) return
    failures = Math.max(1, failures)
    const most = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures, 10))
    retry = setTimeout(
      () => {
        retry = undefined
        open()
      },
      most / 2 + (Math.random() * most) / 2,
    )
    retry.unref()
  }

  /** Lets the connection go, fit for its next user. */
  function quiet(): Promise<void> {
    clearTimeout(retry)
    retry = undefined
    leaving ??= leave().finally(() => {
      leaving = undefined
      open()
    })
    return leaving
  }

  async function leave(): Promise<void> {
    // while the pool has none to give, there is nothing to wait for: `open` comes here again
    if (!client) return
    await opening
    if (!client || (!closed && listeners.size > 0)) return
    try {
      await inTime(client.query(`UNLISTEN "${channel}"`), statementTimeoutMs)
      hangUp?.()
    } catch (error) {
      hangUp?.(error instanceof Error ? error : new Error('UNLISTEN failed'))
    }
  }

  return {
    announce() {
      if (gathering || closed) return
      gathering = true
      const send = (): void => {
        gathering = false
        if (closed) return
        announcedAt = performance.now()
        // a lost announcement costs the time to the next poll
        access.query(NOTIFY, [channel, self]).catch(() => {})
      }
      const [soon, apart] = listeners.size > 0 ? [OWN_MS, OWN_APART_MS] : [0, APART_MS]
      setTimeout(send, Math.max(soon, announcedAt + apart - performance.now())).unref()
    },
    listen(listener) {
      const own = (): void => listener()
      listeners.add(own)
      open()
      return () => {
        listeners.delete(own)
        if (listeners.size === 0) void quiet()
      }
    },
    async close() {
      closed = true
      listeners.clear()
      await quiet()
    },
  }
}
