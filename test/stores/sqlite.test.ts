import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe } from 'vitest'
import type { Store } from '../../src/contracts/store.ts'
import { sqliteStore } from '../../src/stores/sqlite.ts'
import { storeContract } from '../../src/testing/index.ts'
import { testEach } from '../support/cases.ts'

const paths = new WeakMap<Store, string>()

function openStore(path: string): Store {
  const store = sqliteStore({ path })
  paths.set(store, path)
  return store
}

function pathOf(store: Store): string {
  const path = paths.get(store)
  if (path === undefined) throw new Error('not a store of this harness')
  return path
}

describe('sqliteStore', () => {
  const cases = storeContract({
    create: async () => openStore(join(await mkdtemp(join(tmpdir(), 'signalbox-sqlite-')), 'store.db')),
    reopen: async (store) => {
      await store.close()
      return openStore(pathOf(store))
    },
    destroy: async (store) => {
      await store.close()
      await rm(dirname(pathOf(store)), { recursive: true })
    },
    begin: async (store) => {
      const handle = new DatabaseSync(pathOf(store))
      handle.exec('BEGIN IMMEDIATE')
      const end = (sql: string) => async () => {
        handle.exec(sql)
        handle.close()
      }
      return { handle, commit: end('COMMIT'), rollback: end('ROLLBACK') }
    },
  })
  testEach(cases)
})
