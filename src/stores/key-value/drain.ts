import { planLane } from '../../delivery/plan-lane.ts'
import { parse } from '../../records/codec.ts'
import type { Database } from './database.ts'
import { firstClosing } from './digest-rows.ts'
import { each, fromAnywhere } from './each.ts'
import type { Intent, Intents } from './intents.ts'
import {
  ASLEEP,
  expireLeases,
  type LaneRow,
  type Lanes,
  laneKey,
  leasedOf,
  limitsOf,
  WAKES,
  type Wake,
  wakeKey,
} from './lane.ts'
import { numberAfter } from './paths.ts'
import { cancel, type DeliveryRow, deliveryKey, queueUnder } from './rows.ts'
import type { Sealing } from './sealing.ts'

const AT_ONCE = 16
/** After so many conflicts the times of the lane are written without taking the wake away: others keep writing that. */
const PATIENCE = 3
/** What a process that died has left half written is completed after so long. */
const COMPLETE_AFTER_MS = 10_000

export interface Drain {
  /**
   * Looks at lanes that something was added to, at most `most`, so that they are found when their time comes. Answers
   * when there is more of that to do, or `null`.
   */
  drain(now: number, most: number): Promise<number | null>
  /** The same for lanes whose times only are wanted; takes no wake away where lists may be behind. */
  look(most: number): Promise<number | null>
  /** Cancels what waits for a connection that has gone, a portion, and its digests. Answers whether there is more. */
  clear(id: string, now: number): Promise<boolean>
}

interface Parts {
  readonly lanes: Lanes
  readonly sealing: Sealing
  readonly intents: Intents
}

export function createDrain(db: Database, { lanes, sealing, intents }: Parts): Drain {
  // where the next one begins, so that none waits for ever behind others
  let cursor = ''

  async function drain(now: number, most: number): Promise<number | null> {
    const entries = await db.list(WAKES, cursor, most)
    const full = entries.length === most
    const times = full || cursor !== '' ? [now] : []
    cursor = full ? (entries.at(-1)?.key ?? '') : ''
    await each(fromAnywhere(entries), AT_ONCE, async ({ value }) => {
      const wake = parse<Wake | Intent>(value)
      if ('intent' in wake) {
        if (wake.at + COMPLETE_AFTER_MS > now) times.push(wake.at + COMPLETE_AFTER_MS)
        else await intents.complete(wake)
        return
      }
      if (now < confirmedAt(wake)) times.push(confirmedAt(wake))
      else if ((await arm(wake.lane, now)) === 'gone') await clear(wake.lane, now)
      else if (db.listLagMs > 0 && wake.seenAt === undefined) times.push(now + db.listLagMs)
    })
    return times.length === 0 ? null : Math.min(...times)
  }

  async function look(most: number): Promise<number | null> {
    const entries = await db.list(WAKES, '', most)
    const times = entries.length === most ? [0] : []
    await each(entries, AT_ONCE, async ({ value }) => {
      const wake = parse<Wake | Intent>(value)
      if ('intent' in wake) times.push(wake.at + COMPLETE_AFTER_MS)
      else if ((await arm(wake.lane)) === 'gone') times.push(0)
    })
    return times.length === 0 ? null : Math.min(...times)
  }

  /** When what a wake stands for must be in every list. 0: it was not looked at yet. */
  function confirmedAt({ seenAt }: Wake): number {
    return seenAt === undefined ? 0 : seenAt + db.listLagMs
  }

  const arm = (id: string, now?: number): Promise<'gone' | undefined> =>
    db.run(async (tx) => {
      const key = wakeKey(id)
      const [wake, lane] = await Promise.all([
        tx.attempt < PATIENCE ? tx.get<Wake>(key) : tx.peek<Wake>(key),
        lanes.read(tx, id),
      ])
      // what the list showed may be behind too
      if (wake === undefined || (now !== undefined && now < confirmedAt(wake))) return undefined
      if (lane.record === undefined) return 'gone'
      const [nextAt, digestAt] = await Promise.all([opensAt(lane, now), firstClosing(db, id)])
      if (nextAt !== lane.nextAt || digestAt !== lane.digestAt) {
        lane.nextAt = nextAt
        lane.digestAt = digestAt
        lanes.save(tx, lane)
      }
      // a list that may be behind is looked at once more, when what the wake stood for must be there
      if (tx.attempt >= PATIENCE || (now === undefined && db.listLagMs > 0)) return undefined
      if (db.listLagMs === 0 || wake.seenAt !== undefined) tx.remove(key)
      else tx.put(key, { lane: id, seenAt: now ?? 0 } satisfies Wake)
      return undefined
    })

  /** When the lane may give something out, as far as can be said without knowing a claim's `perConnection`. */
  async function opensAt(lane: LaneRow, now = Number.POSITIVE_INFINITY): Promise<number | null> {
    const { record, leases, lastAt } = lane
    // the end of a lease wakes it
    if (lane.nextAt === ASLEEP && leases.length > 0) return ASLEEP
    const head = await headOf(lane)
    if (head === undefined) return null
    const limits = limitsOf(lane, Number.POSITIVE_INFINITY)
    const at = Math.max(head.dueAt, record?.blockedUntil ?? 0, Math.min(lastAt, now))
    const plan = planLane({ ...limits, open: true }, [head], at, 1)
    return plan.take.length > 0 ? at : (plan.nextAt ?? ASLEEP)
  }

  async function headOf(lane: LaneRow) {
    const prefix = queueUnder(lane.id)
    const leased = leasedOf(lane)
    const entries = await db.list(prefix, '', leased.size + 1)
    const first = entries.find(({ value }) => !leased.has(parse<string>(value)))
    if (first === undefined) return undefined
    const id = parse<string>(first.value)
    const row = lane.record?.ordering === 'fifo' ? await db.read<DeliveryRow>(deliveryKey(id)) : undefined
    return { id, dueAt: row?.record.dueAt ?? numberAfter(prefix, first.key) }
  }

  async function clear(id: string, now: number): Promise<boolean> {
    const moreDigests = await sealing.drop(id)
    return db.run(async (tx) => {
      const [lane, wake] = await Promise.all([lanes.read(tx, id), tx.get(wakeKey(id))])
      if (lane.record !== undefined) return false
      expireLeases(lane, now)
      const leased = leasedOf(lane)
      const portion = Math.floor((db.maxWrites - 5) / 3)
      const entries = await db.list(queueUnder(id), '', portion + leased.size, true)
      const ids = entries.map(({ value }) => parse<string>(value)).filter((one) => !leased.has(one))
      const rows = await Promise.all(ids.slice(0, portion).map((one) => tx.peek<DeliveryRow>(deliveryKey(one))))
      for (const row of rows) if (row?.record.status === 'pending') cancel(tx, row, now)
      const more = moreDigests || ids.length >= portion
      lane.nextAt = more ? now : null
      lane.digestAt = null
      lane.lost = {}
      if (more || leased.size > 0) lanes.save(tx, lane, true)
      else {
        if (lane.ready !== undefined) tx.remove(lane.ready)
        if (lane.asleep !== undefined) tx.remove(lane.asleep)
        tx.remove(laneKey(id))
      }
      if (!more && wake !== undefined) tx.remove(wakeKey(id))
      return more
    })
  }

  return { drain, look, clear }
}
