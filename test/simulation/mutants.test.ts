import { describe, expect, it } from 'vitest'
import { mutants } from './mutants.ts'
import { seedsFrom, simulate } from './simulate.ts'

/** Each is found within so many worlds. */
const SEEDS = 150

describe('the simulation finds', () => {
  it.each(Object.keys(mutants))('%s', { timeout: 300_000 }, async (name) => {
    const mutant = mutants[name]?.()
    expect(mutant).toBeDefined()
    const failures = await simulate(seedsFrom(1, SEEDS), { ...(mutant && { mutant }), maxFailures: 1 })
    expect(failures).toHaveLength(1)
    // by what it does, and not only because the world broke down
    expect(failures[0]?.problems.some((text) => !/^(no end after|no rest after|never answered)/.test(text))).toBe(true)
  })
})
