import { check } from './check.ts'
import { type History, type Mutant, runWorld } from './world.ts'

/** A seed in whose world something was not as promised. */
export interface Failure {
  readonly seed: number
  readonly problems: readonly string[]
}

export interface SimulateOptions {
  readonly mutant?: Mutant
  /** Ends after so many failures. @default never */
  readonly maxFailures?: number
  readonly onWorld?: (history: History) => void
}

/** Runs the worlds of these seeds, one after the other, and answers which of them fail. */
export async function simulate(seeds: Iterable<number>, options: SimulateOptions = {}): Promise<readonly Failure[]> {
  const { mutant, maxFailures = Number.POSITIVE_INFINITY, onWorld } = options
  const failures: Failure[] = []
  for (const seed of seeds) {
    const history = await runWorld(seed, mutant)
    onWorld?.(history)
    const problems = check(history)
    if (problems.length > 0) failures.push({ seed, problems })
    if (failures.length >= maxFailures) break
  }
  return failures
}

export function* seedsFrom(first: number, last: number): Iterable<number> {
  for (let seed = first; seed <= last; seed++) yield seed
}

/** For a person who wants to see it happen. */
export function reportOf(failures: readonly Failure[]): string {
  return failures
    .map(({ seed, problems }) => `node test/simulation/run.ts --seed ${seed} --trace\n  ${problems.join('\n  ')}`)
    .join('\n')
}
