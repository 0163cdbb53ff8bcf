import { randomUUID } from 'node:crypto'
import type { KeyEntry, KeyRepository } from '../../contracts/store.ts'
import { SignalboxError } from '../../errors.ts'
import { cursor, page, readCursor } from '../../records/paging.ts'
import type { Access } from './access.ts'
import { type Row, text } from './values.ts'

const LIVE = '(expires_at IS NULL OR expires_at > $2::text::bigint)'
const GET = `SELECT key, value, version FROM @.entry WHERE key = $1 AND ${LIVE}`
const INSERT = `
INSERT INTO @.entry AS e (key, value, version, expires_at) VALUES ($1, $3, $4, $5::text::bigint)
ON CONFLICT (key) DO UPDATE SET value = excluded.value, version = excluded.version, expires_at = excluded.expires_at
WHERE `
/** Only where there is none, or one that has expired. */
const ADD = `${INSERT} e.expires_at <= $2::text::bigint RETURNING 1 AS one`
const PUT = `${INSERT} $2::text IS NOT NULL RETURNING 1 AS one`
const REPLACE = `
UPDATE @.entry SET value = $3, version = $4, expires_at = $5::text::bigint
WHERE key = $1 AND version = $6 AND ${LIVE} RETURNING 1 AS one`
const DELETE = `DELETE FROM @.entry WHERE key = $1 AND ${LIVE} AND ($3::text IS NULL OR version = $3) RETURNING 1 AS one`
const LIST = `
SELECT key, value, version FROM @.entry
WHERE key >= $1 AND starts_with(key, $1) AND key > $3 AND ${LIVE} ORDER BY key LIMIT $4::text::int`

export function createKeys({ query }: Access): KeyRepository {
  return {
    async get(key, { now }) {
      const [row] = await query(GET, [key, String(now)])
      return row && toEntry(row)
    },

    async put(key, value, { now, expectedVersion, absent, expiresAt }) {
      const version = randomUUID()
      const values = [key, String(now), value, version, expiresAt === undefined ? null : String(Math.ceil(expiresAt))]
      if (expectedVersion !== undefined) {
        const rows = await query(REPLACE, [...values, expectedVersion])
        if (rows.length === 0) throw conflict('the entry has changed meanwhile')
      } else {
        const rows = await query(absent ? ADD : PUT, values)
        if (rows.length === 0) throw conflict('there is an entry already')
      }
      return version
    },

    async delete(key, { now, expectedVersion }) {
      if ((await query(DELETE, [key, String(now), expectedVersion ?? null])).length > 0) return true
      if (expectedVersion === undefined) return false
      if ((await query(GET, [key, String(now)])).length > 0) throw conflict('the entry has changed meanwhile')
      return false
    },

    async list(prefix, { now, limit, after }) {
      const from = after === undefined ? '' : String(readCursor(after, 1)[0])
      const rows = await query(LIST, [prefix, String(now), from, String(limit + 1)])
      return page(rows.map(toEntry), limit, (last) => cursor(last.key))
    },
  }
}

function toEntry({ key, value, version }: Row): KeyEntry {
  return { key: text(key), value: text(value), version: text(version) }
}

function conflict(rule: string): SignalboxError {
  return new SignalboxError('conflict', rule)
}
