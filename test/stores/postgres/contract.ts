import type { Store } from '../../../src/contracts/index.ts'
import { migrate, type PostgresPool, postgresStore } from '../../../src/stores/postgres.ts'
import type { StoreHarness } from '../../../src/testing/index.ts'
import { schemaName } from '../../support/postgres.ts'

/** Stores on schemas that are emptied and used again, since to make one takes longer than most cases. */
export function reusedSchemas(pool: () => PostgresPool): Pick<StoreHarness, 'create' | 'reopen'> & {
  destroy(store: Store): Promise<void>
  readonly made: readonly string[]
} {
  const schemas = new WeakMap<Store, string>()
  const made: string[] = []
  const free: string[] = []

  const openStore = (schema: string): Store => {
    const store = postgresStore({ pool: pool(), schema })
    schemas.set(store, schema)
    return store
  }
  const schemaOf = (store: Store): string => {
    const schema = schemas.get(store)
    if (schema === undefined) throw new Error('not a store of this harness')
    return schema
  }

  return {
    made,
    async create() {
      const known = free.pop()
      if (known !== undefined) return openStore(known)
      const schema = schemaName()
      made.push(schema)
      await migrate({ pool: pool(), schema })
      return openStore(schema)
    },
    async reopen(store) {
      await store.close()
      return openStore(schemaOf(store))
    },
    async destroy(store) {
      const schema = schemaOf(store)
      await store.close()
      const { rows } = await pool().query('SELECT tablename FROM pg_tables WHERE schemaname = $1', [schema])
      for (const row of rows) {
        const name = String((row as { tablename: unknown }).tablename)
        if (name !== 'schema_version') await pool().query(`DELETE FROM "${schema}"."${name}"`)
      }
      free.push(schema)
    },
  }
}
