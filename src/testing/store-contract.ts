import type { Store } from '../contracts/index.ts'
import { claimCases } from './store-contract/claims.ts'
import { connectionCases } from './store-contract/connections.ts'
import { deliveryCases } from './store-contract/deliveries.ts'
import { digestCases } from './store-contract/digests.ts'
import { enqueueCases } from './store-contract/enqueue.ts'
import { keyCases } from './store-contract/keys.ts'
import { leaseCases } from './store-contract/leases.ts'
import { settleCases } from './store-contract/settles.ts'
import { transactionCases } from './store-contract/transactions.ts'
import { upkeepCases } from './store-contract/upkeep.ts'
import type { Case, HostTransaction } from './store-contract/world.ts'

export type { HostTransaction }

/** How the contract gets at a store. */
export interface StoreHarness {
  /** A fresh, empty store for one case; `setup` is called on it. */
  create(): Promise<Store>
  /** Called with each store at the end of its case: closes it and removes what it left. @default `store.close()` */
  destroy?(store: Store): Promise<void>
  /**
   * Closes `store` and opens what it has kept, as the next process would: proves that records outlive the process.
   * Give it if, and only if, `capabilities.durable`.
   */
  reopen?(store: Store): Promise<Store>
  /**
   * Opens a transaction of the host in the database that `store` lives in. Give it if `capabilities.tx`, or if the
   * store has `enqueueOn`.
   */
  begin?(store: Store): Promise<HostTransaction>
}

export interface StoreContractCase {
  readonly name: string
  /** Why this case does not apply; its `run` does nothing then. */
  readonly skip?: string
  /** Rejects, with an `AssertionError` or what the store threw, where the store breaks the contract. */
  run(): Promise<void>
}

/**
 * The contract of a {@link Store} as data, for any test runner: each case makes a fresh store, passes the time in (it
 * never sleeps), and rejects where the store breaks the contract.
 *
 * @example
 * ```ts
 * import { storeContract } from 'signalbox/testing'
 * import { describe, it } from 'vitest'
 * import { myStore } from '../src/my-store.ts'
 *
 * describe('myStore', () => {
 *   const cases = storeContract({
 *     create: async () => myStore({ path: temporaryFile() }),
 *     reopen: async (store) => {
 *       await store.close()
 *       return myStore({ path: pathOf(store) })
 *     },
 *   })
 *   for (const { name, skip, run } of cases) {
 *     if (skip === undefined) it(name, run)
 *     else it.skip(`${name} (${skip})`)
 *   }
 * })
 * ```
 */
export function storeContract(harness: StoreHarness): readonly StoreContractCase[] {
  return CASES.map((each) => {
    const skip = reasonToSkip(each, harness)
    if (skip !== undefined) return { name: each.name, skip, run: async () => {} }
    return { name: each.name, run: () => runCase(each, harness) }
  })
}

const CASES: readonly Case[] = [
  ...connectionCases,
  ...enqueueCases,
  ...claimCases,
  ...leaseCases,
  ...settleCases,
  ...deliveryCases,
  ...digestCases,
  ...keyCases,
  ...upkeepCases,
  ...transactionCases,
]

function reasonToSkip(each: Case, harness: StoreHarness): string | undefined {
  if (each.needs === 'reopen' && harness.reopen === undefined) return 'needs harness.reopen: the store is not durable'
  if (each.needs === 'tx' && harness.begin === undefined) return 'needs harness.begin: no transactions of the host'
  return undefined
}

async function runCase(each: Case, harness: StoreHarness): Promise<void> {
  const open = new Set<Store>()
  const create = async () => {
    const store = await harness.create()
    open.add(store)
    await store.setup()
    return store
  }
  try {
    let store = await create()
    // what a harness leaves out must not hide a promise of the store
    if (store.capabilities.durable && harness.reopen === undefined) {
      throw new Error('a store with capabilities.durable needs harness.reopen')
    }
    if (store.capabilities.tx && harness.begin === undefined) {
      throw new Error('a store with capabilities.tx needs harness.begin')
    }
    await each.run({
      store,
      another: create,
      reopen: async () => {
        if (harness.reopen === undefined) throw new Error('harness.reopen is missing')
        open.delete(store)
        store = await harness.reopen(store)
        open.add(store)
        await store.setup()
        return store
      },
      begin: async () => {
        if (harness.begin === undefined) throw new Error('harness.begin is missing')
        return harness.begin(store)
      },
    })
  } finally {
    for (const store of open) await (harness.destroy?.(store) ?? store.close())
  }
}
