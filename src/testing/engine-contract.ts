import type { Engine } from '../contracts/index.ts'
import { failureCases } from './engine-contract/failures.ts'
import { sharingCases } from './engine-contract/sharing.ts'
import { stopCases } from './engine-contract/stops.ts'
import { wakeCases } from './engine-contract/wakes.ts'
import { type Case, createWorld } from './engine-contract/world.ts'
import type { FakeClock } from './fake-clock.ts'

/** How the contract gets at an engine. */
export interface EngineHarness {
  /** A queue of its own for one case, with nothing in it. */
  open(options: EngineOpenOptions): Promise<EngineGround>
  /**
   * What `schedule` tells goes to other processes too, by a queue outside of them. Each ground then needs `lose` and
   * `cut`.
   */
  readonly shared: boolean
  /** How much later than asked for the engine may look, in ms. @default 2500 */
  readonly lateMs?: number
  /** The clock of the engines, where it is a fake one: the cases move it, and nothing waits. @default the system's */
  readonly clock?: FakeClock
}

export interface EngineOpenOptions {
  /** How often each engine is to look by itself, in ms: long where a case is about wake-ups, short where it is about this. */
  readonly sweepMs: number
}

/** A queue and the engines over it. */
export interface EngineGround {
  /** One more engine over the queue, as another process has it. The contract stops it. */
  engine(): Engine
  /** Loses every job that waits. */
  lose?(): Promise<void>
  /** Cuts the engines off from the queue, those that are made later too. Answers what mends it. */
  cut?(): Promise<() => Promise<void>>
  /** Removes what the case left. Called last. */
  close(): Promise<void>
}

export interface EngineContractCase {
  readonly name: string
  /** Why this case does not apply; its `run` does nothing then. */
  readonly skip?: string
  /** Rejects with an `AssertionError` where the engine breaks the contract. */
  run(): Promise<void>
}

/**
 * The contract of an {@link Engine} as data, for any test runner. Each case drives fresh engines with a handler of its
 * own, over a store that is a list: it shows when they look, not what is sent. On a fake clock nothing waits; over a
 * real queue a case takes up to some seconds, and one that has to do without it up to 20.
 *
 * @example
 * ```ts
 * import { engineContract, fakeClock } from 'signalbox/testing'
 * import { describe, it } from 'vitest'
 * import { myEngine } from '../src/my-engine.ts'
 *
 * describe('myEngine', () => {
 *   const clock = fakeClock()
 *   const cases = engineContract({
 *     shared: false,
 *     clock,
 *     open: async ({ sweepMs }) => ({ engine: () => myEngine({ everyMs: sweepMs, clock }), close: async () => {} }),
 *   })
 *   for (const { name, skip, run } of cases) {
 *     if (skip === undefined) it(name, run, 30_000)
 *     else it.skip(`${name} (${skip})`)
 *   }
 * })
 * ```
 */
export function engineContract(harness: EngineHarness): readonly EngineContractCase[] {
  return CASES.map((each) => {
    if (each.shared && !harness.shared) {
      const skip = 'needs harness.shared: wake-ups stay in the process'
      return { name: each.name, skip, run: async () => {} }
    }
    return { name: each.name, run: () => runCase(each, harness) }
  })
}

const CASES: readonly Case[] = [...wakeCases, ...sharingCases, ...stopCases, ...failureCases]

/** Longer than any case waits: what is found was announced. */
const NEVER_MS = 3_600_000

async function runCase(each: Case, harness: EngineHarness): Promise<void> {
  const { clock, lateMs = 2500 } = harness
  const ground = await harness.open({ sweepMs: each.sweepMs ?? NEVER_MS })
  // what a harness leaves out must not hide a promise of the engine
  if (harness.shared && (ground.lose === undefined || ground.cut === undefined)) {
    throw new Error('harness.shared: each ground needs lose and cut')
  }
  const world = createWorld({ ground, lateMs, clock })
  try {
    await each.run(world)
  } catch (error) {
    // an engine at fault may not stop either: what the case found is the better news
    await world.close().catch(() => undefined)
    await ground.close()
    throw error
  }
  await world.close()
  await ground.close()
}
