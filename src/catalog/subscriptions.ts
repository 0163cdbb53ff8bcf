import type { Subscription } from '../contracts/catalog.ts'
import type { Importance } from '../contracts/event.ts'
import { invalidInput } from '../errors.ts'
import { catalogIndex } from './catalog-index.ts'
import {
  type CatalogLike,
  type EventKey,
  IMPORTANCES,
  inWords,
  isImportant,
  isMatch,
  type MatchVerdict,
  verdict,
} from './filter-rule.ts'

export { type CompiledFilter, compileFilter } from './compiled-filter.ts'

const MAX_NAMES = 1000
const MAX_NAME_LENGTH = 256

/**
 * Checks what a connection subscribes to and answers it without repeats, in the order given.
 *
 * @throws SignalboxError `invalid_input` naming the entry (`eventTypes[2]`): unknown to the catalog, or of a category
 *   that is not among the chosen ones.
 */
export function checkSubscription(
  catalog: CatalogLike,
  input: {
    readonly categories?: readonly string[] | undefined
    readonly eventTypes?: readonly string[] | undefined
    readonly minImportance?: Importance | undefined
  },
): Subscription {
  const categories = names(input.categories, 'categories')
  const eventTypes = names(input.eventTypes, 'eventTypes')
  if (catalog !== undefined) {
    const index = catalogIndex(catalog)
    categories.forEach((id, i) => {
      if (!index.hasCategory(id)) throw invalidInput(`categories[${i}]`, `the catalog has no category '${id}'`)
    })
    eventTypes.forEach((type, i) => {
      const entry = index.find(type)
      if (entry === undefined) throw invalidInput(`eventTypes[${i}]`, `the catalog has no event type '${type}'`)
      if (categories.length > 0 && !categories.includes(entry.category)) {
        throw invalidInput(`eventTypes[${i}]`, `'${type}' is of the category '${entry.category}', which is not chosen`)
      }
    })
  }
  const { minImportance } = input
  if (minImportance !== undefined && !IMPORTANCES.includes(minImportance)) {
    throw invalidInput('minImportance', `must be one of: ${IMPORTANCES.join(', ')}`)
  }
  return {
    categories: distinct(categories),
    eventTypes: distinct(eventTypes),
    ...(minImportance === undefined ? {} : { minImportance }),
  }
}

/**
 * Whether a connection with this subscription gets the event. Pure; for many connections see {@link compileFilter}.
 *
 * @param catalog says which category each type belongs to; without one the event's own `category` counts.
 */
export function matches(subscription: Subscription, event: EventKey, catalog?: CatalogLike): boolean {
  return (
    isMatch(verdict(catalog && catalogIndex(catalog), subscription, event.type, event.category)) &&
    isImportant(subscription, event.importance)
  )
}

/** Whether a connection with this subscription gets the event, and why, in words. */
export function explainMatch(
  subscription: Subscription,
  event: EventKey,
  catalog?: CatalogLike,
): { readonly matches: boolean; readonly verdict: MatchVerdict; readonly text: string } {
  const index = catalog && catalogIndex(catalog)
  const wanted = verdict(index, subscription, event.type, event.category)
  const found = isMatch(wanted) && !isImportant(subscription, event.importance) ? 'less_important' : wanted
  const category = index?.find(event.type)?.category ?? event.category
  return { matches: isMatch(found), verdict: found, text: inWords(found, event.type, category, subscription) }
}

function names(value: unknown, field: string): readonly string[] {
  if (value === undefined) return []
  if (!Array.isArray(value) || value.length > MAX_NAMES) {
    throw invalidInput(field, `must be an array of at most ${MAX_NAMES} names`)
  }
  return value.map((name: unknown, i): string => {
    if (typeof name === 'string' && name !== '' && name.length <= MAX_NAME_LENGTH && !name.includes('\0')) return name
    throw invalidInput(`${field}[${i}]`, `must be a text of 1 to ${MAX_NAME_LENGTH} characters, without NUL`)
  })
}

function distinct(values: readonly string[]): readonly string[] {
  return Object.freeze([...new Set(values)])
}
