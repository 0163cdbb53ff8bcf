import { isSignalboxError, SignalboxError } from '../../errors.ts'

const SQLITE_BUSY = 5
const SQLITE_LOCKED = 6

/** Whether another handle holds the lock: to be tried again. Both drivers' errors are understood. */
export function isLocked(error: unknown): boolean {
  const { errcode, code } = parts(error)
  if (typeof errcode === 'number') return (errcode & 0xff) === SQLITE_BUSY || (errcode & 0xff) === SQLITE_LOCKED
  return typeof code === 'string' && /^SQLITE_(BUSY|LOCKED)/.test(code)
}

/**
 * The error that a caller sees. SQLite's own messages name tables and columns, never values, so they may be the
 * `cause`; any other error (a value that JSON can't hold, say) might quote one and is only named.
 */
export function storeFailed(error: unknown): SignalboxError {
  if (isSignalboxError(error)) return error
  const { errcode, code } = parts(error)
  if (typeof errcode === 'number' || (typeof code === 'string' && code.startsWith('SQLITE_'))) {
    const which = typeof errcode === 'number' ? `SQLite code ${errcode}` : code
    return new SignalboxError('store_failed', `sqliteStore: the database failed (${which})`, { cause: error })
  }
  const kind = error instanceof Error ? error.name : typeof error
  return new SignalboxError('store_failed', `sqliteStore: a call could not be carried out (${kind})`)
}

function parts(error: unknown): { readonly errcode?: unknown; readonly code?: unknown } {
  return typeof error === 'object' && error !== null ? error : {}
}
