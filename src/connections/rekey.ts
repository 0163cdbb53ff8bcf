import type { ConnectionRecord } from '../contracts/connection.ts'
import type { Store } from '../contracts/store.ts'
import type { CredentialSource } from '../contracts/tokens.ts'
import { isSignalboxError } from '../errors.ts'
import { checkCount } from './check-input.ts'
import { mutate } from './mutate.ts'
import type { Vault } from './vault.ts'

const PAGE = 200
const MAX_LIMIT = 100_000

export interface RekeyResult {
  /** Sealed with the current key by this call. */
  readonly rekeyed: number
  /** Still sealed with another key, or not at all: call again until it is 0. Of many, some may not be counted. */
  readonly remaining: number
  /** Can't be opened with any key at hand: secrets must be given anew, or the connection connected again. */
  readonly unreadable: number
}

/** Seals connections and credentials of all organisations with the current key, at most `limit` (1–100,000) a call. */
export async function rekeyEverything(
  deps: { readonly store: Store; readonly vault: Vault; readonly credentials: CredentialSource | undefined },
  options: { readonly limit: number },
): Promise<RekeyResult> {
  const connections = await rekeyConnections(deps, options)
  if (deps.credentials === undefined) return connections
  const credentials = await deps.credentials.rekey({ limit: options.limit - connections.rekeyed })
  return {
    rekeyed: connections.rekeyed + credentials.rekeyed,
    remaining: connections.remaining + credentials.remaining,
    unreadable: connections.unreadable + credentials.unreadable,
  }
}

/** Seals the secrets of all organisations' connections with the current key, at most `limit` (1–100,000) connections a call. */
export async function rekeyConnections(
  deps: { readonly store: Store; readonly vault: Vault },
  options: { readonly limit: number },
): Promise<RekeyResult> {
  const limit = checkCount(options.limit, 'limit', MAX_LIMIT)
  const count = { rekeyed: 0, remaining: 0, unreadable: 0 }
  let after: string | undefined
  do {
    const page = await deps.store.connections.list({ limit: PAGE, ...(after === undefined ? {} : { after }) })
    for (const record of page.items) {
      if (!deps.vault.needsRekey(record)) continue
      if (count.rekeyed === limit) count.remaining += 1
      else count[await rekeyOne(deps, record)] += 1
    }
    after = page.next
  } while (after !== undefined)
  return count
}

async function rekeyOne(
  { store, vault }: { readonly store: Store; readonly vault: Vault },
  ref: ConnectionRecord,
): Promise<'rekeyed' | 'unreadable'> {
  let unreadable = false
  try {
    await mutate(store, { orgId: ref.orgId, id: ref.id }, async (record) => {
      try {
        return vault.needsRekey(record) ? await vault.rekey(record) : undefined
      } catch {
        unreadable = true
        return undefined
      }
    })
  } catch (error) {
    // Deleted meanwhile: nothing of it is left to seal.
    if (!isSignalboxError(error, 'not_found')) throw error
  }
  return unreadable ? 'unreadable' : 'rekeyed'
}
