import type { ConnectionRecord, Outcome, Settlement } from '../../src/contracts/index.ts'
import type { Entry, RequestSeen } from './journal.ts'
import type { Lease, Model, Row } from './model.ts'
import type { Oracle } from './oracle.ts'
import { HOUR, type Profile } from './settings.ts'

/** Judges what destinations see, and what is said of it afterwards. */
export interface RequestCheck {
  onRequest(entry: Entry, request: RequestSeen): readonly string[]
  onResponse(request: number, outcome: Outcome | 'threw' | 'aborted'): void
  /** Before the model takes it in. */
  onSettlement(process: string, settlement: Settlement): readonly string[]
  onClosed(process: string): void
}

const DEFAULT_MAX_RETRY_AFTER_MS = HOUR

export function createRequestCheck(model: Model, oracle: Oracle, profile: Profile): RequestCheck {
  const leases = new Map<number, Lease>()
  const bodies = new Map<string, { readonly body: string; readonly settings: string }>()
  const firsts = new Map<string, Row>()
  const closed = new Set<string>()

  function contentProblems(row: Row, lease: Lease, request: RequestSeen): readonly string[] {
    const event = model.acceptedAs(row.orgId, row.eventId ?? '')?.event
    if (row.kind === 'event') {
      if (event === undefined) return ['sent, and was never dispatched']
      return request.eventIds.join() === event.id && request.messageId === event.messageId
        ? []
        : ['sent as another event']
    }
    const { generation } = row
    if (generation === undefined) return ['a digest that was never sealed']
    const wanted = generation.kept.filter((id) => {
      const member = model.acceptedAs(row.orgId, id)?.event
      return member !== undefined && oracle.wants(lease.connection, member)
    })
    const total = Math.max(wanted.length, generation.members.length - (generation.kept.length - wanted.length))
    if (request.eventIds.length === 0) return ['an empty digest']
    if (request.eventIds.join() !== wanted.join())
      return [`a digest of ${request.eventIds.join()}, not ${wanted.join()}`]
    const asEvent = total === 1 && lease.connection.digest?.single !== 'digest'
    if (asEvent !== (request.message === 'event')) return [`a digest of ${total} sent as ${request.message}`]
    if (request.total !== undefined && request.total !== total)
      return [`a digest that counts ${request.total} of ${total}`]
    return []
  }

  /** The same message is the same text each time; a digest's follows the settings as they are when it goes out. */
  function bodyProblems(row: Row, { connection }: Lease, request: RequestSeen): readonly string[] {
    const { categories, eventTypes, minImportance, digest } = connection
    const settings = JSON.stringify([categories, eventTypes, minImportance, digest?.single])
    const name = `${row.connectionId} ${request.messageId}`
    const before = bodies.get(name)
    bodies.set(name, { body: request.body, settings })
    if (before === undefined || before.body === request.body) return []
    return row.kind === 'digest' && before.settings !== settings ? [] : ['came with several bodies']
  }

  /** Where a connection has had its order all along, nothing that came later is sent before what came first. */
  function orderProblems(row: Row): readonly string[] {
    const history = model.historyOf(row.connectionId)
    if (history.some(({ record }) => record !== undefined && record.ordering !== 'fifo')) return []
    if (firsts.has(row.id)) return []
    const overtaken = [...firsts.values()].find(
      (one) => one.connectionId === row.connectionId && one.order > row.order && row.kind === 'event',
    )
    firsts.set(row.id, row)
    return overtaken === undefined ? [] : [`first sent after ${overtaken.id}, which came later`]
  }

  return {
    onRequest(entry, request) {
      if (closed.has(entry.process)) return [`sent by a process that was closed: ${request.deliveryId}`]
      if (request.message === 'test') return []
      const row = model.rows.get(request.deliveryId)
      if (row === undefined) return [`sent, and nobody asked for it: ${request.deliveryId}`]
      const own = row.leases.filter((one) => one.process === entry.process)
      const lease = own.at(-1)
      if (lease === undefined) return [`sent without a claim: ${row.id}`]
      const found: string[] = []
      // of a process that claimed it again after it had lost it, nobody can tell which of the claims sends
      const isPlain = own.length === 1
      if (
        isPlain &&
        lease.requests > 0 &&
        (typeof lease.outcome !== 'object' || lease.outcome.kind !== 'retry' || lease.outcome.code !== 'rate_limited')
      ) {
        found.push('sent again within its claim')
      }
      lease.requests++
      leases.set(request.request, lease)
      if (isPlain && lease.requests > 2) found.push('sent three times within its claim')
      if (isPlain && request.attempt !== lease.attempts + lease.requests)
        found.push(`attempt ${request.attempt}, not ${lease.attempts + lease.requests}`)
      if (request.messageId !== row.messageId) found.push('came under several message ids')
      if (request.orgId !== row.orgId || request.connectionId !== row.connectionId)
        found.push('sent to another connection')
      const free = oracle.quietUntil(lease.connection.quietHours, entry.at)
      if (!request.urgent && free > entry.at)
        found.push(`sent inside quiet hours, ${free - entry.at} ms before their end`)
      found.push(...contentProblems(row, lease, request), ...bodyProblems(row, lease, request), ...orderProblems(row))
      return found.map((text) => `${text}: ${row.id}`)
    },

    onResponse(request, outcome) {
      const lease = leases.get(request)
      if (lease === undefined) return
      if (outcome === 'aborted') lease.requests--
      else lease.outcome = outcome
    },

    onSettlement(process, settlement) {
      const row = model.rows.get(settlement.deliveryId)
      const lease = row?.leases.find((one) => one.token === settlement.token)
      if (row === undefined || lease === undefined) return [`settled, and never claimed: ${settlement.deliveryId}`]
      // which of two leases of one process a request belongs to can't be told
      const isPlain = row.leases.filter((one) => one.process === process).length === 1
      const found = [...stateProblems(row, lease, settlement)]
      if (isPlain && settlement.exchanges !== lease.requests) {
        found.push(`${settlement.exchanges} exchanges settled, ${lease.requests} made`)
      }
      if (isPlain) found.push(...verdictProblems(lease.outcome, settlement))
      return found.map((text) => `${text}: ${row.id}`)
    },

    onClosed: (process) => void closed.add(process),
  }

  function stateProblems(row: Row, lease: Lease, settlement: Settlement): readonly string[] {
    const { next, attempts, exchanges, at } = settlement
    const found: string[] = []
    if (attempts.length !== exchanges) found.push(`${attempts.length} attempts of ${exchanges} exchanges`)
    if (attempts.some((one, index) => one.number !== lease.attempts + index + 1)) found.push('attempts misnumbered')
    if (next.status === 'pending' && exchanges === 0) {
      const free = oracle.quietUntil(lease.connection.quietHours, at)
      if (next.dueAt !== free) found.push(`put off to ${next.dueAt}, not ${free}`)
    }
    if (next.status === 'pending' && exchanges > 0) {
      const { retryAfterMs = 0 } = attempts.at(-1) ?? {}
      const least = Math.min(retryAfterMs, profile.retry.maxRetryAfterMs ?? DEFAULT_MAX_RETRY_AFTER_MS)
      if (next.dueAt < at + least) found.push('tried again before Retry-After')
      const free = oracle.quietUntil(lease.connection.quietHours, next.dueAt)
      if (free > next.dueAt && !isUrgent(row)) found.push('a retry inside quiet hours')
    }
    if (next.status === 'cancelled' && (row.kind !== 'digest' || wantsAny(row, lease.connection))) {
      found.push('cancelled, though it is wanted')
    }
    return found
  }

  function isUrgent(row: Row): boolean {
    const ids = row.generation === undefined ? [row.eventId ?? ''] : row.generation.kept
    return ids.some((id) => model.acceptedAs(row.orgId, id)?.event.importance === 'urgent')
  }

  function wantsAny(row: Row, connection: ConnectionRecord): boolean {
    return (row.generation?.kept ?? []).some((id) => {
      const event = model.acceptedAs(row.orgId, id)?.event
      return event !== undefined && oracle.wants(connection, event)
    })
  }
}

/** What is settled follows from what the destination answered. */
function verdictProblems(outcome: Lease['outcome'], { next, exchanges }: Settlement): readonly string[] {
  if (exchanges === 0) return next.status === 'delivered' ? ['delivered without a send'] : []
  const kind = typeof outcome === 'object' ? outcome.kind : outcome
  const expected = next.status === 'delivered' ? 'delivered' : next.status === 'failed' ? next.failure : 'retry'
  const fits =
    expected === kind ||
    (kind === 'threw' && ['retry', 'exhausted', 'ambiguous'].includes(expected)) ||
    (kind === 'retry' && ['exhausted', 'ambiguous'].includes(expected))
  return fits ? [] : [`settled as ${expected} after ${kind}`]
}
