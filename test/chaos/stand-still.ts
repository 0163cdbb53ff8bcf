import { DatabaseSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import type { Child } from './process.ts'
import type { StoreSite } from './site.ts'

/**
 * Pauses a process (SIGSTOP) at a moment at which it is not writing: in the middle of that it would hold locks of the
 * store, and nobody could take over before it goes on (or the server ends its session).
 */
export async function standStill(child: Child, store: StoreSite): Promise<void> {
  for (;;) {
    child.kill('SIGSTOP')
    // the signal is not acted on at once
    await pause(20)
    if (!(await isWriting(child, store))) return
    child.kill('SIGCONT')
    await pause(5)
  }
}

async function isWriting(child: Child, store: StoreSite): Promise<boolean> {
  return store.kind === 'sqlite' ? isLocked(store.path) : hasSessionAtWork(store.url, `${store.schema}_${child.name}`)
}

function isLocked(path: string): boolean {
  const db = new DatabaseSync(path, { timeout: 0 })
  try {
    db.exec('BEGIN IMMEDIATE; ROLLBACK')
    return false
  } catch {
    return true
  } finally {
    db.close()
  }
}

async function hasSessionAtWork(connectionString: string, name: string): Promise<boolean> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  try {
    const sql = "SELECT FROM pg_stat_activity WHERE application_name = $1 AND state <> 'idle'"
    return (await client.query(sql, [name])).rowCount !== 0
  } finally {
    await client.end()
  }
}
