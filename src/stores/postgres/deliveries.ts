import type { LatestDelivery } from '../../contracts/connection.ts'
import type { AttemptRecord, DeliveryRecord } from '../../contracts/delivery.ts'
import type { DeliveryRepository } from '../../contracts/store.ts'
import { KINDS, STATUS_NUMBERS, writeAttempt } from '../../records/codec.ts'
import type { Access, Query } from './access.ts'
import { claimInTurn } from './claim.ts'
import { claimThese } from './claim-these.ts'
import { attemptsOf, getDelivery, listDeliveries } from './delivery-reads.ts'
import { STORE_ATTEMPTS } from './endings.ts'
import { writeBatch } from './enqueue.ts'
import { storeFailed } from './failure.ts'
import { lockLanes, storeLanes } from './lane.ts'
import type { ClaimDeps } from './lease.ts'
import { purge } from './purge.ts'
import { reschedule } from './reschedule.ts'
import { release, renew, type Settled, settle } from './settle.ts'
import { int, list, maybeInt } from './values.ts'

export interface DeliveryDeps extends ClaimDeps {
  readonly access: Access
  readonly lockTimeoutMs: number
  /** Work that is due at once became durable: other processes may be told. */
  readonly onEnqueued: () => void
}

/** How long a batch of several callers waits for a transaction that inserts the same event: see `EnqueueBatch.shared`. */
const SHARED_WAIT_MS = 20

const RECORD = `
INSERT INTO @.delivery (status, lane, org_id, pos, created_at, attempts, rounds, finished_at, http, kind, id, message_id,
  code, failure, receipt, content, first)
SELECT x.s, x.l, x.o, x.p, x.c, x.a, x.r, x.f, x.h, x.k, x.i, x.m, x.co, x.fa, x.re, x.x, x.b
FROM json_to_recordset($1::text::json) AS x(s smallint, l text, o text, p bigint, c bigint, a integer, r integer, f bigint,
  h integer, k smallint, i text, m text, co text, fa text, re text, x text, b text)
ON CONFLICT (id) DO NOTHING RETURNING did`

/** Lanes whose wakes no claim has taken yet are due when these say; one that has no row is anybody's. */
const NEXT_DUE = `
SELECT least(
  (SELECT min(ready_at) FROM @.lane WHERE ready_at IS NOT NULL AND transport = ANY($1::text::text[])),
  (SELECT min(w.at) FROM @.wake w LEFT JOIN @.lane l ON l.id = w.lane
   WHERE l.id IS NULL OR l.transport = ANY($1::text::text[]))
) AS at`

export function createDeliveries(deps: DeliveryDeps): DeliveryRepository {
  const { access, floor, leased } = deps

  async function record(
    query: Query,
    delivery: DeliveryRecord,
    attempts: readonly AttemptRecord[],
    latest: LatestDelivery,
  ): Promise<void> {
    const lane = (await lockLanes(query, [delivery.connectionId])).get(delivery.connectionId)
    const [row] = await query(RECORD, [JSON.stringify([recordRow(delivery, attempts)])])
    if (!row) return
    const later = attempts.filter((attempt) => attempt.number !== 1)
    if (later.length > 0) {
      const rows = later.map((attempt) => ({ d: int(row.did), n: attempt.number, b: writeAttempt(attempt) }))
      await query(STORE_ATTEMPTS, [JSON.stringify(rows)])
    }
    if (!lane || lane.revision === 0 || lane.orgId !== delivery.orgId) return
    if (lane.health.latest !== undefined && lane.health.latest.at > latest.at) return
    lane.health = { ...lane.health, latest }
    await storeLanes(query, [lane])
  }

  function ended<T>({ result, earliest, ended }: Settled<T>): T {
    for (const id of ended) leased.delete(id)
    floor.lower(earliest)
    return result
  }

  return {
    async enqueue(batch) {
      const { tx } = batch
      const patienceMs = batch.shared ? SHARED_WAIT_MS : deps.lockTimeoutMs
      const written = tx === undefined ? writeBatch(access.query, batch, patienceMs) : writeBatch(access.via(tx), batch)
      const { duplicates, added, outdated } = await written.catch((error: unknown) => {
        throw storeFailed(error)
      })
      if (outdated) return { duplicates, outdated }
      if (tx !== undefined) return { duplicates }
      for (const { eid, event, size } of added) deps.events.add(eid, event, size)
      if (batch.deliveries.some(({ dueAt, createdAt }) => dueAt <= createdAt)) deps.onEnqueued()
      return { duplicates }
    },

    record: (delivery, attempts, latest) => access.transaction((query) => record(query, delivery, attempts, latest)),

    async claim(request) {
      const { ids } = request
      const look = floor.look(request.now, request.transports)
      try {
        const { result, committed } = await access.transaction(
          (query, last) =>
            ids ? claimThese(query, deps, request, ids) : claimInTurn(query, last, deps, request, look),
          'leases',
        )
        committed()
        return result
      } catch (error) {
        deps.wakes.forget()
        throw error
      } finally {
        look.end()
      }
    },

    async settle(settlements) {
      if (settlements.length === 0) return { stale: [], connections: [] }
      return ended(await access.transaction((query, last) => settle(query, last, deps, settlements)))
    },
    async renew(leases, leasedUntil) {
      if (leases.length === 0) return []
      return ended(await access.transaction((query) => renew(query, deps, leases, leasedUntil), 'leases'))
    },
    async release(leases) {
      if (leases.length === 0) return
      ended(await access.transaction((query) => release(query, deps, leases), 'leases'))
    },

    get: (ref) => getDelivery(access.query, ref),
    list: (request) => listDeliveries(access.query, request),
    attempts: (ref) => attemptsOf(access.query, ref),

    async reschedule(request) {
      const { changed, earliest } = await access.transaction((query) => reschedule(query, request))
      floor.lower(earliest)
      return changed
    },
    purge: (request) => purge(access, request),
    async nextDueAt(transports) {
      const [row] = await access.query(NEXT_DUE, [list(['', ...transports])])
      return maybeInt(row?.at) ?? null
    },
  }
}

function recordRow(delivery: DeliveryRecord, attempts: readonly AttemptRecord[]): object {
  const { eventId, digest, receipt } = delivery
  const content = digest ?? (eventId === undefined ? undefined : { eventId })
  const first = attempts.find((attempt) => attempt.number === 1)
  return {
    s: STATUS_NUMBERS[delivery.status],
    l: delivery.connectionId,
    o: delivery.orgId,
    p: delivery.dueAt,
    c: delivery.createdAt,
    a: delivery.attempts,
    r: delivery.rounds,
    f: delivery.finishedAt ?? null,
    h: delivery.httpStatus ?? null,
    k: KINDS.indexOf(delivery.kind),
    i: delivery.id,
    m: delivery.messageId,
    co: delivery.code ?? null,
    fa: delivery.failure ?? null,
    re: receipt ? JSON.stringify(receipt) : null,
    x: content ? JSON.stringify(content) : null,
    b: first ? writeAttempt(first) : null,
  }
}
