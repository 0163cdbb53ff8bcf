import type { ClaimRequest, ClaimResult, ConnectionRecord, LeasedDelivery, StoredEvent } from '../../contracts/index.ts'
import type { Database } from './database.ts'
import { each } from './each.ts'
import type { Rotation } from './rotation.ts'
import { byConnection, type DeliveryRow, deliveryKey, eventKey } from './rows.ts'
import type { Visited, Visits } from './visit.ts'

const AT_ONCE = 16

export function createClaim(db: Database, { inTurn }: Rotation, { visitThese }: Visits) {
  return async (request: ClaimRequest): Promise<ClaimResult> => {
    const visited = new Map<string, Visited[]>()
    const note = (id: string, one: Visited) => {
      if (one.rows.length > 0) visited.set(id, [...(visited.get(id) ?? []), one])
    }
    if (request.ids === undefined) return gather(request, visited, await inTurn(request, note))
    await theseOnly(request, request.ids, note)
    return gather(request, visited, null)
  }

  async function theseOnly(
    request: ClaimRequest,
    ids: readonly string[],
    note: (id: string, one: Visited) => void,
  ): Promise<void> {
    const rows = await each([...new Set(ids)], AT_ONCE, (id) => db.read<DeliveryRow>(deliveryKey(id)))
    const waiting = rows.flatMap((row) => (row?.record.status === 'pending' ? row.record : []))
    let left = request.limit
    for (const [connectionId, records] of byConnection(waiting)) {
      if (left === 0) return
      const some = records.map(({ id }) => id)
      const one = await visitThese(connectionId, request, left, some)
      note(connectionId, one)
      left -= one.rows.length
    }
  }

  /** The answer, with each event and connection once. */
  async function gather(
    { now, leaseMs, token }: ClaimRequest,
    visited: ReadonlyMap<string, readonly Visited[]>,
    nextAt: number | null,
  ): Promise<ClaimResult> {
    const deliveries: LeasedDelivery[] = []
    const connections: ConnectionRecord[] = []
    const eventKeys = new Set<string>()
    for (const visits of visited.values()) {
      connections.push(...visits.slice(-1).flatMap(({ record }) => record ?? []))
      for (const { record } of visits.flatMap((one) => one.rows)) {
        const { orgId, eventId, digest } = record
        deliveries.push({ ...record, status: 'sending', token, leasedUntil: now + leaseMs })
        if (eventId !== undefined) eventKeys.add(eventKey(orgId, eventId))
        for (const id of digest?.eventIds ?? []) eventKeys.add(eventKey(orgId, id))
      }
    }
    const events = await each([...eventKeys], AT_ONCE, (key) => db.read<StoredEvent>(key))
    return { deliveries, events: events.flatMap((event) => event ?? []), connections, nextAt }
  }
}
