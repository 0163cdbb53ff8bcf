import type { DeliveryStatus } from '../../src/contracts/delivery.ts'
import type { Outcome } from '../../src/contracts/outcome.ts'
import { type Entry, inDoubt, inFlight } from './journal.ts'
import type { Receipt } from './receiver.ts'

/** What one process told. */
export interface ProcessHistory {
  readonly name: string
  readonly killed: boolean
  readonly journal: readonly Entry[]
}

export interface FinalDelivery {
  readonly id: string
  readonly path: string
  readonly messageId: string
  readonly eventId: string
  readonly status: DeliveryStatus
  readonly attemptCount: number
  /** Recorded attempts, oldest first. */
  readonly attempts: readonly { readonly number: number; readonly outcome: Outcome['kind'] }[]
}

export interface History {
  /** Where each accepted event is to arrive. */
  readonly paths: readonly string[]
  readonly processes: readonly ProcessHistory[]
  readonly receipts: readonly Receipt[]
  /** The store, after the last process has worked off everything. */
  readonly deliveries: readonly FinalDelivery[]
}

/** In Jepsen's terms, for events (what was dispatched) and arrivals (an event at one destination). */
export interface Verdict {
  readonly kills: number
  readonly dispatched: number
  /** `dispatch` resolved, in the process that called it or, for one that died, in the next. */
  readonly accepted: number
  /** The process was killed before `dispatch` resolved, and nobody asked again: may be received or not. */
  readonly doubtful: number
  /** Doubtful, and received. */
  readonly recovered: number
  /** Dispatched again after a kill, and found to have been accepted before it. */
  readonly known: number
  readonly arrivals: number
  readonly requests: number
  /** Answered with 503, or cut. */
  readonly turnedAway: number
  /** Arrivals beyond the first. */
  readonly duplicated: number
  /** Deliveries that killed processes held: each may arrive once more. */
  readonly inFlightAtKills: number
  /** Leases that ran out while a living process was sending. */
  readonly leasesLost: number
  /** What the processes logged as errors. */
  readonly errors: readonly string[]
  /** What must not be: empty when every guarantee held. */
  readonly problems: readonly string[]
}

export function check(history: History): Verdict {
  const { paths, processes, receipts, deliveries } = history
  const problems: string[] = []
  const told = (mark: Entry['mark']): string[] =>
    processes.flatMap(({ journal }) => journal.filter((entry) => entry.mark === mark).map((entry) => entry.text))

  const dispatched = new Set(told('dispatching'))
  const accepted = new Set([...told('accepted'), ...told('known')])
  const doubtful = new Set(processes.flatMap(({ journal }) => inDoubt(journal)).filter((id) => !accepted.has(id)))
  const refused = new Set(told('refused').filter((id) => !accepted.has(id) && !doubtful.has(id)))
  for (const [id, times] of tally(told('accepted'))) {
    if (times > 1) problems.push(`accepted ${times} times as new: ${id}`)
  }

  const interrupted = tally(processes.filter((one) => one.killed).flatMap(({ journal }) => inFlight(journal)))
  const lost = told('lost')
  for (const id of lost) interrupted.set(id, (interrupted.get(id) ?? 0) + 1)

  const taken = receipts.filter((receipt) => receipt.taken)
  const arrivals = tally(taken.map((receipt) => `${receipt.eventId} at ${receipt.path}`))
  for (const id of accepted) {
    for (const path of paths) if (!arrivals.has(`${id} at ${path}`)) problems.push(`lost: ${id} at ${path}`)
  }
  for (const receipt of receipts) {
    const { eventId, path } = receipt
    if (!dispatched.has(eventId) || refused.has(eventId)) problems.push(`unexpected: ${eventId} at ${path}`)
    if (!paths.includes(path)) problems.push(`at a destination that nobody made: ${path}`)
    if (!receipt.verified) problems.push(`a signature does not verify: ${eventId} at ${path}`)
  }
  for (const [eventId, own] of Map.groupBy(receipts, (receipt) => receipt.eventId)) {
    if (new Set(own.map((one) => one.messageId)).size > 1) problems.push(`came under several message ids: ${eventId}`)
    if (new Set(own.map((one) => one.bodyHash)).size > 1) problems.push(`came with several bodies: ${eventId}`)
  }

  const byArrival = new Map(deliveries.map((one) => [`${one.eventId} at ${one.path}`, one]))
  if (byArrival.size !== deliveries.length)
    problems.push('the store has two deliveries of one event at one destination')
  for (const [arrival, times] of arrivals) {
    const allowed = interrupted.get(byArrival.get(arrival)?.id ?? '') ?? 0
    if (times - 1 > allowed) {
      problems.push(`duplicated ${times - 1} times, in flight at ${allowed} kills: ${arrival}`)
    }
  }
  for (const id of accepted) {
    for (const path of paths)
      if (!byArrival.has(`${id} at ${path}`)) problems.push(`not in the store: ${id} at ${path}`)
  }
  for (const delivery of deliveries) {
    if (!dispatched.has(delivery.eventId) || refused.has(delivery.eventId)) {
      problems.push(`stored, though never accepted: ${delivery.eventId}`)
    }
    problems.push(...unfinished(delivery))
  }

  return {
    kills: processes.filter((one) => one.killed).length,
    dispatched: dispatched.size,
    accepted: accepted.size,
    doubtful: doubtful.size,
    recovered: new Set(taken.map((one) => one.eventId).filter((id) => doubtful.has(id))).size,
    known: told('known').length,
    arrivals: arrivals.size,
    requests: receipts.length,
    turnedAway: receipts.length - taken.length,
    duplicated: taken.length - arrivals.size,
    inFlightAtKills: processes.filter((one) => one.killed).reduce((sum, one) => sum + inFlight(one.journal).length, 0),
    leasesLost: lost.length,
    errors: told('error'),
    problems,
  }
}

/** An exchange that a kill cut short left no attempt; the others are all there, and the last one delivered. */
function unfinished({ id, status, attempts, attemptCount }: FinalDelivery): string[] {
  if (status !== 'delivered') return [`not delivered but ${status}: ${id}`]
  const problems: string[] = []
  if (attempts.length !== attemptCount)
    problems.push(`${attempts.length} attempts recorded, ${attemptCount} counted: ${id}`)
  if (attempts.some((attempt, index) => attempt.number !== index + 1)) problems.push(`attempts misnumbered: ${id}`)
  const last = attempts.length - 1
  if (last < 0 || attempts.some(({ outcome }, index) => (outcome === 'delivered') !== (index === last))) {
    problems.push(`its attempts do not end with the one that delivered: ${id}`)
  }
  return problems
}

function tally(items: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1)
  return counts
}
