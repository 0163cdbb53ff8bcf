import type { CollectEntry, KeyRepository } from '../contracts/store.ts'
import { isSignalboxError } from '../errors.ts'
import { type DeliveryIds, deliveryOf, type Planned, type Timings } from './plan.ts'

/**
 * Sends the first event of a window at once: whoever puts the window's mark first has the first event. The mark holds
 * the instant at which the window closes, for those that collect after it.
 *
 * Best effort: the mark is put before the event is written.
 */
export async function sendLeading(
  planned: Planned,
  deps: {
    readonly keys: KeyRepository
    readonly now: number
    readonly deliveryId: DeliveryIds
    readonly timings: Timings
    readonly connectionOf: (id: string) => Parameters<Timings>[0] | undefined
  },
): Promise<Planned> {
  if (planned.leading.length === 0) return planned
  const { event } = planned
  const deliveries = [...planned.deliveries]
  const collect: CollectEntry[] = planned.collect.filter((entry) => !planned.leading.includes(entry))
  for (const entry of planned.leading) {
    const connection = deps.connectionOf(entry.connectionId)
    const closesAt = await windowOf(entry, deps.keys, deps.now)
    if (closesAt === undefined && connection !== undefined) {
      const dueAt = deps.timings(connection).allowedAt(event.acceptedAt, event.importance)
      deliveries.push(deliveryOf(event, connection, dueAt, deps.deliveryId))
    } else {
      collect.push({ ...entry, mustCloseAt: Math.min(entry.mustCloseAt, closesAt ?? entry.mustCloseAt) })
    }
  }
  return { event, deliveries, collect, leading: [] }
}

/** When the window that is open must close; `undefined` where this call opened it. */
async function windowOf(entry: CollectEntry, keys: KeyRepository, now: number): Promise<number | undefined> {
  const key = `digest-window/${JSON.stringify([entry.orgId, entry.connectionId, entry.key])}`
  const lasting = (mustCloseAt: number): number => Math.max(Math.min(entry.closesAt, mustCloseAt), now + 1)
  try {
    await keys.put(key, String(entry.mustCloseAt), { now, absent: true, expiresAt: lasting(entry.mustCloseAt) })
    return undefined
  } catch (error) {
    if (!isSignalboxError(error, 'conflict')) throw error
  }
  const mark = await keys.get(key, { now })
  if (mark === undefined) return entry.mustCloseAt
  const mustCloseAt = Number(mark.value)
  // a window that ends with its pauses goes on while events come
  if (entry.closesAt < mustCloseAt) await keys.put(key, mark.value, { now, expiresAt: lasting(mustCloseAt) })
  return mustCloseAt
}
