import { applySummary, type CatalogIndex, parseMetadata, RESERVED_TYPES } from '../catalog/index.ts'
import type { Ids } from '../contracts/clock.ts'
import type { EventBase, Importance, StoredEvent } from '../contracts/event.ts'
import { invalidInput } from '../errors.ts'
import { checkMetadata } from './check-metadata.ts'
import { parseTimestamp } from './parse-timestamp.ts'

export interface CheckEventDeps {
  /** Absent: a dispatcher without a catalog accepts any type. */
  readonly catalog: CatalogIndex | undefined
  readonly ids: Ids
  readonly maxEventBytes: number
}

/** An accepted event that may still lack the name of its organisation, which only the host can give. */
export type AcceptedEvent = { -readonly [F in keyof Omit<StoredEvent, 'orgName'>]: StoredEvent[F] } & {
  orgName: string | undefined
}

const IMPORTANCES: ReadonlySet<string> = new Set<Importance>(['low', 'normal', 'high', 'urgent'])
const FIELDS: ReadonlySet<string> = new Set([
  'id',
  'orgId',
  'type',
  'category',
  'title',
  'body',
  'href',
  'orgName',
  'importance',
  'metadata',
  'timestamp',
])

/**
 * Checks an event from the host and completes it: limits, catalog, schema, summary, defaults.
 * @throws SignalboxError `invalid_input` naming the field and the rule; never with the event's own text.
 */
export function checkEvent(
  input: EventBase,
  given: string | undefined,
  now: number,
  deps: CheckEventDeps,
): AcceptedEvent {
  if (typeof input !== 'object' || input === null) throw invalidInput('event', 'must be an object')
  for (const key in input) if (!FIELDS.has(key)) throw invalidInput(cut(key), 'is not a field of an event')

  const orgId = checkId(input.orgId, 'orgId')
  const type = checkId(input.type, 'type')
  if (RESERVED_TYPES.includes(type)) throw invalidInput('type', `"${type}" is reserved`)
  const known = deps.catalog?.find(type)
  if (deps.catalog && !known) throw invalidInput('type', `"${cut(type)}" is not in the catalog`)
  if (known && input.category !== undefined && input.category !== known.category) {
    throw invalidInput('category', `"${type}" belongs to the category "${known.category}"`)
  }
  const category = known
    ? known.category
    : input.category === undefined
      ? undefined
      : checkId(input.category, 'category')

  const parsed = parseMetadata(known?.definition, input.metadata)
  const copied = parsed === undefined ? undefined : checkMetadata(parsed)
  const metadata = copied?.value
  const words = isWorded(input) ? input : applySummary(known?.definition, { ...input, type, metadata })
  const title = checkText(words.title, 'title')
  if (title === '') throw invalidInput('title', 'must not be empty')
  const body = checkText(words.body, 'body')
  const href = checkHref(words.href)
  const orgName = input.orgName === undefined ? undefined : checkText(input.orgName, 'orgName')
  const importance = input.importance ?? 'normal'
  if (!IMPORTANCES.has(importance)) throw invalidInput('importance', 'must be low, normal, high or urgent')

  checkSize([orgId, type, category ?? '', title, body, href, orgName ?? '', copied?.json ?? ''], deps.maxEventBytes)
  const id = given ?? (input.id === undefined ? deps.ids('evt') : checkId(input.id, 'id'))
  const messageId = deps.ids('msg')
  const timestamp = input.timestamp === undefined ? now : parseTimestamp(input.timestamp)
  const acceptedAt = now
  // A literal for each set of fields: events are kept by the thousand, and a field added later takes more room.
  if (category === undefined) {
    return metadata === undefined
      ? { id, orgId, type, title, body, href, orgName, importance, timestamp, messageId, acceptedAt }
      : { id, orgId, type, title, body, href, orgName, importance, metadata, timestamp, messageId, acceptedAt }
  }
  return metadata === undefined
    ? { id, orgId, type, category, title, body, href, orgName, importance, timestamp, messageId, acceptedAt }
    : { id, orgId, type, category, title, body, href, orgName, importance, metadata, timestamp, messageId, acceptedAt }
}

function isWorded(input: EventBase): boolean {
  return input.title !== undefined && input.body !== undefined && input.href !== undefined
}

/** Identifiers: 1–256 characters, no NUL. They are never rewritten, so a lone surrogate is refused. */
export function checkId(value: unknown, field: string): string {
  if (typeof value !== 'string' || value.length === 0 || value.length > 256) {
    throw invalidInput(field, 'must be a string of 1 to 256 characters')
  }
  if (value.includes('\0')) throw invalidInput(field, 'must not contain NUL')
  if (!value.isWellFormed()) throw invalidInput(field, 'must be well-formed Unicode')
  return value
}

/** Text for people: any, without NUL; a lone surrogate becomes U+FFFD. */
function checkText(value: unknown, field: string): string {
  if (typeof value !== 'string') throw invalidInput(field, 'must be a string')
  if (value.includes('\0')) throw invalidInput(field, 'must not contain NUL')
  return value.isWellFormed() ? value : value.toWellFormed()
}

/** What needs no parser to be known as a URL: a name whose last label is no number, and printable ASCII after it. */
const PLAIN_URL = /^https?:\/\/(?:[a-z0-9-]+\.)*[a-z][a-z0-9-]*(?::\d{1,4})?(?:[/?#][\x21-\x7e]*)?$/

function checkHref(value: unknown): string {
  if (typeof value === 'string' && PLAIN_URL.test(value) && !value.includes('xn--')) return value
  if (typeof value !== 'string') throw invalidInput('href', 'must be a string')
  if (value.includes('\0')) throw invalidInput('href', 'must not contain NUL')
  if (!/^https?:\/\//i.test(value) || !URL.canParse(value)) {
    throw invalidInput('href', 'must be an absolute http or https URL')
  }
  return value.isWellFormed() ? value : value.toWellFormed()
}

function checkSize(texts: readonly string[], maxBytes: number): void {
  let characters = 0
  for (const text of texts) characters += text.length
  if (characters * 3 <= maxBytes) return
  let bytes = 0
  for (const text of texts) bytes += Buffer.byteLength(text)
  if (bytes > maxBytes)
    throw invalidInput('event', `is ${bytes} bytes of text and metadata, at most ${maxBytes} are allowed`)
}

function cut(text: string): string {
  return text.length > 64 ? `${text.slice(0, 64).toWellFormed()}…` : text.toWellFormed()
}
