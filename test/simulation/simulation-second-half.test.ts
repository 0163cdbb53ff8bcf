import { expect, it } from 'vitest'
import { sightsOf } from './coverage.ts'
import { reportOf, seedsFrom, simulate } from './simulate.ts'

it('every invariant holds in the worlds of the seeds 2501 to 5000', { timeout: 900_000 }, async () => {
  const seen = new Map<string, number>()
  const failures = await simulate(seedsFrom(2501, 5000), {
    onWorld(history) {
      for (const sight of sightsOf(history)) seen.set(sight, (seen.get(sight) ?? 0) + 1)
    },
  })
  expect(reportOf(failures)).toBe('')
  // an invariant about what never happens holds always
  expect(Object.fromEntries([...seen].filter(([, worlds]) => worlds < 5))).toEqual({})
  expect([...seen.keys()].sort()).toMatchInlineSnapshot(`
    [
      "a cooldown",
      "a delivery that another process took over",
      "a delivery that failed, ambiguous",
      "a delivery that failed, exhausted",
      "a delivery that failed, gone",
      "a delivery that failed, reauthorize",
      "a delivery that failed, rejected",
      "a delivery that was put off",
      "a digest that nobody wants any more",
      "a duplicate",
      "a leading event",
      "a lease that was given back",
      "a lease that was renewed",
      "a limit of places",
      "a pace",
      "a process that crashed",
      "a process that was closed",
      "a replay of what was missed",
      "a request with a digest",
      "a request with a test",
      "a request with an event",
      "a result that came too late",
      "a retry",
      "a second try at once",
      "a store's error",
      "a store's late",
      "a store's lost answer",
      "a store's timeout",
      "a suspension",
      "a window of cron",
      "a window of everyMs",
      "a window of idleMs",
      "an event in a digest",
      "an hour back",
      "an hour forward",
      "an order",
      "an outcome aborted",
      "an outcome delivered",
      "an outcome gone",
      "an outcome reauthorize",
      "an outcome rejected",
      "an outcome retry",
      "an outcome threw",
      "another day",
      "cancel of the host",
      "delete of the host",
      "dispatch of the host",
      "dispatchMany of the host",
      "drain of the host",
      "erase of the host",
      "flush of the host",
      "pause of the host",
      "purge of the host",
      "quiet hours",
      "replay of the host",
      "resume of the host",
      "retry of the host",
      "retryFailed of the host",
      "test of the host",
      "tick of the host",
      "update of the host",
    ]
  `)
})
