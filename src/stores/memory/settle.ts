import type { Health, Lease, Settlement, SettleResult } from '../../contracts/index.ts'
import { applyHealth } from '../../delivery/health.ts'
import { returnTokens } from '../../delivery/plan-lane.ts'
import { endLease } from './claim.ts'
import { place } from './ordered-queue.ts'
import { progressOf } from './records.ts'
import { arm, disarm, offer } from './rotation.ts'
import { type Batch, type Delivery, type Lane, newVersion, type State } from './state.ts'

export function settle(state: State, settlements: readonly Settlement[]): SettleResult {
  const stale: string[] = []
  const touched = new Map<Lane, { readonly before: Health; suspended: boolean }>()
  for (const settlement of settlements) {
    const row = state.deliveries.get(settlement.deliveryId)
    const lease = row?.lease
    if (
      row === undefined ||
      lease === undefined ||
      !holds(row, lease, settlement) ||
      row.lane.org.id !== settlement.orgId
    ) {
      stale.push(settlement.deliveryId)
      continue
    }
    const { lane } = row
    endLease(row, lease)
    write(state, row, settlement)
    if (lane.record === undefined) continue
    let change = touched.get(lane)
    if (change === undefined) {
      change = { before: lane.health, suspended: false }
      touched.set(lane, change)
    }
    if (writeConnection(state, lane, settlement)) change.suspended = true
  }

  const connections: SettleResult['connections'][number][] = []
  for (const [lane, { before, suspended }] of touched) {
    arm(lane)
    if (lane.record === undefined) continue
    const { id, orgId, version, status } = lane.record
    connections.push({ orgId, id, version, status, before, after: lane.health, suspended })
  }
  return { stale, connections }
}

function write(state: State, row: Delivery, settlement: Settlement): void {
  const { next } = settlement
  const progress = progressOf(row)
  row.status = next.status
  progress.attempts += settlement.exchanges
  progress.lost = 0
  progress.code = settlement.code
  progress.httpStatus = settlement.httpStatus
  if (settlement.attempts.length > 0) {
    // a copy has room for just what it holds; what was pushed into has more, for as long as it is kept
    progress.log = [...progress.log, ...settlement.attempts]
  }
  switch (next.status) {
    case 'pending':
      if (settlement.exchanges > 0) progress.rounds++
      row.dueAt = next.dueAt
      offer(state, row)
      return
    case 'delivered':
      progress.finishedAt = settlement.at
      progress.receipt = next.receipt
      return
    case 'failed':
      progress.finishedAt = settlement.at
      progress.failure = next.failure
      return
    case 'cancelled':
      progress.finishedAt = settlement.at
  }
}

/** @returns whether it suspended the connection. */
function writeConnection(state: State, lane: Lane, { health, blockedUntil, suspend }: Settlement): boolean {
  if (health !== undefined) {
    lane.health = applyHealth(lane.health, health)
    lane.whole = undefined
  }
  if (blockedUntil !== undefined && blockedUntil > lane.blockedUntil) {
    lane.blockedUntil = blockedUntil
    lane.whole = undefined
    disarm(lane)
  }
  if (suspend === undefined || lane.record?.status !== 'active') return false
  lane.record = { ...lane.record, status: 'suspended', reason: suspend }
  lane.whole = undefined
  lane.org.version = newVersion(state)
  disarm(lane)
  return true
}

/** @returns the ids whose lease was lost. */
export function renew(state: State, leases: readonly Lease[], leasedUntil: number): readonly string[] {
  const lost: string[] = []
  for (const lease of leases) {
    const row = state.deliveries.get(lease.deliveryId)
    if (row?.lease === undefined || !holds(row, row.lease, lease)) {
      lost.push(lease.deliveryId)
      continue
    }
    row.leasedUntil = leasedUntil
    // a shorter lease must be noticed when it ends; a longer one is when its batch is looked at
    if (row.lease.place > leasedUntil) place(row.lease.group.leases, row.lease, leasedUntil)
  }
  return lost
}

export function release(state: State, leases: readonly Lease[]): void {
  for (const lease of leases) {
    const row = state.deliveries.get(lease.deliveryId)
    if (row?.lease === undefined || !holds(row, row.lease, lease)) continue
    const { lane } = row
    endLease(row, row.lease)
    lane.tokens = returnTokens(lane.record?.pace, lane.tokens, 1)
    // its wait for a token may be over
    disarm(lane)
    row.status = 'pending'
    offer(state, row)
  }
}

function holds(row: Delivery, held: Batch, lease: Lease): boolean {
  return held.token === lease.token && row.lane.id === lease.connectionId
}
