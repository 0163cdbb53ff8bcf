import { type CatalogIndex, type CompiledFilter, compileFilter } from '../catalog/index.ts'
import type { Store, SubscribedConnection } from '../contracts/store.ts'

/** The compiled filter of each organisation, kept and never stale: every use asks the store whether its version holds. */
export interface Subscribers {
  /** `tx`: read through the host's transaction; what it may see uncommitted never enters the cache. */
  filterOf(orgId: string, tx?: unknown): Promise<CompiledFilter>
  /** What is kept, which may not hold any more. */
  atHand(orgId: string): Kept | undefined
}

export interface Kept {
  readonly version: string
  readonly filter: CompiledFilter
}

interface CacheEntry extends Kept {
  readonly size: number
}

/** Connections over all cached organisations; beyond it, the organisations used longest ago are dropped. */
const MAX_CACHED_CONNECTIONS = 200_000

export function createSubscribers(store: Store, catalog: CatalogIndex | undefined): Subscribers {
  const cache = new Map<string, CacheEntry>()
  let cached = 0

  const remember = (orgId: string, entry: CacheEntry): void => {
    cached += entry.size + 1 - (cache.has(orgId) ? (cache.get(orgId)?.size ?? 0) + 1 : 0)
    cache.delete(orgId)
    cache.set(orgId, entry)
    for (const [oldest, { size }] of cache) {
      if (cached <= MAX_CACHED_CONNECTIONS || oldest === orgId) break
      cache.delete(oldest)
      cached -= size + 1
    }
  }

  return {
    atHand: (orgId) => cache.get(orgId),
    async filterOf(orgId, tx) {
      const known = cache.get(orgId)
      const set = await store.connections.subscribed(orgId, {
        ...(known === undefined ? {} : { since: known.version }),
        ...(tx === undefined ? {} : { tx }),
      })
      if (set === 'unchanged') {
        if (known !== undefined) return known.filter
        return compile([])
      }
      const filter = compile(set.connections)
      if (tx === undefined) remember(orgId, { version: set.version, filter, size: set.connections.length })
      return filter
    },
  }

  function compile(connections: readonly SubscribedConnection[]): CompiledFilter {
    return compileFilter(catalog, connections)
  }
}
