import { randomUUID } from 'node:crypto'
import type { KeyEntry, KeyRepository } from '../../contracts/store.ts'
import { SignalboxError } from '../../errors.ts'
import { cursor, page, readCursor } from '../../records/paging.ts'
import type { Access } from './access.ts'
import { type Row, type Session, text } from './driver.ts'

const GET = `
SELECT key, value, version FROM signalbox_key WHERE key = ? AND (expires_at IS NULL OR expires_at > ?)`
const PUT = 'INSERT OR REPLACE INTO signalbox_key (key, value, version, expires_at) VALUES (?, ?, ?, ?)'
const LIST = `
SELECT key, value, version FROM signalbox_key
WHERE key >= ?1 AND key < ?1 || char(0x10FFFF) AND key > ?2 AND (expires_at IS NULL OR expires_at > ?3)
ORDER BY key LIMIT ?4`

export function createKeys(access: Access): KeyRepository {
  return {
    get: (key, { now }) =>
      access.read((session) => {
        const row = session.get(GET, key, now)
        return row && toEntry(row)
      }),

    put: (key, value, { now, expectedVersion, absent, expiresAt }) =>
      access.write((session) => {
        const found = versionOf(session, key, now)
        if (absent && found !== undefined) throw conflict('there is an entry already')
        if (expectedVersion !== undefined && found !== expectedVersion)
          throw conflict('the entry has changed meanwhile')
        const version = randomUUID()
        session.run(PUT, key, value, version, expiresAt ?? null)
        return version
      }),

    delete: (key, { now, expectedVersion }) =>
      access.write((session) => {
        const found = versionOf(session, key, now)
        if (found === undefined) return false
        if (expectedVersion !== undefined && found !== expectedVersion)
          throw conflict('the entry has changed meanwhile')
        return session.run('DELETE FROM signalbox_key WHERE key = ?', key) > 0
      }),

    list: (prefix, { now, limit, after }) =>
      access.read((session) => {
        const from = after === undefined ? '' : String(readCursor(after, 1)[0])
        const rows = session.all(LIST, prefix, from, now, limit + 1)
        return page(rows.map(toEntry), limit, (last) => cursor(last.key))
      }),
  }
}

function versionOf(session: Session, key: string, now: number): string | undefined {
  const row = session.get(GET, key, now)
  return row && text(row[2])
}

function toEntry([key, value, version]: Row): KeyEntry {
  return { key: text(key), value: text(value), version: text(version) }
}

function conflict(rule: string): SignalboxError {
  return new SignalboxError('conflict', rule)
}
