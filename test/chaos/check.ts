import type { AttemptRecord, DeliveryStatus } from '../../src/contracts/delivery.ts'
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
  readonly attempts: readonly Pick<AttemptRecord, 'number' | 'outcome' | 'code'>[]
}

export interface History {
  /** Where each accepted event is to arrive. */
  readonly paths: readonly string[]
  readonly processes: readonly ProcessHistory[]
  readonly receipts: readonly Receipt[]
  /** The store, after the last process has worked off everything. */
  readonly deliveries: readonly FinalDelivery[]
  /** Events of which the host's own row, written in the same transaction, is there. @default [] */
  readonly committed?: readonly string[]
}

/** In Jepsen's terms, for events (what was dispatched) and arrivals (an event at one destination). */
export interface Verdict {
  readonly kills: number
  readonly dispatched: number
  /** `dispatch` resolved, in the process that called it or, for one that died, in the next. */
  readonly accepted: number
  /** Nobody ever learnt whether it was accepted: the process died first, and nobody asked again. May arrive or not. */
  readonly doubtful: number
  /** Dispatched again, and found to have been accepted before. */
  readonly known: number
  /** Dispatched in a transaction of the host: those that its row says were committed, and the others. */
  readonly joined: { readonly committed: number; readonly never: number }
  readonly arrivals: number
  /** Accepted, and missing at a destination: arrivals. */
  readonly lost: number
  /** Arrived, and never dispatched or refused: requests. */
  readonly unexpected: number
  /** Arrivals beyond the first. */
  readonly duplicated: number
  readonly recovered: {
    /** Arrivals of accepted events which a process held, unsettled, when it was killed. */
    readonly acknowledged: number
    /** Events in doubt that arrived. */
    readonly inDoubt: number
  }
  readonly requests: number
  /** Answered with 503, or cut. */
  readonly turnedAway: number
  /** Deliveries that killed processes held: each may arrive once more. */
  readonly inFlightAtKills: number
  /** Given back in the middle of their exchange, when the grace of a process was over: the same. */
  readonly cutOff: number
  /** Leases that ran out while a living process was sending: the same. */
  readonly leasesLost: number
  /** Attempts that were given up at their deadline, on a machine that was busy: they may have arrived all the same. */
  readonly timedOut: number
  /** Results that a living process could not write: the same. */
  readonly unwritten: number
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
  // of what joined a transaction the host's own row tells, whatever the process lived to tell
  const joined = new Set(told('joining'))
  const committed = new Set(history.committed)
  const answered = new Set([...told('accepted'), ...told('known')])
  for (const id of joined) {
    if (answered.has(id) && !committed.has(id)) problems.push(`committed, and the row of the host is not there: ${id}`)
  }
  const accepted = new Set([...[...answered].filter((id) => !joined.has(id)), ...committed])
  const doubtful = new Set(
    processes.flatMap(({ journal }) => inDoubt(journal)).filter((id) => !accepted.has(id) && !joined.has(id)),
  )
  const refused = new Set([...told('refused'), ...joined].filter((id) => !accepted.has(id) && !doubtful.has(id)))
  for (const [id, times] of tally(told('accepted'))) {
    if (times > 1) problems.push(`accepted ${times} times as new: ${id}`)
  }

  const killed = processes.filter((one) => one.killed).flatMap(({ journal }) => inFlight(journal))
  const unwritten = processes.filter((one) => !one.killed).flatMap(({ journal }) => neverWritten(journal))
  const cutOff = told('released')
  const leasesLost = told('lost')
  const timedOut = deliveries.flatMap(({ id, attempts }) => attempts.filter(isTimeout).map(() => id))
  /** Deliveries, once for each exchange that may have arrived without an answer to tell of it, or without a record. */
  const interrupted = tally([...killed, ...unwritten, ...cutOff, ...leasesLost, ...timedOut])

  const taken = receipts.filter((receipt) => receipt.taken)
  const arrivals = tally(taken.map((receipt) => `${receipt.eventId} at ${receipt.path}`))
  const lost = [...accepted]
    .flatMap((id) => paths.map((path) => `${id} at ${path}`))
    .filter((one) => !arrivals.has(one))
  for (const one of lost) problems.push(`lost: ${one}`)
  const unexpected = receipts.filter(({ eventId }) => !dispatched.has(eventId) || refused.has(eventId))
  for (const { eventId, path } of unexpected) problems.push(`unexpected: ${eventId} at ${path}`)
  for (const receipt of receipts) {
    const { eventId, path } = receipt
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
      problems.push(`duplicated ${times - 1} times, interrupted ${allowed} times: ${arrival}`)
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

  const held = new Set(killed)
  return {
    kills: processes.filter((one) => one.killed).length,
    dispatched: dispatched.size,
    accepted: accepted.size,
    doubtful: doubtful.size,
    known: told('known').length,
    joined: {
      committed: [...joined].filter((id) => committed.has(id)).length,
      never: [...joined].filter((id) => !committed.has(id)).length,
    },
    arrivals: arrivals.size,
    lost: lost.length,
    unexpected: unexpected.length,
    duplicated: taken.length - arrivals.size,
    recovered: {
      acknowledged: deliveries.filter(
        ({ id, eventId, path }) => held.has(id) && accepted.has(eventId) && arrivals.has(`${eventId} at ${path}`),
      ).length,
      inDoubt: new Set(taken.map((one) => one.eventId).filter((id) => doubtful.has(id))).size,
    },
    requests: receipts.length,
    turnedAway: receipts.length - taken.length,
    inFlightAtKills: killed.length,
    cutOff: cutOff.length,
    leasesLost: leasesLost.length,
    timedOut: timedOut.length,
    unwritten: unwritten.length,
    errors: told('error'),
    problems,
  }
}

const isTimeout = ({ code }: Pick<AttemptRecord, 'code'>): boolean => code === 'timeout'

/** What a living process held at its end because the store failed when it was to be written. */
function neverWritten(journal: readonly Entry[]): readonly string[] {
  const failed = new Set(journal.filter((entry) => entry.mark === 'unwritten').map((entry) => entry.text))
  return inFlight(journal).filter((id) => failed.has(id))
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
