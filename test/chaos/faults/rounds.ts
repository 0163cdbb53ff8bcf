import { setTimeout as pause } from 'node:timers/promises'
import type { Verdict } from '../check.ts'
import type { Child } from '../process.ts'
import { CONCURRENCY } from '../settings.ts'
import { createWorld, type World, type WorldOptions } from '../world.ts'

export interface RoundsOptions {
  readonly seed: number
  /** How often something is done to what the processes depend on. */
  readonly rounds: number
  readonly onRound?: (round: number) => void
}

export interface RoundsReport {
  readonly rounds: number
  /** The longest that it took until deliveries and dispatches went on after a harm, in ms. */
  readonly slowestMs: number
  readonly verdict: Verdict
}

const GOES_ON_WITHIN_MS = 40_000
const ENDED_WITHIN_MS = 60_000

/**
 * A process that dispatches and works, and one that works, beside which `harm` is done again and again. It resolves when
 * all is well again: then both have to go on, neither of them may have ended, and at the end nothing may be missing.
 */
export async function runRounds(
  options: RoundsOptions,
  where: WorldOptions,
  harm: (round: number) => Promise<void>,
): Promise<RoundsReport> {
  const world = await createWorld(where)
  try {
    const host = world.start({ role: 'dispatch', pauseMs: 50 })
    const children = [host, world.start({ role: 'work' })]
    await Promise.all(children.map((child) => child.ready))
    let slowestMs = 0
    for (let round = 1; round <= options.rounds; round++) {
      await goesOn(world, host, children)
      await harm(round)
      const healedAt = performance.now()
      await goesOn(world, host, children)
      slowestMs = Math.max(slowestMs, performance.now() - healedAt)
      options.onRound?.(round)
    }
    return { rounds: options.rounds, slowestMs: Math.round(slowestMs), verdict: await world.verdict(ENDED_WITHIN_MS) }
  } finally {
    await world.close()
  }
}

/** More arrives than was in flight, and more is accepted. @throws where that takes too long, or a process has ended. */
async function goesOn(world: World, host: Child, children: readonly Child[]): Promise<void> {
  const { receipts } = world.receiver
  const accepted = (): number => host.journal().filter(({ mark }) => mark === 'accepted').length
  const arrivedBefore = receipts.length
  const acceptedBefore = accepted()
  const giveUpAt = performance.now() + GOES_ON_WITHIN_MS
  while (receipts.length <= arrivedBefore + CONCURRENCY || accepted() <= acceptedBefore) {
    for (const child of children) {
      if (!child.alive()) throw new Error(`${child.name} has ended by itself: ${child.stderr()}`)
    }
    if (performance.now() > giveUpAt) {
      const errors = children.flatMap((child) => child.journal().filter(({ mark }) => mark === 'error'))
      const last = errors.slice(-5).map(({ text }) => text)
      throw new Error(
        `in ${GOES_ON_WITHIN_MS} ms ${receipts.length - arrivedBefore} arrived, ${accepted() - acceptedBefore} were accepted: ${last.join('; ')}`,
      )
    }
    await pause(50)
  }
}
