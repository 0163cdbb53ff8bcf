/**
 * The closed list of error codes. Grown only with care: hosts switch on it.
 *
 * | code | meaning |
 * | --- | --- |
 * | `invalid_input` | an option or an argument breaks a rule; `field` names it |
 * | `not_found` | no such record in this organisation |
 * | `conflict` | the record changed meanwhile, exists already, or is in a state that does not allow the call |
 * | `forbidden` | the host's `authorize` refused |
 * | `blocked_url` | the egress guard refuses the URL |
 * | `schema_outdated` | the store's schema is older than this version needs |
 * | `signature_invalid` | a received request could not be verified |
 * | `store_failed` | the store could not carry out a call; `cause` has its own error |
 * | `closed` | the dispatcher was closed |
 */
export type ErrorCode =
  | 'invalid_input'
  | 'not_found'
  | 'conflict'
  | 'forbidden'
  | 'blocked_url'
  | 'schema_outdated'
  | 'signature_invalid'
  | 'store_failed'
  | 'closed'

const BRAND = Symbol.for('signalbox.error')

export interface SignalboxErrorOptions {
  /** The option, argument or field that the message is about, as a path: `config.url`, `categories[2]`. */
  readonly field?: string
  readonly cause?: unknown
}

/** The one error class that signalbox throws. Messages never contain secrets, tokens or secret URLs. */
export class SignalboxError extends Error {
  override readonly name = 'SignalboxError' as const
  readonly code: ErrorCode
  /** Path of the field at fault, where there is one. */
  declare readonly field?: string

  constructor(code: ErrorCode, message: string, options: SignalboxErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    if (options.field !== undefined) this.field = options.field
    Object.defineProperty(this, BRAND, { value: true })
  }
}

/**
 * Whether `error` is a {@link SignalboxError}, also one of the other build: ESM and CommonJS have a class each, so
 * `instanceof` is not enough. With `code`, whether it has that code.
 */
export function isSignalboxError(error: unknown, code?: ErrorCode): error is SignalboxError {
  if (typeof error !== 'object' || error === null || !(BRAND in error)) return false
  return code === undefined || ('code' in error && error.code === code)
}

/** Refuses options that do not exist: a misspelt one would be lost silently. @throws SignalboxError `invalid_input` */
export function checkOptions(options: object, known: readonly string[], prefix = ''): void {
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) throw invalidInput(`${prefix}${key.slice(0, 64).toWellFormed()}`, 'is not an option')
  }
}

/** Shorthand for the most frequent error: `field` breaks a rule that `rule` states. */
export function invalidInput(field: string, rule: string): SignalboxError {
  return new SignalboxError('invalid_input', `${field}: ${rule}`, { field })
}
