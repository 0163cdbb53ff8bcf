import { expect, it } from 'vitest'
import { fakeClock } from '../../src/testing/index.ts'
import { secondTry } from '../../src/worker/second-try.ts'

it('makes exactly one further try, after the wait of the injected clock', async () => {
  const clock = fakeClock()
  let calls = 0
  const done = secondTry(async () => ++calls, { waitMs: 500, clock, signal: new AbortController().signal })
  await clock.advance(499)
  expect(calls).toBe(0)
  await clock.advance(1)
  expect(await done).toBe(1)
})

it('passes on what the try throws', async () => {
  const clock = fakeClock()
  const done = secondTry(() => Promise.reject(new Error('broken')), {
    waitMs: 1,
    clock,
    signal: new AbortController().signal,
  })
  const outcome = expect(done).rejects.toThrow('broken')
  await clock.advance(1)
  await outcome
})

it('ends at once when aborted during the wait, without the try', async () => {
  const abort = new AbortController()
  let calls = 0
  const done = secondTry(async () => ++calls, { waitMs: 500, clock: fakeClock(), signal: abort.signal })
  abort.abort(new Error('closing'))
  await expect(done).rejects.toThrow('closing')
  expect(calls).toBe(0)
})
