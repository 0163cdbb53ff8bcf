import { checkId } from '../dispatch/check-event.ts'
import { checkMetadata } from '../dispatch/check-metadata.ts'
import { invalidInput, isSignalboxError, SignalboxError } from '../errors.ts'

const NEW_ID = /^[\w.-]{1,128}$/
const MAX_LABEL_LENGTH = 200
const MAX_METADATA_BYTES = 16 * 1024
const MAX_IN_FLIGHT = 1000
const MAX_PAGE = 200
const DEFAULT_PAGE = 50

/** Refuses what is no object, and fields that the call does not have: a misspelt one would be lost silently. */
export function checkCall(input: unknown, fields: readonly string[]): void {
  if (typeof input !== 'object' || input === null) throw invalidInput('input', 'must be an object')
  for (const key of Object.keys(input)) {
    if (!fields.includes(key)) throw invalidInput(key.slice(0, 64).toWellFormed(), 'is not a field of this call')
  }
}

/** Of a call that only names a record, the record itself will do: what else it holds is no option that could be lost. */
export function checkNaming(input: unknown): void {
  if (typeof input !== 'object' || input === null) throw invalidInput('input', 'must be an object')
}

/** The `orgId` and `id` of a call, and nothing else of it. */
export function checkRef(call: { readonly orgId: string; readonly id: string }): { orgId: string; id: string } {
  return { orgId: checkId(call.orgId, 'orgId'), id: checkId(call.id, 'id') }
}

export function checkOrgId(value: unknown): string {
  return checkId(value, 'orgId')
}

/** An id that the host chose for a new record. */
export function checkNewId(value: unknown): string {
  if (typeof value === 'string' && NEW_ID.test(value)) return value
  throw invalidInput('id', 'must be 1 to 128 characters of A-Z a-z 0-9 . _ -')
}

export function checkLabel(value: unknown): string {
  const label = typeof value === 'string' ? value.trim() : ''
  if (label === '' || label.length > MAX_LABEL_LENGTH) {
    throw invalidInput('label', `must be a text of 1 to ${MAX_LABEL_LENGTH} characters`)
  }
  if (/\p{Cc}/u.test(label)) throw invalidInput('label', 'must not contain control characters')
  return label.toWellFormed()
}

/** Makes a label of what a transport suggests: anything that is too long is cut. */
export function labelFrom(suggestion: string, fallback: string): string {
  const label = suggestion
    .replaceAll(/\p{Cc}/gu, ' ')
    .slice(0, MAX_LABEL_LENGTH)
    .toWellFormed()
    .trim()
  return label === '' ? fallback : label
}

/** A page size; the most is {@link MAX_PAGE}. */
export function checkLimit(value: unknown): number {
  if (value === undefined) return DEFAULT_PAGE
  return checkCount(value, 'limit', MAX_PAGE)
}

/** A whole number from 1 to `most`. */
export function checkCount(value: unknown, field: string, most: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= most) return value
  throw invalidInput(field, `must be a whole number from 1 to ${most}`)
}

/** A cursor that a page before gave. */
export function checkCursor(value: unknown): string | undefined {
  return value === undefined ? undefined : checkString(value, 'after', 4096)
}

export function checkString(value: unknown, field: string, maxLength: number): string {
  if (typeof value === 'string' && value !== '' && value.length <= maxLength && !value.includes('\0')) return value
  throw invalidInput(field, `must be a text of 1 to ${maxLength} characters`)
}

/** An instant in epoch ms. */
export function checkInstant(value: unknown, field: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  throw invalidInput(field, 'must be an instant in whole epoch milliseconds')
}

export function checkOrdering(value: unknown): 'fifo' {
  if (value === 'fifo') return value
  throw invalidInput('ordering', "must be 'fifo', where it is given")
}

/** A copy of an object of JSON, at most `maxBytes` as text. Fields at fault are named from `field` on. */
export function checkJson(value: unknown, field: string, maxBytes: number): Readonly<Record<string, unknown>> {
  try {
    const checked = checkMetadata(value)
    if (Buffer.byteLength(checked.json) <= maxBytes) return checked.value as Readonly<Record<string, unknown>>
  } catch (error) {
    if (!isSignalboxError(error, 'invalid_input')) throw error
    const named = (text: string): string => text.replace(/^metadata/, field)
    throw new SignalboxError('invalid_input', named(error.message), { field: named(error.field ?? field) })
  }
  throw invalidInput(field, `must be at most ${maxBytes} bytes as JSON`)
}

/** What the host keeps with a connection. */
export function checkHostMetadata(value: unknown): Readonly<Record<string, unknown>> {
  return checkJson(value, 'metadata', MAX_METADATA_BYTES)
}

export function checkMaxInFlight(value: unknown): number {
  return checkCount(value, 'maxInFlight', MAX_IN_FLIGHT)
}
