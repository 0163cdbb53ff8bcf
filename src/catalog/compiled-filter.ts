import type { Subscription } from '../contracts/catalog.ts'
import type { Importance } from '../contracts/event.ts'
import type { SubscribedConnection } from '../contracts/store.ts'
import { catalogIndex } from './catalog-index.ts'
import { type CatalogLike, isImportant, isMatch, verdict } from './filter-rule.ts'

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

type Found = readonly SubscribedConnection[]

const NOBODY: Found = Object.freeze([])

/** Of what was found is kept so much, in entries for each connection; what is more is found anew. */
const MAX_KEPT_EACH = 128

/**
 * Prepares the connections of one organisation for matching. The first event of its kind asks the rule once for each
 * different subscription, later ones look their subscribers up. What it keeps is bounded by what the subscriptions and
 * the catalog name, not by what events bring along.
 */
export function compileFilter(catalog: CatalogLike, connections: readonly SubscribedConnection[]): CompiledFilter {
  const index = catalog && catalogIndex(catalog)
  const { subscriptions, groupOf } = grouped(connections)
  const namedTypes = new Set(subscriptions.flatMap((one) => one.eventTypes))
  const namedCategories = new Set(subscriptions.flatMap((one) => one.categories))
  const anyMinimum = subscriptions.some((one) => one.minImportance !== undefined)
  // Types that nobody names have the same subscribers as the others of their category: they share one entry,
  // `undefined`. Without a catalog so do the categories that nobody names.
  const byCategory = new Map<string | undefined, Map<string | undefined, Map<Importance | undefined, Found>>>()
  const byLength = new Map<number, Found[]>()
  let kept = 0

  function find(type: string, category: string | undefined, importance: Importance): Found {
    const wanted = subscriptions.map(
      (one) => isMatch(verdict(index, one, type, category)) && isImportant(one, importance),
    )
    if (!wanted.includes(true)) return NOBODY
    return shared(connections.filter((_, position) => wanted[groupOf[position] ?? 0]))
  }

  /** Kinds of event that have the same subscribers share one array. */
  function shared(found: Found): Found {
    const alike = byLength.get(found.length)
    const known = alike?.find((other) => other.every((connection, n) => connection === found[n]))
    if (known !== undefined) return known
    Object.freeze(found)
    kept += found.length
    if (kept > MAX_KEPT_EACH * connections.length) {
      byCategory.clear()
      byLength.clear()
      kept = found.length
    }
    entry(byLength, found.length, (): Found[] => []).push(found)
    return found
  }

  return {
    connections,
    match(type, category, importance = 'normal') {
      const own = index === undefined ? category : index.find(type)?.category
      if (index !== undefined && own === undefined) return NOBODY
      const categoryKey = index !== undefined || (own !== undefined && namedCategories.has(own)) ? own : undefined
      const typeKey = namedTypes.has(type) ? type : undefined
      const importanceKey = anyMinimum ? importance : undefined
      const known = byCategory.get(categoryKey)?.get(typeKey)?.get(importanceKey)
      if (known !== undefined) return known
      const found = find(type, category, importance)
      const byType = entry(byCategory, categoryKey, () => new Map())
      entry(byType, typeKey, () => new Map()).set(importanceKey, found)
      return found
    },
  }
}

/** The different subscriptions of the connections, and which of them each connection has, by its position. */
function grouped(connections: readonly SubscribedConnection[]) {
  const subscriptions: Subscription[] = []
  const groupOf = new Uint32Array(connections.length)
  const known = new Map<string, number>()
  connections.forEach((connection, position) => {
    const key = keyOf(connection)
    let group = known.get(key)
    if (group === undefined) {
      group = subscriptions.push(connection) - 1
      known.set(key, group)
    }
    groupOf[position] = group
  })
  return { subscriptions, groupOf }
}

/** No name holds a NUL, and none is empty. */
function keyOf({ categories, eventTypes, minImportance }: Subscription): string {
  return `${joined(categories)}\0\0${joined(eventTypes)}\0\0${minImportance ?? ''}`
}

/** Most name one or none: `join` costs more than all the rest. */
function joined(names: readonly string[]): string {
  return names.length < 2 ? (names[0] ?? '') : names.join('\0')
}

function entry<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  let value = map.get(key)
  if (value === undefined) {
    value = make()
    map.set(key, value)
  }
  return value
}
