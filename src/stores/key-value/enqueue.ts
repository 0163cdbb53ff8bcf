import type { EnqueueBatch, EnqueueResult, Ref, StoredEvent } from '../../contracts/index.ts'
import { invalidInput, type SignalboxError } from '../../errors.ts'
import type { Database } from './database.ts'
import { KEYS_A_MEMBER } from './digest-rows.ts'
import { each } from './each.ts'
import { BYTES_AN_ITEM, type Intents, type Items, portionsOf, write } from './intents.ts'
import { eventKey, eventTimeKey, KEYS_A_DELIVERY } from './rows.ts'
import { serialise, type Transaction } from './transaction.ts'

/** An event with all that goes out of it: what is stored whole or not at all. */
interface Unit extends Items {
  readonly event?: StoredEvent
  readonly bytes: number
}

const KEYS_AN_EVENT = 2
const AT_ONCE = 4

export function createEnqueue(db: Database, intents: Intents) {
  return async (batch: EnqueueBatch): Promise<EnqueueResult> => {
    if (batch.tx !== undefined) throw noTransactions()
    const known = new Map<string, Ref>()
    await each(partsOf(db, unitsOf(batch)), AT_ONCE, async (part) => {
      const [first] = part
      if (part.length === 1 && first !== undefined && !fits(db, first)) await writeLarge(first, known)
      else await writeTogether(part, known)
    })
    return { duplicates: [...known.values()] }
  }

  async function writeTogether(part: readonly Unit[], known: Map<string, Ref>): Promise<void> {
    const found = await db.run(async (tx) => {
      const duplicates = new Map<string, Ref>()
      for (const unit of part) {
        if (unit.event === undefined || (await putEvent(tx, unit.event))) await write(tx, unit)
        else duplicates.set(eventKey(unit.event.orgId, unit.event.id), refOf(unit.event))
      }
      return duplicates
    })
    for (const [key, ref] of found) known.set(key, ref)
  }

  async function writeLarge(unit: Unit, known: Map<string, Ref>): Promise<void> {
    const { event } = unit
    if (event === undefined) {
      // each delivery and each member is for itself: what is there already is left as it is
      for (const portion of portionsOf(unit, db.maxWrites)) await db.run((tx) => write(tx, portion))
      return
    }
    let isNew = false
    await intents.begin(unit, event.acceptedAt, async (tx) => {
      isNew = await putEvent(tx, event)
      return isNew
    })
    if (!isNew) known.set(eventKey(event.orgId, event.id), refOf(event))
  }
}

/** Answers whether it was new. */
async function putEvent(tx: Transaction, event: StoredEvent): Promise<boolean> {
  const { orgId, id, acceptedAt } = event
  const key = eventKey(orgId, id)
  // almost always it is: only where that was wrong it is read
  if (tx.attempt === 0) tx.absent(key)
  else if ((await tx.get(key)) !== undefined) return false
  tx.put(key, event)
  tx.put(eventTimeKey(orgId, acceptedAt, id), id)
  return true
}

/** Nothing is stored before everything has been serialised. */
function unitsOf({ events, deliveries, collect }: EnqueueBatch): readonly Unit[] {
  const keyOfItem = ({ orgId, eventId }: { readonly orgId: string; readonly eventId?: string }) =>
    eventId === undefined ? '' : eventKey(orgId, eventId)
  const deliveriesOf = Map.groupBy(deliveries, keyOfItem)
  const collectOf = Map.groupBy(collect, keyOfItem)
  const units = new Map<string, Unit>()
  for (const event of events) {
    const key = eventKey(event.orgId, event.id)
    if (units.has(key)) continue
    const items = { deliveries: deliveriesOf.get(key) ?? [], collect: collectOf.get(key) ?? [] }
    units.set(key, { event, ...items, bytes: serialise(event).length + bytesOf(items) })
  }
  const rest = {
    deliveries: deliveries.filter((row) => !units.has(keyOfItem(row))),
    collect: collect.filter((entry) => !units.has(keyOfItem(entry))),
  }
  if (rest.deliveries.length + rest.collect.length === 0) return [...units.values()]
  return [...units.values(), { ...rest, bytes: bytesOf(rest) }]
}

/** As few commits as there may be. What does not fit into one is alone. */
function partsOf(db: Database, units: readonly Unit[]): readonly (readonly Unit[])[] {
  const parts: Unit[][] = []
  let keys = Number.POSITIVE_INFINITY
  let bytes = 0
  for (const unit of units) {
    keys += keysOf(unit)
    bytes += unit.bytes
    if (keys <= db.maxWrites && bytes <= db.maxBytes) {
      parts.at(-1)?.push(unit)
      continue
    }
    parts.push([unit])
    keys = keysOf(unit)
    bytes = unit.bytes
  }
  return parts
}

function fits(db: Database, unit: Unit): boolean {
  return keysOf(unit) <= db.maxWrites && bytesOf(unit) <= db.maxBytes
}

function keysOf({ event, deliveries, collect }: Unit): number {
  const items = deliveries.length * KEYS_A_DELIVERY + collect.length * KEYS_A_MEMBER
  return items + (event === undefined ? 0 : KEYS_AN_EVENT)
}

function bytesOf({ deliveries, collect }: Items): number {
  return (deliveries.length + collect.length) * BYTES_AN_ITEM
}

function refOf({ orgId, id }: StoredEvent): Ref {
  return { orgId, id }
}

/** To ignore `tx` would be to write outside the host's transaction. */
export function noTransactions(): SignalboxError {
  return invalidInput('tx', "keyValueStore can't join a transaction")
}
