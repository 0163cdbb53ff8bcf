import { parse } from './codec.ts'

/** One claim's leases of one lane: its token, when they run out, and the deliveries' keys. */
export type LeaseGroup = [token: string, until: number, ...dids: number[]]

export function readLeases(json: string | undefined): LeaseGroup[] {
  return json === undefined ? [] : parse<LeaseGroup[]>(json)
}

export function writeLeases(groups: readonly LeaseGroup[]): string | null {
  return groups.length === 0 ? null : JSON.stringify(groups)
}

/** `nextAt` of a lane that has more to give as soon as one of its leases ends. */
export const ASLEEP = -1

/** What decides when a lane is visited next. */
export interface LaneTimes {
  /** Epoch ms of the last visit. */
  readonly lastAt: number
  /** From when there is more to claim; {@link ASLEEP}; `null`: nothing waits. */
  nextAt: number | null
  /** When a digest may close. */
  readonly digestAt: number | null
  readonly leases: LeaseGroup[]
}

/** When a claim should visit it. Never before its last visit: those that waited since then are first. */
export function dueOf({ nextAt, digestAt, lastAt, leases }: LaneTimes): number | null {
  let due = Number.POSITIVE_INFINITY
  if (nextAt !== null && nextAt !== ASLEEP) due = nextAt
  if (digestAt !== null) due = Math.min(due, Math.max(digestAt, lastAt))
  for (const [, until] of leases) due = Math.min(due, until)
  return due === Number.POSITIVE_INFINITY ? null : due
}

/** More may be claimed from `at` on. */
export function wakeLane(lane: LaneTimes, at: number): void {
  const from = Math.max(at, lane.lastAt)
  lane.nextAt = lane.nextAt === null || lane.nextAt === ASLEEP ? from : Math.min(lane.nextAt, from)
}

export function leasedIn(groups: readonly LeaseGroup[]): Set<number> {
  const dids = new Set<number>()
  for (const group of groups) for (let n = 2; n < group.length; n++) dids.add(group[n] as number)
  return dids
}

/** Takes a delivery's lease out of the lane. False: the caller no longer has it. */
export function endLease(lane: LaneTimes, token: string, did: number): boolean {
  for (let g = 0; g < lane.leases.length; g++) {
    const group = lane.leases[g]
    if (group?.[0] !== token) continue
    const at = group.indexOf(did, 2)
    if (at < 0) continue
    if (group.length === 3) lane.leases.splice(g, 1)
    else group.splice(at, 1)
    return true
  }
  return false
}
