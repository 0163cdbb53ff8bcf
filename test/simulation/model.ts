import type {
  ClaimRequest,
  ClaimResult,
  CollectEntry,
  ConnectionRecord,
  DeliveryRecord,
  EnqueueBatch,
  Outcome,
  StoredEvent,
} from '../../src/contracts/index.ts'
import { closingOf, digestKey, type Generation, generationOf } from './generations.ts'
import type { Commit, Entry } from './journal.ts'

/** One message for one connection, as it follows from the changes that the store made. */
export interface Row {
  readonly id: string
  readonly orgId: string
  readonly connectionId: string
  readonly kind: DeliveryRecord['kind']
  readonly messageId: string
  readonly eventId?: string
  readonly generation?: Generation
  /** Of equal ones nobody knows which is first. */
  readonly order: number
  status: DeliveryRecord['status']
  dueAt: number
  attempts: number
  lost: number
  failure: string | undefined
  readonly leases: Lease[]
  /** The one that holds it now. */
  lease: Lease | undefined
  removed: boolean
}

export interface Lease {
  readonly token: string
  readonly process: string
  readonly connection: ConnectionRecord
  /** The row's attempts when it was claimed. */
  readonly attempts: number
  until: number
  /** Those that a shutdown broke off left no attempt. */
  requests: number
  outcome: Outcome | 'threw' | 'aborted' | undefined
}

export interface Accepted {
  readonly event: StoredEvent
  readonly n: number
  /** A purge has run that may have taken it. */
  purgeable: boolean
}

/** A plain retelling of what a store holds: no queues, no heaps, no indexes. */
export interface Model {
  readonly rows: ReadonlyMap<string, Row>
  readonly open: ReadonlyMap<string, readonly CollectEntry[]>
  readonly generations: readonly Generation[]
  readonly problems: string[]
  /** All that were accepted, an id that was purged and accepted anew more than once. */
  readonly accepted: readonly Accepted[]
  acceptedAs(orgId: string, eventId: string): Accepted | undefined
  connection(id: string): ConnectionRecord | undefined
  /** What a connection was after each of its changes, oldest first. */
  historyOf(
    id: string,
  ): readonly { readonly n: number; readonly at: number; readonly record: ConnectionRecord | undefined }[]
  /** Takes a change in, and finds what the store should not have done. */
  apply(entry: Entry, commit: Commit): void
}

const MAX_LOST = 5

export const eventKey = (orgId: string, eventId: string): string => `${orgId} ${eventId}`

export function createModel(checkClaim: (model: Model, row: Row, request: ClaimRequest) => readonly string[]): Model {
  const rows = new Map<string, Row>()
  const open = new Map<string, CollectEntry[]>()
  const generations: Generation[] = []
  const problems: string[] = []
  const accepted: Accepted[] = []
  const known = new Map<string, Accepted>()
  const connections = new Map<string, ConnectionRecord>()
  const histories = new Map<string, { n: number; at: number; record: ConnectionRecord | undefined }[]>()
  let entry: Entry

  const problem = (text: string): void => void problems.push(`${text} (at ${entry.n})`)

  const model: Model = {
    rows,
    open,
    generations,
    problems,
    accepted,
    acceptedAs: (orgId, eventId) => known.get(eventKey(orgId, eventId)),
    connection: (id) => connections.get(id),
    historyOf: (id) => histories.get(id) ?? [],
    apply(next, commit) {
      entry = next
      const sealed = next.what.kind === 'commit' ? (next.what.seen.sealed ?? []) : []
      const seen = next.what.kind === 'commit' ? next.what.seen.connections : undefined
      change(commit, sealed)
      if (seen !== undefined) remember(seen)
      if (commit.method === 'settle') checkConnections(commit)
    },
  }

  function remember(seen: readonly ConnectionRecord[]): void {
    const now = new Map(seen.map((record) => [record.id, record]))
    for (const id of new Set([...connections.keys(), ...now.keys()])) {
      const record = now.get(id)
      if (connections.get(id) === record) continue
      if (record === undefined) connections.delete(id)
      else connections.set(id, record)
      const history = histories.get(id) ?? []
      histories.set(id, history)
      history.push({ n: entry.n, at: entry.at, record })
    }
  }

  function change(commit: Commit, sealed: readonly DeliveryRecord[]): void {
    switch (commit.method) {
      case 'enqueue':
        enqueue(commit.batch, new Set(commit.result.duplicates.map((ref) => eventKey(ref.orgId, ref.id))))
        return
      case 'claim':
        claim(commit.request, commit.result, sealed)
        return
      case 'settle':
        settle(commit)
        return
      case 'renew': {
        const lost = new Set(commit.lost)
        for (const { deliveryId, token } of commit.leases) {
          const lease = rows.get(deliveryId)?.lease
          if ((lease?.token === token) === lost.has(deliveryId)) problem(`renewed wrongly: ${deliveryId}`)
          if (lease?.token === token) lease.until = commit.until
        }
        return
      }
      case 'release':
        for (const { deliveryId, token } of commit.leases) {
          const row = rows.get(deliveryId)
          if (row?.lease?.token !== token) continue
          if (row.lease.requests > 0 && row.lease.outcome !== 'aborted') problem(`given back after a send: ${row.id}`)
          row.lease = undefined
          row.status = 'pending'
        }
        return
      case 'reschedule':
        for (const id of commit.changed) {
          const row = rows.get(id)
          if (row === undefined || row.removed) problem(`moved, and is not there: ${id}`)
          else reschedule(row, commit.request.to)
        }
        return
      case 'seal': {
        const members = open.get(digestKey(commit.connectionId, commit.key))
        match(members === undefined ? [] : [generationOf(members)], sealed, () => commit.now)
        return
      }
      case 'delete': {
        if (!commit.existed) return
        for (const row of rows.values()) {
          if (row.connectionId === commit.connectionId && row.status === 'pending') row.status = 'cancelled'
        }
        for (const [name, [first]] of open) if (first?.connectionId === commit.connectionId) open.delete(name)
        return
      }
      case 'purge':
        purge(commit)
        return
      default:
        return
    }
  }

  function enqueue(batch: EnqueueBatch, duplicates: ReadonlySet<string>): void {
    for (const event of batch.events) {
      const name = eventKey(event.orgId, event.id)
      const before = known.get(name)
      if (duplicates.has(name)) {
        if (before === undefined) problem(`called a duplicate, and never was accepted: ${name}`)
        continue
      }
      if (before !== undefined && !before.purgeable) problem(`accepted twice: ${name}`)
      const one = { event, n: entry.n, purgeable: false }
      known.set(name, one)
      accepted.push(one)
    }
    batch.deliveries.forEach((delivery, index) => {
      if (delivery.eventId !== undefined && duplicates.has(eventKey(delivery.orgId, delivery.eventId))) return
      // what a purge took, nobody knows any more
      if (rows.get(delivery.id)?.removed !== false) add({ ...delivery, order: entry.n * 1000 + index + 1 })
    })
    for (const member of batch.collect) {
      if (duplicates.has(eventKey(member.orgId, member.eventId))) continue
      const name = digestKey(member.connectionId, member.key)
      const members = open.get(name) ?? []
      open.set(name, members)
      if (!members.some((one) => one.eventId === member.eventId)) members.push(member)
    }
  }

  function add(
    row: Pick<Row, 'id' | 'orgId' | 'connectionId' | 'kind' | 'messageId' | 'order' | 'dueAt'> & Partial<Row>,
  ) {
    rows.set(row.id, {
      ...row,
      status: 'pending',
      attempts: 0,
      lost: 0,
      failure: undefined,
      leases: [],
      lease: undefined,
      removed: false,
    })
  }

  function claim(request: ClaimRequest, result: ClaimResult, sealed: readonly DeliveryRecord[]): void {
    for (const row of rows.values()) if (row.lease !== undefined && row.lease.until <= request.now) lose(row)
    const due = [...open.values()].filter((members) => closingOf(members) <= request.now)
    match(due.map(generationOf), sealed, (generation) => generation.closedAt)
    for (const row of rows.values()) {
      if (row.status === 'pending' && !row.removed && !connections.has(row.connectionId)) row.status = 'cancelled'
    }
    if (result.deliveries.length > request.limit) problem(`claimed ${result.deliveries.length} of ${request.limit}`)
    for (const claimed of result.deliveries) {
      const row = rows.get(claimed.id)
      if (row === undefined || row.removed) {
        problem(`claimed, and is not there: ${claimed.id}`)
        continue
      }
      if (row.status !== 'pending') problem(`claimed while ${row.status}: ${row.id}`)
      if (claimed.dueAt !== row.dueAt) problem(`claimed as due at ${claimed.dueAt}, not ${row.dueAt}: ${row.id}`)
      for (const text of checkClaim(model, row, request)) problem(`${text}: ${row.id}`)
      const connection = result.connections.find((record) => record.id === row.connectionId)
      if (connection === undefined) {
        problem(`claimed without its connection: ${row.id}`)
        continue
      }
      row.status = 'sending'
      row.lease = {
        token: claimed.token,
        process: entry.process,
        connection: connections.get(row.connectionId) ?? connection,
        attempts: row.attempts,
        until: claimed.leasedUntil,
        requests: 0,
        outcome: undefined,
      }
      row.leases.push(row.lease)
    }
  }

  function lose(row: Row): void {
    row.lease = undefined
    row.lost++
    row.status = row.lost < MAX_LOST ? 'pending' : 'failed'
    if (row.lost < MAX_LOST) return
    row.failure = 'abandoned'
    row.attempts++
  }

  /** What should have been sealed, and what was. */
  function match(
    due: readonly Generation[],
    sealed: readonly DeliveryRecord[],
    dueAt: (one: Generation) => number,
  ): void {
    const left = new Set(sealed)
    for (const generation of due) {
      const { connectionId, key, kept, members } = generation
      open.delete(digestKey(connectionId, key))
      generations.push(generation)
      const name = `digest '${key}' of ${connectionId}`
      const found = [...left].find((one) => one.connectionId === connectionId && one.digest?.key === key)
      if (found?.digest === undefined) {
        problem(`not sealed although its time had come: ${name}`)
        continue
      }
      left.delete(found)
      const { eventIds, total, closedAt } = found.digest
      if (total !== members.length) problem(`sealed with ${total} of ${members.length} events: ${name}`)
      if (eventIds.join() !== kept.join()) problem(`sealed with ${eventIds.join()}, not ${kept.join()}: ${name}`)
      if (closedAt !== generation.closedAt) problem(`closed at ${closedAt}, not ${generation.closedAt}: ${name}`)
      if (found.dueAt !== dueAt(generation)) problem(`due at ${found.dueAt}, not ${dueAt(generation)}: ${name}`)
      add({ ...found, order: entry.n * 1000, generation })
    }
    for (const { connectionId, digest } of left)
      problem(`sealed before its time: digest '${digest?.key}' of ${connectionId}`)
  }

  function settle({ settlements, result }: Extract<Commit, { method: 'settle' }>): void {
    const stale = new Set(result.stale)
    for (const one of settlements) {
      const row = rows.get(one.deliveryId)
      const holds = row?.lease?.token === one.token
      if (holds === stale.has(one.deliveryId)) {
        problem(
          holds ? `refused, though its lease held: ${one.deliveryId}` : `settled without a lease: ${one.deliveryId}`,
        )
      }
      if (row === undefined || stale.has(one.deliveryId)) continue
      row.lease = undefined
      row.lost = 0
      row.status = one.next.status
      row.attempts += one.exchanges
      row.failure = one.next.status === 'failed' ? one.next.failure : undefined
      if (one.next.status === 'pending') row.dueAt = one.next.dueAt
    }
  }

  /** Cooldowns and suspensions are there once they are settled. */
  function checkConnections({ settlements, result }: Extract<Commit, { method: 'settle' }>): void {
    for (const { deliveryId, connectionId, blockedUntil = 0, suspend } of settlements) {
      const record = connections.get(connectionId)
      if (record === undefined || result.stale.includes(deliveryId)) continue
      if ((record.blockedUntil ?? 0) < blockedUntil) problem(`its cooldown was not kept: ${connectionId}`)
      if (suspend !== undefined && record.status === 'active') problem(`not suspended: ${connectionId}`)
    }
  }

  function reschedule(row: Row, to: Extract<Commit, { method: 'reschedule' }>['request']['to']): void {
    if (row.status === 'sending' || row.status === 'delivered') problem(`moved while ${row.status}: ${row.id}`)
    row.status = to.status
    if (to.status === 'cancelled') return
    row.dueAt = to.dueAt
    row.lost = 0
    row.failure = undefined
  }

  function purge({ request, left }: Extract<Commit, { method: 'purge' }>): void {
    const ids = new Set(left)
    const all = request.everything === true
    for (const row of rows.values()) {
      if (row.removed || ids.has(row.id)) continue
      row.removed = true
      const isOver = row.status !== 'pending' && row.status !== 'sending'
      if (!isOver && !(all && row.orgId === request.orgId)) problem(`purged while ${row.status}: ${row.id}`)
      row.lease = undefined
    }
    for (const one of accepted) {
      const { orgId, acceptedAt } = one.event
      if (request.orgId !== undefined && request.orgId !== orgId) continue
      if (all || acceptedAt < request.eventsBefore) one.purgeable = true
    }
    if (all) for (const [name, [first]] of open) if (first?.orgId === request.orgId) open.delete(name)
  }

  return model
}
