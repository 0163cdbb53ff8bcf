import { createHash } from 'node:crypto'
import type { WakeJob } from './queue.ts'

/** An instant at which someone is to look; an empty id names no delivery. */
export interface Scheduled {
  readonly deliveryId: string
  readonly dueAt: number
}

/**
 * Puts what is due together into one job: a job for each delivery would cost more than its claim. What is due at once
 * shares jobs whatever its instant was; what is due later shares an instant that is up to one grain after its own.
 */
export function toJobs(items: readonly Scheduled[], now: number, maxIds: number): readonly WakeJob[] {
  const instants = new Map<number, { readonly ids: Set<string>; wake: boolean }>()
  for (const { deliveryId, dueAt } of items) {
    if (!Number.isFinite(dueAt)) continue
    const at = instantOf(dueAt, now)
    let instant = instants.get(at)
    if (instant === undefined) {
      instant = { ids: new Set(), wake: false }
      instants.set(at, instant)
    }
    if (deliveryId === '') instant.wake = true
    else instant.ids.add(deliveryId)
  }
  return [...instants].flatMap(([at, { ids, wake }]) => {
    const delayMs = Math.max(0, at - now)
    const jobs: WakeJob[] = portions([...ids], maxIds).map((some) =>
      delayMs === 0 ? { ids: some, at, delayMs } : { ids: some, at, delayMs, key: `at-${at}-${digestOf(some)}` },
    )
    if (wake) jobs.push({ ids: [], at, delayMs, key: delayMs === 0 ? 'wake-now' : `wake-${at}` })
    return jobs
  })
}

/** Coarse where nobody can tell: at most a hundredth of the wait from a second on, and never more than a second. */
function instantOf(dueAt: number, now: number): number {
  const wait = dueAt - now
  if (wait <= 0) return now
  const grain = wait < 10_000 ? 10 : wait < 100_000 ? 100 : 1000
  return Math.ceil(dueAt / grain) * grain
}

/** The same deliveries at the same instant are the same job, whoever adds it. */
function digestOf(ids: readonly string[]): string {
  return createHash('sha256').update(ids.join('\n')).digest('base64url').slice(0, 22)
}

function portions(ids: readonly string[], size: number): readonly (readonly string[])[] {
  const result: (readonly string[])[] = []
  for (let from = 0; from < ids.length; from += size) result.push(ids.slice(from, from + size))
  return result
}
