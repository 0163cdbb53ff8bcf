import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { keyValueStore } from 'signalbox/stores/key-value'
import { engineContract, fakeClock } from 'signalbox/testing'
import { afterAll, describe, expect, it } from 'vitest'
import { intervalEngine } from '../../examples/support/interval-engine.ts'
import { fileKv } from '../../examples/support/kv.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { testEach } from '../support/cases.ts'

describe('the store of the examples, over a file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-example-'))
  let files = 0
  const closers: (() => Promise<void>)[] = []
  afterAll(async () => {
    for (const close of closers) await close()
    rmSync(folder, { recursive: true })
  })
  const open = async (path = join(folder, `${files++}.log`)) => {
    const kv = await fileKv(path)
    let isOpen = true
    const close = async () => {
      if (isOpen) await kv.close()
      isOpen = false
    }
    closers.push(close)
    return { path, kv, close, store: keyValueStore({ kv }) }
  }

  it('what was committed is there after the file was opened again, in order, under versions of its own', async () => {
    const first = await open()
    await first.kv.commit(
      new Map(),
      new Map([
        ['b', '1'],
        ['a', '2'],
        ['c', '3'],
      ]),
    )
    await first.kv.commit(new Map([['b', 1]]), new Map([['b', undefined]]))
    expect(await first.kv.commit(new Map([['b', 1]]), new Map([['a', 'stale']]))).toBe(false)
    await first.close()
    const again = await open(first.path)
    expect((await again.kv.list('', '', 10, true)).map(({ key, value }) => [key, value])).toEqual([
      ['a', '2'],
      ['c', '3'],
    ])
    await again.kv.commit(new Map([['b', undefined]]), new Map([['b', '4']]))
    expect((await again.kv.get('b'))?.version).not.toBe(1)
  })

  it('a line that the death of the process cut off was never there', async () => {
    const first = await open()
    await first.store.keys.put('k', 'one', { now: 0 })
    await first.close()
    appendFileSync(first.path, '[2,[["key!k","{')
    const again = await open(first.path)
    expect((await again.store.keys.get('k', { now: 0 }))?.value).toBe('one')
    await again.store.keys.put('k', 'two', { now: 0 })
    await again.close()
    const last = await open(first.path)
    expect((await last.store.keys.get('k', { now: 0 }))?.value).toBe('two')
  })

  it('says store_failed, with the cause, where the database fails', async () => {
    const cause = new Error('disk full')
    const { kv } = await open()
    const store = keyValueStore({ kv: { ...kv, commit: () => Promise.reject(cause) } })
    await expect(store.keys.put('k', 'v', { now: 0 })).rejects.toMatchObject({ code: 'store_failed', cause })
  })
})

describe('the engine of the examples', () => {
  const clock = fakeClock()
  testEach(
    engineContract({
      shared: false,
      clock,
      open: async ({ sweepMs }) => ({
        engine: () => {
          const engine = intervalEngine({ everyMs: sweepMs })
          engine.attach?.({ clock, logger: silentLogger, random: () => 0 })
          return engine
        },
        close: async () => {},
      }),
    }),
  )
})
