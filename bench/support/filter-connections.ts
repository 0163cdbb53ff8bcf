/** Connections with subscriptions of every sort, as one large organisation has them. */
import { defineCatalog } from '../../src/catalog/index.ts'
import type { CategoryDefinition, Subscription } from '../../src/contracts/catalog.ts'

const CATEGORIES = 20
const TYPES_EACH = 10

const typesOf = (category: string): readonly string[] =>
  Array.from({ length: TYPES_EACH }, (_, n) => `${category}_${n}`)

const names = ['rare', ...Array.from({ length: CATEGORIES - 1 }, (_, n) => `cat${n}`)]

export const spreadCatalog = defineCatalog({
  categories: Object.fromEntries(
    names.map((name): [string, CategoryDefinition] => [
      name,
      { label: name, events: Object.fromEntries(typesOf(name).map((type) => [type, { label: type }])) },
    ]),
  ),
})

export const TYPES: readonly string[] = names.flatMap(typesOf)

const common = (n: number): string => names[1 + (n % (CATEGORIES - 1))] ?? ''

/**
 * Of a hundred: 10 want everything that is important, 5 everything that is not `low`, 40 one to three categories, 40 two
 * types of one category, 5 a category from some importance on. One of a thousand wants the rare category.
 */
export function mixedSubscription(n: number): Subscription {
  const pick = Math.floor(n / 100)
  if (n % 1000 === 999) return { categories: ['rare'], eventTypes: [] }
  switch (Math.floor((n % 100) / 5)) {
    case 0:
    case 1:
      return { categories: [], eventTypes: [], minImportance: 'high' }
    case 2:
      return { categories: [], eventTypes: [], minImportance: 'normal' }
    case 3:
      return { categories: [common(n)], eventTypes: [], minImportance: 'high' }
    case 4:
    case 5:
    case 6:
    case 7:
    case 8:
    case 9:
    case 10:
    case 11: {
      const chosen = [common(n), common(n * 7 + pick), common(pick)].slice(0, 1 + (n % 3))
      return { categories: [...new Set(chosen)], eventTypes: [] }
    }
    default: {
      const category = common(n + pick)
      return { categories: [category], eventTypes: [`${category}_${n % 10}`, `${category}_${pick % 10}`] }
    }
  }
}
