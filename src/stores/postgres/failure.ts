import { isSignalboxError, SignalboxError } from '../../errors.ts'

/** Of errors of this class the message quotes values. */
const DATA_EXCEPTION = /^22/

/**
 * The error that a caller sees. Its `cause` has the database's SQLSTATE in `code`; what else the database and the
 * layers above it say (the detail, the statement, its parameters) quotes stored values, and is left out.
 */
export function storeFailed(error: unknown): SignalboxError {
  if (isSignalboxError(error)) return error
  const found = databaseError(error)
  if (found !== undefined) {
    const { code, message, constraint } = found
    const cause = Object.assign(new Error(DATA_EXCEPTION.test(code) ? `SQLSTATE ${code}` : message), { code })
    if (constraint !== undefined) Object.assign(cause, { constraint })
    return failed(`the database failed (SQLSTATE ${code})`, cause)
  }
  const causes = chain(error)
  const network = causes.map(({ code }) => code).find((code) => typeof code === 'string' && /^E[A-Z_]+$/.test(code))
  if (network !== undefined) return failed(`the database can't be reached (${String(network)})`)
  const root = causes.at(-1)
  if (!(root instanceof Error) || root instanceof TypeError || root instanceof RangeError || hasStatement(root)) {
    // a value that JSON can't hold, say: the message might quote it
    return failed(`a call could not be carried out (${root instanceof Error ? root.name : typeof error})`)
  }
  return failed('the connection to the database failed', root)
}

function failed(what: string, cause?: Error): SignalboxError {
  return new SignalboxError('store_failed', `postgresStore: ${what}`, cause === undefined ? {} : { cause })
}

/** Errors of query builders carry the statement and its parameters, also in their messages. */
function hasStatement(error: object): boolean {
  return ['query', 'sql', 'params', 'parameters', 'bindings'].some((name) => name in error)
}

/** The SQLSTATE of an error, wherever a layer above the driver has put it. */
export function sqlState(error: unknown): string | undefined {
  return databaseError(error)?.code
}

interface DatabaseError {
  readonly code: string
  readonly message: string
  readonly constraint?: string
}

function databaseError(error: unknown): DatabaseError | undefined {
  for (const { code, message, constraint, meta } of chain(error)) {
    if (isSqlState(code)) {
      const known = { code, message: typeof message === 'string' ? message : '' }
      return typeof constraint === 'string' ? { ...known, constraint } : known
    }
    // Prisma has a code of its own, and the database's beside it
    if (typeof meta === 'object' && meta !== null && 'code' in meta && isSqlState(meta.code)) {
      return { code: meta.code, message: 'the statement failed' }
    }
  }
  return undefined
}

/** An error and its causes, the outermost first. */
function chain(error: unknown): readonly Record<string, unknown>[] {
  const found: Record<string, unknown>[] = []
  for (let at = error; typeof at === 'object' && at !== null && found.length < 5; ) {
    const one = at as Record<string, unknown>
    found.push(one)
    at = one.cause
  }
  return found
}

function isSqlState(code: unknown): code is string {
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && !/^P[12]\d{3}$|^E[A-Z]{4}$/.test(code)
}
