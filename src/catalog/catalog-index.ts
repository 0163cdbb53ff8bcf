import type { Catalog, EventDefinition } from '../contracts/catalog.ts'

export interface CatalogEntry {
  /** The id of the category that defines the type. */
  readonly category: string
  readonly definition: EventDefinition
}

/** A catalog with its types looked up in constant time. Wherever a catalog is taken, this one spares building it anew. */
export interface CatalogIndex extends Pick<Catalog, 'categories' | 'digestKeys'> {
  /** What the catalog has of an event type. */
  find(type: string): CatalogEntry | undefined
  hasCategory(id: string): boolean
}

/** Indexes a catalog. Given an index, answers it. */
export function catalogIndex(catalog: Pick<Catalog, 'categories' | 'digestKeys'> | CatalogIndex): CatalogIndex {
  if ('find' in catalog) return catalog
  const entries = new Map<string, CatalogEntry>()
  for (const [category, { events }] of Object.entries(catalog.categories)) {
    for (const [type, definition] of Object.entries(events)) entries.set(type, { category, definition })
  }
  return Object.freeze({
    categories: catalog.categories,
    ...(catalog.digestKeys === undefined ? {} : { digestKeys: catalog.digestKeys }),
    find: (type: string) => entries.get(type),
    hasCategory: (id: string) => Object.hasOwn(catalog.categories, id),
  })
}
