import type { CollectEntry } from '../../src/contracts/index.ts'

/** What one digest held when it was sealed. */
export interface Generation {
  readonly connectionId: string
  readonly key: string
  readonly members: readonly CollectEntry[]
  readonly kept: readonly string[]
  readonly closedAt: number
}

export const digestKey = (connectionId: string, key: string): string => `${connectionId} ${key}`

/** When a digest closes that holds these. */
export function closingOf(members: readonly CollectEntry[]): number {
  const latest = Math.max(...members.map((one) => one.closesAt))
  return Math.min(latest, ...members.map((one) => one.mustCloseAt))
}

/** What they are once it is sealed. */
export function generationOf(members: readonly CollectEntry[]): Generation {
  const sorted = [...members].sort((a, b) => a.at - b.at || (a.eventId < b.eventId ? -1 : 1))
  const last = sorted.at(-1)
  const most = last?.maxItems ?? 0
  const kept = last?.keep === 'last' ? sorted.slice(-most) : sorted.slice(0, most)
  return {
    connectionId: last?.connectionId ?? '',
    key: last?.key ?? '',
    members: sorted,
    kept: kept.map((one) => one.eventId),
    closedAt: closingOf(sorted),
  }
}
