import type { Catalog, Subscription } from '../contracts/catalog.ts'
import type { Importance } from '../contracts/event.ts'
import type { CatalogIndex } from './catalog-index.ts'

/** A catalog, its index, or none: then hosts name types and categories freely. */
export type CatalogLike = Pick<Catalog, 'categories'> | CatalogIndex | undefined

/** What of an event decides who gets it. `category`: only without a catalog. */
export interface EventKey {
  readonly type: string
  readonly category?: string | undefined
  /** @default 'normal' */
  readonly importance?: Importance | undefined
}

/** Why an event matches a subscription or does not. */
export type MatchVerdict =
  /** The connection wants the whole category. */
  | 'category'
  /** The connection names the type. */
  | 'type'
  /** The catalog does not have the type. */
  | 'unknown_type'
  /** The connection does not want the category. */
  | 'other_category'
  /** The connection wants other types of the category. */
  | 'other_types'
  /** The connection names types that the catalog no longer has: they may have been this category's. */
  | 'stale_types'
  /** The connection wants more important events only. */
  | 'less_important'

/** From the least to the most. */
export const IMPORTANCES: readonly Importance[] = Object.freeze(['low', 'normal', 'high', 'urgent'])

/** Whether an event is important enough for a connection. */
export function isImportant(
  { minImportance }: Pick<Subscription, 'minImportance'>,
  event: Importance = 'normal',
): boolean {
  return minImportance === undefined || IMPORTANCES.indexOf(event) >= IMPORTANCES.indexOf(minImportance)
}

/** Whether it gets the event. */
export function isMatch(found: MatchVerdict): boolean {
  return found === 'category' || found === 'type'
}

/**
 * The filter rule: for each category that the connection includes (none chosen: all), if `eventTypes` names types of
 * it, those only, else all of it. Names that the catalog no longer has match nothing. A type that it no longer has, or
 * that moved out of the chosen categories, once narrowed a category, and nobody knows which: no category becomes whole
 * that may have been that one.
 */
export function verdict(
  index: CatalogIndex | undefined,
  subscription: Subscription,
  type: string,
  category: string | undefined,
): MatchVerdict {
  const { categories, eventTypes } = subscription
  const own = index === undefined ? category : index.find(type)?.category
  if (index !== undefined && own === undefined) return 'unknown_type'
  if (categories.length > 0 && (own === undefined || !categories.includes(own))) return 'other_category'
  if (eventTypes.length === 0) return 'category'
  if (eventTypes.includes(type)) return 'type'
  if (index === undefined) return 'other_types'
  let stale = false
  for (const name of eventTypes) {
    const its = index.find(name)?.category
    if (its === own) return 'other_types'
    if (its === undefined || (categories.length > 0 && !categories.includes(its))) stale = true
  }
  return stale ? 'stale_types' : 'category'
}

/** For a person: why the event does or does not reach the connection. */
export function inWords(
  found: MatchVerdict,
  type: string,
  category: string | undefined,
  subscription: Subscription,
): string {
  const its = category === undefined ? 'events without a category' : `the category '${category}'`
  const { minImportance } = subscription
  const least = minImportance === undefined ? '' : ` of importance '${minImportance}' and above`
  switch (found) {
    case 'category':
      if (category === undefined) return `it wants every event${least}`
      return subscription.categories.length === 0 ? `it wants ${its}, as every category` : `it wants ${its}`
    case 'type':
      return `it wants '${type}'`
    case 'unknown_type':
      return `the catalog has no event type '${type}'`
    case 'other_category':
      return `it does not want ${its}`
    case 'other_types':
      return category === undefined ? 'it wants other event types' : `it wants other event types of ${its}`
    case 'stale_types':
      return `it is limited to event types that the catalog no longer has, which may have been of ${its}`
    case 'less_important':
      return `it wants events${least}`
  }
}
