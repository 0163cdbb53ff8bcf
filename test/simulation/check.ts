import type { EventInput } from '../../src/contracts/index.ts'
import type { DispatchResult } from '../../src/index.ts'
import { claimProblems, createPaceCheck } from './check-claims.ts'
import { finalProblems } from './check-end.ts'
import { planProblems } from './check-plans.ts'
import { createRequestCheck } from './check-requests.ts'
import type { Entry } from './journal.ts'
import { createModel, eventKey, type Model } from './model.ts'
import { createOracle, type Oracle } from './oracle.ts'
import type { History } from './world.ts'

// its tables of local time are the same for all worlds
const sharedOracle = createOracle()

/** What was not as promised in a world; empty when every invariant held. */
export function check(history: History, oracle: Oracle = sharedOracle): readonly string[] {
  const model = createModel(claimProblems)
  const requests = createRequestCheck(model, oracle, history.profile)
  const paceProblems = createPaceCheck()
  const beginnings = beginningsOf(history.entries)
  const found: string[] = [...history.stuck]
  const add = (entry: Entry, texts: readonly string[]): void =>
    void found.push(...texts.map((text) => `${text} (at ${entry.n})`))

  for (const entry of history.entries) {
    const { what } = entry
    switch (what.kind) {
      case 'request':
        add(entry, requests.onRequest(entry, what))
        break
      case 'response':
        requests.onResponse(what.request, what.outcome)
        break
      case 'closed':
        requests.onClosed(entry.process)
        break
      case 'refusal':
        add(entry, refusalProblems(history, entry))
        break
      case 'commit': {
        const { commit } = what
        if (commit.method === 'settle') {
          const stale = new Set(commit.result.stale)
          for (const one of commit.settlements) {
            if (!stale.has(one.deliveryId)) add(entry, requests.onSettlement(entry.process, one))
          }
        }
        model.apply(entry, commit)
        if (commit.method === 'enqueue') {
          const duplicates = new Set(commit.result.duplicates.map((ref) => eventKey(ref.orgId, ref.id)))
          const connectionIds = everyConnection(history.entries)
          add(entry, planProblems(model, oracle, commit.batch, duplicates, { beginnings, end: entry.n, connectionIds }))
        }
        add(entry, paceProblems(model, entry))
        if (commit.method === 'connection') add(entry, suspensionProblems(model, commit.connectionId, history))
        break
      }
    }
  }
  found.push(...model.problems, ...answerProblems(history.entries, model), ...finalProblems(history, model, oracle))
  return found
}

function beginningsOf(entries: readonly Entry[]): ReadonlyMap<string, number> {
  const beginnings = new Map<string, number>()
  for (const { n, what } of entries) {
    if (what.kind !== 'call' || !/^dispatch/.test(what.name)) continue
    for (const { title } of [what.input].flat() as EventInput[]) beginnings.set(title, n)
  }
  return beginnings
}

const connectionIds = new WeakMap<readonly Entry[], readonly string[]>()

function everyConnection(entries: readonly Entry[]): readonly string[] {
  let ids = connectionIds.get(entries)
  if (ids === undefined) {
    const named = entries.flatMap(({ what }) =>
      what.kind === 'commit' && what.commit.method === 'connection' ? [what.commit.connectionId] : [],
    )
    ids = [...new Set(named)]
    connectionIds.set(entries, ids)
  }
  return ids
}

/**
 * A connection that fails is suspended after both: so long, and so many attempts. A success that is settled while that
 * is written comes too late.
 */
function suspensionProblems(model: Model, connectionId: string, { profile }: History): readonly string[] {
  const states = model.historyOf(connectionId).map((one) => one.record)
  const [before, after] = states.slice(-2)
  if (before?.status !== 'active' || after?.status !== 'suspended' || after.reason?.code !== 'failing') return []
  const { since } = after.reason
  const { suspendAfterMs, suspendAfterAttempts } = profile.health
  const isDue = states.some((record) => {
    const { consecutiveFailures = 0, firstFailureAt = since } = record?.health ?? {}
    return consecutiveFailures >= suspendAfterAttempts && since - firstFailureAt >= suspendAfterMs
  })
  return isDue ? [] : [`suspended too early: ${connectionId}`]
}

/** A host is told what it did wrong, or that its store failed: nothing else, and not without a reason. */
function refusalProblems({ entries, profile }: History, refusal: Entry): readonly string[] {
  const { what, process } = refusal
  if (what.kind !== 'refusal') return []
  const name = `${what.name} refused as ${what.code}, ${what.message}`
  if (!['store_failed', 'conflict', 'not_found', 'closed'].includes(what.code)) return [name]
  if (what.code !== 'store_failed') return []
  const began = entries.find((one) => one.what.kind === 'call' && one.what.call === what.call)?.elapsed ?? 0
  // a call may join another's that was under way: its fault may have begun before
  const from = began - profile.faults.timeoutMs - 2 * profile.faults.slowMs
  const isFaulty = entries.some(
    (one) => one.what.kind === 'fault' && one.process === process && one.elapsed >= from && one.n < refusal.n,
  )
  return isFaulty ? [] : [`${name} without a fault`]
}

/** What `dispatch` told the host is so. */
function answerProblems(entries: readonly Entry[], model: Model): readonly string[] {
  const inputs = new Map<number, readonly EventInput[]>()
  const found: string[] = []
  for (const { what } of entries) {
    if (what.kind === 'call' && /^dispatch/.test(what.name)) inputs.set(what.call, [what.input].flat() as EventInput[])
    if (what.kind !== 'answer' || !/^dispatch/.test(what.name)) continue
    const results = [what.value].flat() as readonly DispatchResult[]
    const given = inputs.get(what.call) ?? []
    given.forEach((event, index) => {
      const result = results[index]
      if (result === undefined) {
        found.push(`no answer for ${event.title}`)
        return
      }
      const own = model.accepted.some((one) => one.event.title === event.title)
      if (!result.duplicate && !own) found.push(`told accepted, and was not stored: ${event.title}`)
      if (result.duplicate && own) found.push(`told a duplicate, and it was the one that was stored: ${event.title}`)
      for (const { id, status } of result.deliveries) {
        const row = model.rows.get(id)
        if (row === undefined) found.push(`told a delivery that is not there: ${id}`)
        else if (status === 'delivered' && row.status !== status)
          found.push(`told delivered, and is ${row.status}: ${id}`)
      }
    })
  }
  return found
}
