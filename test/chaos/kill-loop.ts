import { setTimeout as pause } from 'node:timers/promises'
import type { Verdict } from './check.ts'
import { inDoubt } from './journal.ts'
import type { Child } from './process.ts'
import { seededRandom } from './settings.ts'
import { createWorld, type WorldOptions } from './world.ts'

export interface KillLoopOptions extends Omit<WorldOptions, 'answers'> {
  /** How many processes are killed, at least. */
  readonly kills: number
  /** Chooses moments, victims and answers; what the processes are doing at these moments is theirs. */
  readonly seed: number
  /** Longest life of a process after it began to work, in ms. @default 500 */
  readonly maxLifeMs?: number
  readonly onKill?: (kills: number) => void
}

/** Added to the life of every third: many times what a delivery takes, on a busy machine too. */
const LONG_LIFE_MS = 1500
const READY_WITHIN_MS = 60_000
/** After hundreds of kills, on a busy machine. */
const DRAINED_WITHIN_MS = 300_000
/** Between the dispatches of a process: what they accept is worked off about as fast. */
const PAUSE_MS = 30

/**
 * Kills processes that dispatch and deliver, at random moments, and starts others on the same store; in a part of the
 * rounds two are alive. Then lets a last one work off the rest, and checks what everyone saw.
 */
export async function runKillLoop(options: KillLoopOptions): Promise<Verdict> {
  const { kills, seed, maxLifeMs = 500, onKill, ...where } = options
  const random = seededRandom(seed)
  const answers = seededRandom(seed + 1)
  const world = await createWorld({
    ...where,
    answers: { random: answers, delayMs: () => 5 + answers() * 25, refuse: 0.04, cut: 0.01 },
  })
  try {
    let alive: Child[] = []
    let doubtful: readonly string[] = []
    for (let killed = 0, round = 1; killed < kills; round++) {
      if (!alive.some(dispatches)) {
        // a host that can't know whether its last calls went through may ask again, or leave it
        const again = random() < 0.5 ? doubtful : []
        alive.push(world.start({ role: random() < 0.7 ? 'dispatch' : 'host', again, pauseMs: PAUSE_MS }))
        doubtful = []
      }
      const works = alive.some(({ role }) => role !== 'host')
      if (!works || (alive.length === 1 && random() < 0.4)) {
        alive.push(world.start({ role: random() < 0.5 ? 'work' : 'dispatch', pauseMs: PAUSE_MS }))
      }
      // some die while they start
      if (random() < 0.9) await ready(alive)
      // five deaths in a row while it is under way end a delivery as `abandoned`, rightly: some live long enough to settle
      await pause(random() * maxLifeMs + (round % 3 === 0 ? LONG_LIFE_MS : 0))

      const spared = alive.length > 1 && random() < 0.6 ? alive[random() < 0.5 ? 0 : 1] : undefined
      const victims = alive.filter((child) => child !== spared)
      await kill(victims)
      doubtful = [...doubtful, ...victims.flatMap((child) => inDoubt(child.journal()))]
      alive = spared === undefined ? [] : [spared]
      killed += victims.length
      onKill?.(killed)
    }
    await kill(alive)
    return await world.verdict(DRAINED_WITHIN_MS)
  } finally {
    await world.close()
  }
}

const dispatches = ({ role }: Child): boolean => role === 'host' || role === 'dispatch'

/** @throws when one takes for ever: the suite ends by itself. */
async function ready(children: readonly Child[]): Promise<void> {
  const late = new AbortController()
  const tooLate = pause(READY_WITHIN_MS, undefined, { signal: late.signal }).then(() => {
    const told = children.map((child) => `${child.name} (${child.role}) ${child.stderr()}`)
    throw new Error(`not ready within ${READY_WITHIN_MS} ms: one of ${told.join(', ')}`)
  })
  try {
    await Promise.race([Promise.all(children.map((child) => child.ready)), tooLate])
  } finally {
    tooLate.catch(() => undefined)
    late.abort()
  }
}

/** @throws when one has ended by itself: nothing may make a process fall over. */
async function kill(children: readonly Child[]): Promise<void> {
  for (const child of children) child.kill('SIGKILL')
  for (const child of children) {
    const { code, signal } = await child.exited
    if (signal !== 'SIGKILL') throw new Error(`${child.name} ended by itself (${code ?? signal}): ${child.stderr()}`)
  }
}
