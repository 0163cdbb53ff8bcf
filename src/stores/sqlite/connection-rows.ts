import { randomInt, randomUUID } from 'node:crypto'
import type { Health } from '../../contracts/connection.ts'
import { writeHealth } from '../../records/codec.ts'
import type { ConnectionBody } from '../../records/connection-body.ts'
import type { Session } from './driver.ts'

const STORE = `
UPDATE signalbox_connection
SET transport = ?, active = ?, unique_key = ?, version = ?, revision = ?, body = ? WHERE lid = ?`

/** Writes a connection's row; its health has a row of its own. */
export function storeBody(session: Session, lid: number, body: ConnectionBody, version: number): void {
  const { transport, status, uniqueKey } = body
  const active = status === 'active' ? 1 : 0
  session.run(STORE, transport, active, uniqueKey ?? null, version, newRevision(), JSON.stringify(body), lid)
}

export function storeHealth(session: Session, lid: number, blockedUntil: number | undefined, health: Health): void {
  const sql = 'UPDATE signalbox_health SET blocked_until = ?, body = ? WHERE lid = ?'
  session.run(sql, blockedUntil ?? null, writeHealth(health), lid)
}

/** Never used before, whatever was rolled back. */
export function newRevision(): number {
  return randomInt(2 ** 47)
}

/** The set of subscribed connections of an organisation is another one from now on. */
export function changeOrg(session: Session, oid: number): void {
  session.run('UPDATE signalbox_org SET version = ? WHERE oid = ?', randomUUID(), oid)
}
