import { setTimeout as pause } from 'node:timers/promises'
import type { Verdict } from './check.ts'
import { inFlight } from './journal.ts'
import { LEASE_MS, seededRandom } from './settings.ts'
import { createWorld, type WorldOptions } from './world.ts'

export interface PauseLoopOptions extends Omit<WorldOptions, 'answers'> {
  readonly pauses: number
  /** Chooses moments, who stands still, and answers. */
  readonly seed: number
  readonly onPause?: (pauses: number) => void
}

export interface PauseVerdict extends Verdict {
  /** Deliveries that processes held when they were paused. */
  readonly inFlightAtPauses: number
}

/** Pauses one of two processes for longer than its leases, in turns, at any moment: in the middle of a write too. */
export async function runPauseLoop({ pauses, seed, onPause, ...where }: PauseLoopOptions): Promise<PauseVerdict> {
  const random = seededRandom(seed)
  const answers = seededRandom(seed + 1)
  const world = await createWorld({
    ...where,
    answers: { random: answers, delayMs: () => 5 + answers() * 200, refuse: 0.04, cut: 0.01 },
  })
  try {
    const children = [1, 2].map(() => world.start({ role: 'dispatch', pauseMs: 50 }))
    await Promise.all(children.map((child) => child.ready))
    let inFlightAtPauses = 0
    for (let paused = 0; paused < pauses; paused++) {
      await pause(300 + random() * 700)
      const child = children[random() < 0.5 ? 0 : 1]
      child?.kill('SIGSTOP')
      // the signal is not acted on at once
      await pause(20)
      inFlightAtPauses += inFlight(child?.journal() ?? []).length
      await pause(LEASE_MS + random() * LEASE_MS)
      child?.kill('SIGCONT')
      onPause?.(paused + 1)
    }
    return { ...(await world.verdict()), inFlightAtPauses }
  } finally {
    await world.close()
  }
}
