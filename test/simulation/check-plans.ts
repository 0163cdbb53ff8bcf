import type {
  CollectEntry,
  ConnectionRecord,
  EnqueueBatch,
  NewDelivery,
  StoredEvent,
} from '../../src/contracts/index.ts'
import { eventKey, type Model } from './model.ts'
import type { Oracle } from './oracle.ts'

/** When the call began that brought an event, by the event's title. */
export type Beginnings = ReadonlyMap<string, number>

/**
 * Judges what an accepted event set off: every connection that was there and wanted it all the time gets it, none that
 * did not, and each at its time. Of a connection that changed meanwhile, any of its states will do.
 */
export function planProblems(
  model: Model,
  oracle: Oracle,
  batch: EnqueueBatch,
  duplicates: ReadonlySet<string>,
  span: { readonly beginnings: Beginnings; readonly end: number; readonly connectionIds: readonly string[] },
): readonly string[] {
  const found: string[] = []
  for (const event of batch.events) {
    if (duplicates.has(eventKey(event.orgId, event.id))) continue
    const from = span.beginnings.get(event.title)
    if (from === undefined) {
      found.push(`stored, and never dispatched: ${event.id}`)
      continue
    }
    for (const connectionId of span.connectionIds) {
      const states = statesOf(model, connectionId, from, span.end)
      const deliveries = batch.deliveries.filter(
        (one) => one.eventId === event.id && one.orgId === event.orgId && one.connectionId === connectionId,
      )
      const collected = batch.collect.filter(
        (one) => one.eventId === event.id && one.orgId === event.orgId && one.connectionId === connectionId,
      )
      const name = `${event.id} for ${connectionId}`
      if (deliveries.length + collected.length > 1) found.push(`set off twice: ${name}`)
      const [delivery] = deliveries
      const [entry] = collected
      const wanting = states.filter((one) => one !== undefined && isFor(one, event) && oracle.wants(one, event))
      if (delivery === undefined && entry === undefined) {
        if (wanting.length === states.length) found.push(`not set off: ${name}`)
      } else if (!wanting.some((one) => one !== undefined && fits(oracle, one, event, delivery, entry))) {
        found.push(wanting.length === 0 ? `set off, though not wanted: ${name}` : `set off for another time: ${name}`)
      }
    }
  }
  return found
}

const isFor = (connection: ConnectionRecord, event: StoredEvent): boolean =>
  connection.orgId === event.orgId && connection.status === 'active'

/** What a connection was when the stretch began, and all that it became within it. */
function statesOf(model: Model, id: string, from: number, to: number): readonly (ConnectionRecord | undefined)[] {
  const history = model.historyOf(id)
  const before = history.findLast(({ n }) => n <= from)?.record
  return [before, ...history.filter(({ n }) => n > from && n < to).map(({ record }) => record)]
}

function fits(
  oracle: Oracle,
  connection: ConnectionRecord,
  event: StoredEvent,
  delivery: NewDelivery | undefined,
  entry: CollectEntry | undefined,
): boolean {
  const { digest, quietHours } = connection
  const at = event.acceptedAt
  const sent = delivery?.dueAt === (event.importance === 'urgent' ? at : oracle.quietUntil(quietHours, at))
  if (digest === undefined || oracle.bypasses(digest, event)) return sent
  if (delivery !== undefined) return sent && digest.leading === 'send'
  if (entry === undefined || entry.key !== oracle.keyOf(digest, event) || entry.at !== at) return false
  if (entry.maxItems !== (digest.maxItems ?? 200) || entry.keep !== (digest.keep ?? 'first')) return false
  return oracle.closings(connection, digest.window, at).some(({ closesAt, mustCloseAt }) => {
    // in the window that a leading event has opened a digest closes with it
    const closes = digest.leading === 'send' ? entry.mustCloseAt <= mustCloseAt : entry.mustCloseAt === mustCloseAt
    return entry.closesAt === closesAt && closes
  })
}
