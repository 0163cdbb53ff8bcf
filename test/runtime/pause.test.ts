import { describe, expect, it } from 'vitest'
import { pause, untilAborted } from '../../src/runtime/pause.ts'
import { fakeClock } from '../../src/testing/index.ts'

const reason = new Error('closing')

describe('pause', () => {
  it('takes its time on the clock', async () => {
    const clock = fakeClock()
    let isOver = false
    const waiting = pause(clock, 1000, new AbortController().signal).then(() => {
      isOver = true
    })
    await clock.advance(999)
    expect(isOver).toBe(false)
    await clock.advance(1)
    await waiting
  })

  it('ends with the reason of an abort, before or meanwhile', async () => {
    const clock = fakeClock()
    await expect(pause(clock, 1000, AbortSignal.abort(reason))).rejects.toBe(reason)
    const abort = new AbortController()
    const waiting = pause(clock, 1000, abort.signal)
    abort.abort(reason)
    await expect(waiting).rejects.toBe(reason)
  })
})

describe('untilAborted', () => {
  it('settles like the promise, or ends with the reason of an abort', async () => {
    const { signal } = new AbortController()
    expect(await untilAborted(Promise.resolve(7), signal)).toBe(7)
    await expect(untilAborted(Promise.reject(reason), signal)).rejects.toBe(reason)
    const never = new Promise(() => undefined)
    await expect(untilAborted(never, AbortSignal.abort(reason))).rejects.toBe(reason)
    const abort = new AbortController()
    const waiting = untilAborted(never, abort.signal)
    abort.abort(reason)
    await expect(waiting).rejects.toBe(reason)
  })
})
