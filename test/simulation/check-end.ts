import { digestKey } from './generations.ts'
import { eventKey, type Model } from './model.ts'
import type { Oracle } from './oracle.ts'
import { MINUTE } from './settings.ts'
import type { History } from './world.ts'

/** Judges what is left of a world that has come to rest: nothing waits, nothing is twice, and the store agrees. */
export function finalProblems(history: History, model: Model, oracle: Oracle): readonly string[] {
  return [
    ...restProblems(history, model),
    ...twiceProblems(model, history.profile.jumps),
    ...missedProblems(history, model, oracle),
  ]
}

function restProblems({ deliveries, openDigests, connections, entries }: History, model: Model): readonly string[] {
  const found: string[] = []
  const stored = new Map(deliveries.map((one) => [one.id, one]))
  const arrived = new Set(entries.flatMap(({ what }) => (what.kind === 'arrival' ? [what.request] : [])))
  const delivered = new Set(
    entries.flatMap(({ what }) => (what.kind === 'request' && arrived.has(what.request) ? [what.deliveryId] : [])),
  )
  for (const row of model.rows.values()) {
    const record = stored.get(row.id)
    if (row.removed) {
      if (record !== undefined) found.push(`there again after a purge: ${row.id}`)
      continue
    }
    if (row.status === 'pending' || row.status === 'sending') found.push(`lost: ${row.id} is ${row.status} for ever`)
    if (row.status === 'delivered' && !delivered.has(row.id))
      found.push(`called delivered, and never arrived: ${row.id}`)
    if (row.status === 'failed' && row.failure === undefined) found.push(`failed without a reason: ${row.id}`)
    if (record === undefined) {
      found.push(`not in the store: ${row.id}`)
      continue
    }
    if (record.status !== row.status) found.push(`${record.status} in the store, not ${row.status}: ${row.id}`)
    if (record.attempts !== row.attempts || record.log.length !== row.attempts) {
      found.push(`${record.log.length} attempts recorded, ${record.attempts} counted, ${row.attempts} made: ${row.id}`)
    }
    if (record.log.some((attempt, index) => attempt.number !== index + 1)) found.push(`attempts misnumbered: ${row.id}`)
    stored.delete(row.id)
  }
  for (const { id, kind } of stored.values()) if (kind !== 'test') found.push(`stored, and nobody asked for it: ${id}`)
  const alive = new Set(connections.map((one) => one.id))
  for (const { connectionId, key } of openDigests) {
    if (alive.has(connectionId)) found.push(`lost: digest '${key}' of ${connectionId} is open for ever`)
  }
  for (const name of model.open.keys()) {
    if (!openDigests.some((one) => digestKey(one.connectionId, one.key) === name)) found.push(`digest lost: ${name}`)
  }
  return found
}

/**
 * One event reaches a connection as one message at most: by itself, or in one generation of one digest. Which events a
 * digest only counted is kept nowhere: a replay may take such a one for missed where clocks were set back, where it came
 * while a pause, or its end, was being written, or where the connection collects in another way since.
 */
function twiceProblems(model: Model, jumps: boolean): readonly string[] {
  const ways = new Map<string, string[]>()
  const add = (orgId: string, eventId: string, connectionId: string, way: string): void => {
    const name = `${eventKey(orgId, eventId)} for ${connectionId}`
    ways.set(name, [...(ways.get(name) ?? []), way])
  }
  for (const row of model.rows.values()) {
    if (row.kind === 'event') add(row.orgId, row.eventId ?? '', row.connectionId, row.messageId)
  }
  model.generations.forEach(({ connectionId, members, kept }, index) => {
    for (const { orgId, eventId } of members) {
      if (!kept.includes(eventId) && (jumps || isForgotten(model, connectionId, orgId, eventId))) continue
      add(orgId, eventId, connectionId, `digest ${index}`)
    }
  })
  const again = new Set(
    model.accepted
      .map(({ event }) => eventKey(event.orgId, event.id))
      .filter((name, index, names) => names.indexOf(name) !== index),
  )
  return [...ways]
    .filter(([name, all]) => all.length > 1 && !again.has(name.split(' for ')[0] ?? ''))
    .map(([name, all]) => `reaches it ${all.length} times, as ${all.join(' and ')}: ${name}`)
}

function isForgotten(model: Model, connectionId: string, orgId: string, eventId: string): boolean {
  const at = model.acceptedAs(orgId, eventId)?.event.acceptedAt ?? 0
  const history = model.historyOf(connectionId)
  const ways = new Set(history.map(({ record }) => JSON.stringify(record?.digest)))
  if (ways.size > 1) return true
  return history.some(({ record, at: storedAt }, index) => {
    const before = history[index - 1]?.record
    if (record?.status === before?.status || at > storedAt) return false
    return record?.status === 'active' ? storedAt - at <= MINUTE : (record?.reason?.since ?? storedAt) <= at
  })
}

/**
 * After a replay of all times a connection has everything that it wants and that was accepted while it was not active.
 * Only where clocks were not set back: the times of a pause are those of the wall clock.
 */
function missedProblems({ entries, profile, connections }: History, model: Model, oracle: Oracle): readonly string[] {
  if (profile.jumps) return []
  const calm = entries.find(({ what }) => what.kind === 'calm')?.n ?? Number.POSITIVE_INFINITY
  const found: string[] = []
  for (const { what } of entries) {
    if (what.kind !== 'call' || what.name !== 'replay') continue
    const answer = entries.find((one) => one.what.kind === 'answer' && one.what.call === what.call)
    const call = what.input as { readonly connectionId: string; readonly since: number }
    const connection = connections.find((one) => one.id === call.connectionId)
    if (answer === undefined || answer.n < calm || call.since !== 0 || connection === undefined) continue
    const history = model.historyOf(connection.id)
    for (const { event, purgeable, n } of model.accepted) {
      if (event.orgId !== connection.orgId || purgeable || n > answer.n || !oracle.wants(connection, event)) continue
      const from = event.acceptedAt - MINUTE
      const before = history.findLast((one) => one.at < from)?.record
      const during = history.filter((one) => one.at >= from && one.at <= event.acceptedAt + MINUTE)
      const states = [before, ...during.map((one) => one.record)]
      if (states.some((record) => record === undefined || record.status === 'active')) continue
      const has =
        [...model.rows.values()].some((row) => row.connectionId === connection.id && row.eventId === event.id) ||
        model.generations.some(
          (one) => one.connectionId === connection.id && one.members.some((member) => member.eventId === event.id),
        )
      if (!has) found.push(`missed, and not replayed: ${event.id} for ${connection.id}`)
    }
  }
  return found
}
