import { randomInt, randomUUID } from 'node:crypto'
import type { ConnectionBody } from '../../records/connection-body.ts'
import type { Query } from './access.ts'

const STORE = `
UPDATE @.connection
SET transport = $2, active = $3::text::smallint, unique_key = $4, version = $5::text::int, revision = $6::text::bigint,
  body = $7
WHERE id = $1`

/** Writes the row of a connection whose lane is locked. Answers its new revision. */
export async function storeBody(query: Query, body: ConnectionBody, version: number): Promise<number> {
  const revision = newRevision()
  const { id, transport, status, uniqueKey } = body
  const active = status === 'active' ? '1' : '0'
  await query(STORE, [
    id,
    transport,
    active,
    uniqueKey ?? null,
    String(version),
    String(revision),
    JSON.stringify(body),
  ])
  return revision
}

/** Never used before, whatever was rolled back; 0 means that there is no connection. */
export function newRevision(): number {
  return randomInt(1, 2 ** 47)
}

const CHANGE = `
INSERT INTO @.organisation (id, version) SELECT x.i, x.v FROM json_to_recordset($1::text::json) AS x(i text, v text)
ON CONFLICT (id) DO UPDATE SET version = excluded.version`

/** Their sets of subscribed connections are others from now on. The last locks of a transaction, in order. */
export async function changeOrganisations(query: Query, ids: Iterable<string>): Promise<void> {
  const rows = [...new Set(ids)].sort().map((id) => ({ i: id, v: randomUUID() }))
  if (rows.length > 0) await query(CHANGE, [JSON.stringify(rows)])
}
