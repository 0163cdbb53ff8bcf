import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { Store } from '../../../src/contracts/index.ts'
import { type SqliteStoreOptions, sqliteStore } from '../../../src/stores/sqlite.ts'

export * from './records.ts'

/** The name of a file in a folder of its own, removed after the test. */
export function temporaryFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-sqlite-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'store.db')
}

export async function openStore(path: string, options: Omit<SqliteStoreOptions, 'path'> = {}): Promise<Store> {
  const store = sqliteStore({ path, ...options })
  onTestFinished(() => store.close())
  await store.setup()
  return store
}
