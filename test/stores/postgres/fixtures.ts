import type pg from 'pg'
import { onTestFinished } from 'vitest'
import type { Store } from '../../../src/contracts/index.ts'
import { type PostgresStoreOptions, postgresStore } from '../../../src/stores/postgres.ts'
import { type FreshSchema, freshSchema } from '../../support/postgres.ts'

export * from './records.ts'

export interface World extends FreshSchema {
  /** Another store on the same schema, as another process has it. */
  open(options?: Partial<PostgresStoreOptions>): Promise<Store>
}

/** A schema of its own, removed after the test with the stores that were opened on it. */
export async function freshWorld(options: pg.PoolConfig = {}): Promise<World> {
  const fresh = await freshSchema(options)
  const stores: Store[] = []
  onTestFinished(async () => {
    for (const store of stores) await store.close()
    await fresh.remove()
  })
  return {
    ...fresh,
    async open(given = {}) {
      const store = postgresStore({ pool: fresh.pool, schema: fresh.schema, ...given })
      stores.push(store)
      await store.setup()
      return store
    },
  }
}

export const HOUR = 3_600_000
