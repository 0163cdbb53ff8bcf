import type { EnqueueBatch, EnqueueResult, Ref, StoredEvent } from '../../contracts/index.ts'
import { invalidInput, SignalboxError } from '../../errors.ts'
import { collect } from './digests.ts'
import { append } from './record-log.ts'
import { addDelivery } from './records.ts'
import { offer } from './rotation.ts'
import { type EventEntry, laneOf, type Org, orgOf, type State } from './state.ts'

/** Nothing is stored before everything has been checked. */
export function enqueue(state: State, batch: EnqueueBatch): EnqueueResult {
  if (batch.tx !== undefined) throw noTransactions()
  for (const event of batch.events) checkStorable(event)

  // tells what this batch inserted from what was known
  const mark = ++state.seq
  const duplicates: Ref[] = []
  let known: Map<string, Set<string>> | undefined
  for (const event of batch.events) {
    const org = orgOf(state, event.orgId)
    const entry = org.events.get(event.id)
    if (entry === undefined) {
      addEvent(org, event, mark)
    } else if (entry.mark !== mark) {
      duplicates.push({ orgId: event.orgId, id: event.id })
      known ??= new Map()
      known.set(event.orgId, (known.get(event.orgId) ?? new Set()).add(event.id))
    }
  }

  let org: Org | undefined
  for (const row of batch.deliveries) {
    if (org?.id !== row.orgId) org = orgOf(state, row.orgId)
    if (row.eventId !== undefined && known?.get(row.orgId)?.has(row.eventId)) continue
    if (state.deliveries.has(row.id)) continue
    const event = row.eventId === undefined ? undefined : org.events.get(row.eventId)
    offer(state, addDelivery(state, laneOf(state, org, row.connectionId), row, event))
  }
  for (const entry of batch.collect) {
    if (!known?.get(entry.orgId)?.has(entry.eventId)) collect(state, entry)
  }
  return { duplicates }
}

function addEvent(org: Org, event: StoredEvent, mark: number): void {
  const entry: EventEntry = { removed: false, event, uses: 0, mark }
  org.events.set(event.id, entry)
  append(org.eventLog, entry)
}

/** To ignore `tx` would be to write outside the host's transaction. */
export function noTransactions(): SignalboxError {
  return invalidInput('tx', "the memory store can't join a transaction")
}

/** A store that writes rows would refuse it: this one must not be kinder. */
function checkStorable(event: StoredEvent): void {
  if (isPlain(event.metadata, MAX_DEPTH)) return
  try {
    JSON.stringify(event.metadata)
  } catch (cause) {
    throw new SignalboxError('store_failed', `event ${event.id}: its metadata cannot be serialised`, { cause })
  }
}

/** Deeper, and in whatever is not plain data, the serialiser has the word. */
const MAX_DEPTH = 16

function isPlain(value: unknown, depth: number): boolean {
  if (typeof value === 'object' && value !== null) {
    if (depth === 0) return false
    if (Array.isArray(value)) return value.every((item) => isPlain(item, depth - 1))
    if (Object.getPrototypeOf(value) !== Object.prototype) return false
    for (const key in value) if (!isPlain(value[key as keyof typeof value], depth - 1)) return false
    return true
  }
  return typeof value !== 'bigint' && typeof value !== 'function'
}
