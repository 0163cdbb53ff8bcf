import type { StandardSchemaV1 } from '@standard-schema/spec'
import type {
  Catalog,
  Categories,
  CategoryDefinition,
  DigestKeys,
  EventDefinition,
  EventSummary,
  EventsOf,
} from '../contracts/catalog.ts'
import { invalidInput } from '../errors.ts'

/** Types that messages of other kinds use on the wire: no catalog may define them. */
export const RESERVED_TYPES: readonly string[] = Object.freeze(['test', 'digest'])

const ID = /^[^\s\p{Cc}]{1,128}$/u

/**
 * Defines the host's event types, grouped in categories. `dispatch` then accepts these events only, with the metadata
 * that their schemas take, at compile time and at run time.
 *
 * Ids of categories and events are 1–128 characters without whitespace. An event belongs to one category.
 *
 * @example
 * const catalog = defineCatalog({
 *   categories: {
 *     billing: {
 *       label: 'Billing',
 *       events: {
 *         invoice_paid: { label: 'Invoice paid', metadata: z.object({ invoiceId: z.string() }) },
 *         invoice_overdue: { label: 'Invoice overdue' },
 *       },
 *     },
 *   },
 * })
 *
 * @throws SignalboxError `invalid_input` naming the category or event, e.g. `categories.billing.events.test`.
 */
export function defineCatalog<const C extends Categories>(definition: {
  readonly categories: C
  /** Ways to group events in digests: a connection's `digest.key` may name them. */
  readonly digestKeys?: DigestKeys
}): Catalog<EventsOf<C>, keyof C & string> {
  checkObject(definition, 'catalog')
  checkObject(definition.categories, 'categories')
  const owners = new Map<string, string>()
  const categories = Object.entries(definition.categories).map(([id, category]): [string, CategoryDefinition] => {
    const field = `categories.${id}`
    checkId(id, field)
    checkObject(category, field)
    checkLabel(category.label, field)
    checkObject(category.events, `${field}.events`)
    for (const [type, event] of Object.entries(category.events)) {
      checkEvent(type, event, `${field}.events.${type}`)
      const owner = owners.get(type)
      if (owner !== undefined) {
        throw invalidInput(`${field}.events.${type}`, `is defined in the category '${owner}' already`)
      }
      owners.set(type, id)
    }
    return [id, Object.freeze({ ...category, events: Object.freeze({ ...category.events }) })]
  })
  // The entries are those of `C`, copied and frozen: keys and definitions are the same.
  return Object.freeze({
    categories: Object.freeze(Object.fromEntries(categories) as Record<string, CategoryDefinition>),
    ...(definition.digestKeys === undefined ? {} : { digestKeys: checkDigestKeys(definition.digestKeys) }),
  })
}

/**
 * An event whose words follow from its metadata: types the parameter of `summary` by the schema. Without such a summary
 * a plain object does.
 *
 * @example
 * invoice_paid: defineEvent({
 *   label: 'Invoice paid',
 *   metadata: z.object({ number: z.string(), url: z.url() }),
 *   summary: ({ number, url }) => ({ title: `Invoice ${number} paid`, body: '', href: url }),
 * })
 */
export function defineEvent<S extends StandardSchemaV1<unknown, object>>(definition: {
  readonly label: string
  readonly description?: string
  readonly metadata: S
  summary(metadata: StandardSchemaV1.InferOutput<S>): EventSummary
}): WordedEvent<S> {
  return definition
}

/** What {@link defineEvent} answers. */
export interface WordedEvent<S extends StandardSchemaV1<unknown, object>> {
  readonly label: string
  readonly description?: string
  readonly metadata: S
  summary(metadata: StandardSchemaV1.InferOutput<S>): EventSummary
}

function checkEvent(type: string, event: EventDefinition, field: string): void {
  checkId(type, field)
  if (RESERVED_TYPES.includes(type)) throw invalidInput(field, `'${type}' is reserved`)
  checkObject(event, field)
  checkLabel(event.label, field)
  const { metadata, summary } = event
  if (metadata !== undefined && typeof metadata?.['~standard']?.validate !== 'function') {
    throw invalidInput(`${field}.metadata`, 'must be a Standard Schema')
  }
  if (summary !== undefined && typeof summary !== 'function') {
    throw invalidInput(`${field}.summary`, 'must be a function')
  }
}

function checkDigestKeys(keys: unknown): DigestKeys {
  checkObject(keys, 'digestKeys')
  for (const [name, compute] of Object.entries(keys as object)) {
    checkId(name, `digestKeys.${name}`)
    if (typeof compute !== 'function') throw invalidInput(`digestKeys.${name}`, 'must be a function of the event')
  }
  return Object.freeze({ ...(keys as DigestKeys) })
}

function checkObject(value: unknown, field: string): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalidInput(field, 'must be an object')
}

function checkId(id: string, field: string): void {
  if (!ID.test(id)) throw invalidInput(field, 'an id must be 1 to 128 characters without whitespace')
}

function checkLabel(label: unknown, field: string): void {
  if (typeof label !== 'string' || label.trim() === '') throw invalidInput(`${field}.label`, 'must not be empty')
}
