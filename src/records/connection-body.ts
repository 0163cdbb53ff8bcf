import type { ConnectionRecord, Health } from '../contracts/connection.ts'
import type { ConnectionPatch } from '../contracts/store.ts'

/** A connection without what changes on its own: those fields have columns. */
export type ConnectionBody = Omit<ConnectionRecord, 'health' | 'blockedUntil' | 'version'>

export function bodyOf(record: ConnectionRecord): ConnectionBody {
  const { health: _health, blockedUntil: _blockedUntil, version: _version, ...body } = record
  return body
}

export function toRecord(
  body: ConnectionBody,
  version: number,
  blockedUntil: number | undefined,
  health: Health,
): ConnectionRecord {
  return blockedUntil === undefined ? { ...body, version, health } : { ...body, version, health, blockedUntil }
}

type Fields = Omit<ConnectionPatch, 'blockedUntil' | 'failingSince'>

export function applyPatch(body: ConnectionBody, fields: Fields): ConnectionBody {
  const next: Record<string, unknown> = { ...body }
  for (const [field, value] of Object.entries(fields)) {
    if (value === null) delete next[field]
    else if (value !== undefined) next[field] = value
  }
  return next as unknown as ConnectionBody
}

/** Fields whose change makes another set of subscribed connections. */
const SUBSCRIPTION = [
  'status',
  'transport',
  'categories',
  'eventTypes',
  'minImportance',
  'digest',
  'quietHours',
] as const

/** Whether events match the connection differently from now on. */
export function changesSubscription(before: ConnectionBody, after: ConnectionBody): boolean {
  return SUBSCRIPTION.some((field) => JSON.stringify(before[field]) !== JSON.stringify(after[field]))
}
