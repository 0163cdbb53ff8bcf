import type { Subscription } from '../contracts/catalog.ts'
import type { Importance } from '../contracts/event.ts'
import type { SubscribedConnection } from '../contracts/store.ts'
import { invalidInput } from '../errors.ts'
import { type CatalogIndex, catalogIndex } from './catalog-index.ts'
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
 * Whether a connection with this subscription gets the event. Pure; for many connections see `compileFilter`.
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

/** The subscriptions of one organisation, ready for many events. */
export interface CompiledFilter {
  /**
   * The connections that get an event, in the order of the set. The array is shared by events of equal subscribers and
   * frozen. `category`: only without a catalog. `importance`: `normal` unless said.
   */
  match(type: string, category?: string, importance?: Importance): readonly SubscribedConnection[]
  /** All of them, as given. */
  readonly connections: readonly SubscribedConnection[]
}

const NOBODY: readonly SubscribedConnection[] = Object.freeze([])

/**
 * Prepares the connections of one organisation for matching. The first event of its kind visits every connection,
 * later ones look their subscribers up. What it keeps is bounded by what the subscriptions and the catalog name, not by
 * what events bring along.
 */
export function compileFilter(catalog: CatalogLike, connections: readonly SubscribedConnection[]): CompiledFilter {
  const index = catalog && catalogIndex(catalog)
  const namedTypes = new Set<string>()
  const namedCategories = new Set<string>()
  for (const { categories, eventTypes } of connections) {
    for (const type of eventTypes) namedTypes.add(type)
    for (const category of categories) namedCategories.add(category)
  }
  // Types that nobody names have the same subscribers as the others of their category: they share one entry,
  // `undefined`. Without a catalog so do the categories that nobody names.
  const byCategory = new Map<string | undefined, Map<string | undefined, readonly SubscribedConnection[]>>()
  const anyMinimum = connections.some((one) => one.minImportance !== undefined)
  const byImportance = new WeakMap<object, Map<Importance, readonly SubscribedConnection[]>>()

  function important(found: readonly SubscribedConnection[], importance: Importance) {
    let lists = byImportance.get(found)
    if (lists === undefined) {
      lists = new Map()
      byImportance.set(found, lists)
    }
    let list = lists.get(importance)
    if (list === undefined) {
      list = Object.freeze(found.filter((connection) => isImportant(connection, importance)))
      lists.set(importance, list)
    }
    return list
  }

  return {
    connections,
    match(type, category, importance = 'normal') {
      const own = index === undefined ? category : index.find(type)?.category
      if (index !== undefined && own === undefined) return NOBODY
      const categoryKey = index !== undefined || (own !== undefined && namedCategories.has(own)) ? own : undefined
      const typeKey = namedTypes.has(type) ? type : undefined
      let byType = byCategory.get(categoryKey)
      if (byType === undefined) {
        byType = new Map()
        byCategory.set(categoryKey, byType)
      }
      let found = byType.get(typeKey)
      if (found === undefined) {
        found = subscribers(index, connections, type, category)
        byType.set(typeKey, found)
      }
      return anyMinimum ? important(found, importance) : found
    },
  }
}

function subscribers(
  index: CatalogIndex | undefined,
  connections: readonly SubscribedConnection[],
  type: string,
  category: string | undefined,
): readonly SubscribedConnection[] {
  const found = connections.filter((connection) => isMatch(verdict(index, connection, type, category)))
  return found.length === 0 ? NOBODY : Object.freeze(found)
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
