import { expect, it } from 'vitest'
import { createSignal } from '../../src/worker/signal.ts'

it('wakes everyone who waits', async () => {
  const signal = createSignal()
  const waits = [signal.listen(), signal.listen()].map((listener) => listener.wait())
  signal.raise()
  await Promise.all(waits)
})

it('does not lose what was raised before the wait, nor lets one listener take it from another', async () => {
  const signal = createSignal()
  const [first, second] = [signal.listen(), signal.listen()]
  signal.raise()
  await first.wait()
  await second.wait()
  let woken = false
  const waiting = first.wait().then(() => {
    woken = true
  })
  await new Promise(setImmediate)
  expect(woken).toBe(false)
  signal.raise()
  await waiting
})
