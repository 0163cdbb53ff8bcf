import { invalidInput } from '../errors.ts'

export interface CustomHeadersOptions {
  /** Path of the field in errors. @default 'headers' */
  readonly field?: string
  /** More names that may not be set, in any case: those which the connection's signature schemes write. */
  readonly denied?: readonly string[]
}

const MAX_HEADERS = 50
const MAX_NAME_LENGTH = 256
const MAX_TOTAL_LENGTH = 8_192

/**
 * What the library, HTTP itself or a signature scheme writes. `authorization` and `cookie` are not here: receivers ask
 * for them.
 */
const DENIED: ReadonlySet<string> = new Set([
  'accept-encoding',
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'user-agent',
])
const DENIED_PREFIXES = ['proxy-', 'webhook-', 'x-ghost-', 'x-signalbox-']

/** RFC 9110, section 5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

/**
 * Checks headers that a user sets for requests of a connection: names are tokens that no system header has, values are
 * latin1 without control characters, at most 50 headers and 8192 characters in all.
 *
 * @throws SignalboxError `invalid_input` naming the header, never its value.
 */
export function checkCustomHeaders(
  headers: Readonly<Record<string, string>>,
  options: CustomHeadersOptions = {},
): void {
  const field = options.field ?? 'headers'
  if (typeof headers !== 'object' || headers === null || Array.isArray(headers))
    throw invalidInput(field, 'must be an object of names and values')
  const entries = Object.entries(headers)
  if (entries.length > MAX_HEADERS) throw invalidInput(field, `must have at most ${MAX_HEADERS} headers`)
  const denied = new Set(options.denied?.map((name) => name.toLowerCase()))
  const seen = new Set<string>()
  let total = 0

  for (const [name, value] of entries) {
    if (name.length > MAX_NAME_LENGTH || !TOKEN.test(name))
      throw invalidInput(field, `${shown(name)} is not a header name`)
    const at = `${field}.${name}`
    const lower = name.toLowerCase()
    if (DENIED.has(lower) || denied.has(lower) || DENIED_PREFIXES.some((prefix) => lower.startsWith(prefix)))
      throw invalidInput(at, 'is set by the system and cannot be chosen')
    if (seen.has(lower)) throw invalidInput(at, 'is there twice, in different case')
    seen.add(lower)
    if (typeof value !== 'string') throw invalidInput(at, 'must be a string')
    if (!isFieldValue(value)) throw invalidInput(at, 'must be latin1 text without line breaks and control characters')
    total += name.length + value.length
  }
  if (total > MAX_TOTAL_LENGTH) throw invalidInput(field, `must have at most ${MAX_TOTAL_LENGTH} characters in all`)
}

/** Tab, printable ASCII and the upper half of latin1; what undici and fetch send unchanged. */
function isFieldValue(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i)
    if ((code < 0x20 && code !== 0x09) || code === 0x7f || code > 0xff) return false
  }
  return true
}

/** A name may be anything a user typed, a pasted secret included: its beginning does. */
function shown(name: string): string {
  const start = JSON.stringify(name.slice(0, 16))
  return name.length > 16 ? `${start}…` : start
}
