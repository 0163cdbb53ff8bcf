import type { LatestDelivery } from '../../contracts/connection.ts'
import type { AttemptRecord, DeliveryRecord } from '../../contracts/delivery.ts'
import type { DeliveryRepository, EnqueueBatch, EnqueueResult } from '../../contracts/store.ts'
import { invalidInput } from '../../errors.ts'
import { KINDS, readHealth, STATUS_NUMBERS, writeAttempt, writeHealth } from '../../records/codec.ts'
import type { Access } from './access.ts'
import { type ClaimDeps, claim, nextDueAt } from './claim.ts'
import { noTx } from './connections.ts'
import { attemptsOf, getDelivery, listDeliveries } from './delivery-reads.ts'
import { createSession, type Session, type SqliteDatabase, text } from './driver.ts'
import { ATTEMPT } from './endings.ts'
import { writeBatch } from './enqueue.ts'
import { storeFailed } from './failure.ts'
import { createBodies, createLanes } from './lane.ts'
import { createNames } from './names.ts'
import { purge } from './purge.ts'
import { reschedule } from './reschedule.ts'
import { release, renew, settle } from './settle.ts'

export interface DeliveryDeps extends ClaimDeps {
  readonly access: Access
}

/** So many leases are remembered by row; past it, rows are looked up. */
const MAX_LEASED = 50_000

const RECORD = `
INSERT INTO signalbox_delivery (status, lid, oid, eid, pos, created_at, attempts, rounds, finished_at, http, kind, id,
  message_id, code, failure, receipt, content, first)
VALUES (?, ?, ?, NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`

export function createDeliveries(deps: DeliveryDeps): Required<DeliveryRepository> {
  const { access, names, lanes, events, leased } = deps
  const hosts = new WeakMap<object, Session>()

  function enqueueOn(db: unknown, batch: EnqueueBatch): EnqueueResult {
    const handle = hostHandle(db)
    const known = hosts.get(handle)
    const session = known ?? createSession(handle)
    if (!known) hosts.set(handle, session)
    try {
      session.run('SAVEPOINT signalbox_enqueue')
    } catch (error) {
      throw storeFailed(error)
    }
    try {
      // names and lanes of its own: what the host rolls back must not be remembered
      const { duplicates } = writeBatch(session, createNames(), createLanes(createBodies()), batch)
      session.run('RELEASE signalbox_enqueue')
      return { duplicates }
    } catch (error) {
      undo(session)
      throw storeFailed(error)
    }
  }

  function record(
    session: Session,
    delivery: DeliveryRecord,
    attempts: readonly AttemptRecord[],
    latest: LatestDelivery,
  ): void {
    const lid = names.lane(session, delivery.connectionId)
    const first = attempts.find((attempt) => attempt.number === 1)
    const { eventId, digest, receipt } = delivery
    const content = digest ?? (eventId === undefined ? undefined : { eventId })
    const did = session.insert(
      RECORD,
      STATUS_NUMBERS[delivery.status],
      lid,
      names.org(session, delivery.orgId),
      delivery.dueAt,
      delivery.createdAt,
      delivery.attempts,
      delivery.rounds,
      delivery.finishedAt ?? null,
      delivery.httpStatus ?? null,
      KINDS.indexOf(delivery.kind),
      delivery.id,
      delivery.messageId,
      delivery.code ?? null,
      delivery.failure ?? null,
      receipt ? JSON.stringify(receipt) : null,
      content ? JSON.stringify(content) : null,
      first ? writeAttempt(first) : null,
    )
    if (did === undefined) return
    for (const attempt of attempts) {
      if (attempt !== first) session.run(ATTEMPT, did, attempt.number, writeAttempt(attempt))
    }
    const row = session.get('SELECT body FROM signalbox_health WHERE lid = ?', lid)
    if (!row) return
    const health = readHealth(text(row[0]))
    if (health.latest !== undefined && health.latest.at > latest.at) return
    session.run('UPDATE signalbox_health SET body = ? WHERE lid = ?', writeHealth({ ...health, latest }), lid)
    lanes.forget(lid)
  }

  return {
    async enqueue(batch) {
      if (batch.tx !== undefined) throw noTx()
      const { duplicates, added } = await access.write((session) => writeBatch(session, names, lanes, batch))
      for (const { eid, event, size } of added) events.add(eid, event, size)
      return { duplicates }
    },
    enqueueOn,
    record: (delivery, attempts, latest) => access.write((session) => record(session, delivery, attempts, latest)),
    claim(request) {
      if (leased.size > MAX_LEASED) leased.clear()
      return access.write((session) => claim(session, deps, request), 'leases')
    },
    settle: (settlements) => access.write((session) => settle(session, deps, settlements)),
    renew: (leases, leasedUntil) => access.write((session) => renew(session, deps, leases, leasedUntil), 'leases'),
    release: (leases) => access.write((session) => release(session, deps, leases), 'leases'),
    get: (ref) => access.snapshot((session) => getDelivery(session, names, ref)),
    list: (query) => access.snapshot((session) => listDeliveries(session, names, query)),
    attempts: (ref) => access.snapshot((session) => attemptsOf(session, names, ref)),
    reschedule: (request) => access.write((session) => reschedule(session, names, lanes, request)),
    purge: (request) => purge(access, names, lanes, request),
    nextDueAt: (transports) => access.snapshot((session) => nextDueAt(session, names, transports)),
  }
}

function hostHandle(db: unknown): SqliteDatabase {
  const handle = db as Partial<SqliteDatabase> | null | undefined
  if (typeof handle?.prepare !== 'function' || typeof handle.exec !== 'function') {
    throw invalidInput('db', 'must be a synchronous SQLite handle (node:sqlite or better-sqlite3)')
  }
  if (handle.isTransaction === false || handle.inTransaction === false) {
    throw invalidInput('db', 'must have a transaction open: begin one with BEGIN IMMEDIATE')
  }
  return handle as SqliteDatabase
}

function undo(session: Session): void {
  try {
    session.run('ROLLBACK TO signalbox_enqueue')
    session.run('RELEASE signalbox_enqueue')
  } catch {
    // SQLite has rolled the whole transaction back by itself
  }
}
