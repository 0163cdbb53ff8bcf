import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import type { KeyRepository } from '../../src/contracts/store.ts'
import { SignalboxError } from '../../src/errors.ts'
import { type DedupeStore, type ReceiverOptions, receiver } from '../../src/receiving/index.ts'
import { ghostSignature, standardWebhooks } from '../../src/signing/index.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { sqliteStore } from '../../src/stores/sqlite.ts'
import { fakeClock } from '../../src/testing/index.ts'
import { fetchRequest, NOW, refusalOf, SECRET, signed } from './support.ts'

const cleanups: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

const stores: Record<string, () => DedupeStore | undefined> = {
  'this process': () => undefined,
  'a memory store': () => memoryStore(),
  // not set up before: the receiver does it
  'an SQLite file': () => {
    const folder = mkdtempSync(join(tmpdir(), 'signalbox-test-'))
    const store = sqliteStore({ path: join(folder, 'test.db') })
    cleanups.push(() => rmSync(folder, { recursive: true }), store.close)
    return store
  },
}

function gate() {
  let open = (): void => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open: () => open() }
}

const message = (id = 'msg_1') => signed({ type: 'invoice_paid' }, { id })

describe.each(Object.entries(stores))('messages remembered in %s', (_name, makeStore) => {
  const setup = (more: { readonly ttlMs?: number; readonly claimMs?: number } = {}) => {
    const clock = fakeClock({ now: NOW })
    const store = makeStore()
    const options: ReceiverOptions = {
      scheme: standardWebhooks(),
      secrets: [SECRET],
      clock,
      toleranceMs: 1e12,
      onError: () => {},
      ...(store === undefined ? {} : { dedupe: { store, ...more } }),
    }
    return { clock, store, hooks: receiver(options), options }
  }

  it('are handled once, however often they are sent, under whatever signature', async () => {
    const { hooks, clock } = setup()
    const handled: string[] = []
    const handle = hooks.fetch(({ id }) => void handled.push(id))
    for (const sentAt of [NOW, NOW, NOW + 5000]) {
      clock.set(sentAt)
      const response = await handle(fetchRequest(signed({ type: 'a' }, { sentAt })))
      expect(response.status).toBe(204)
    }
    await handle(fetchRequest(message('msg_2')))
    expect(handled).toEqual(['msg_1', 'msg_2'])
  })

  it('are handled again, and at once, when their handler failed', async () => {
    const { hooks } = setup()
    let calls = 0
    const handle = hooks.fetch(() => {
      calls += 1
      if (calls === 1) throw new Error('the database is away')
    })
    const statuses = []
    for (let i = 0; i < 3; i++) statuses.push((await handle(fetchRequest(message()))).status)
    expect(statuses).toEqual([500, 204, 204])
    expect(calls).toBe(2)
  })

  it('are not acknowledged while another request is handling them: that one may still fail', async () => {
    const { hooks } = setup()
    const { opened, open } = gate()
    const started = gate()
    let fail = true
    const handle = hooks.fetch(async () => {
      started.open()
      await opened
      if (fail) throw new Error('too late')
    })
    const first = handle(fetchRequest(message()))
    await started.opened
    const second = await handle(fetchRequest(message()))
    expect(second.status).toBe(409)
    expect(await second.json()).toEqual({ error: 'conflict' })
    open()
    expect((await first).status).toBe(500)
    fail = false
    expect((await handle(fetchRequest(message()))).status).toBe(204)
  })

  it('are told as duplicates by `receive` only when they were confirmed', async () => {
    const { hooks } = setup()
    const first = await hooks.receive(message())
    expect(await refusalOf(hooks.receive(message()))).toMatchObject({ code: 'conflict', status: 409 })
    await first.release()
    const second = await hooks.receive(message())
    expect(second.duplicate).toBe(false)
    await second.confirm()
    const third = await hooks.receive(message())
    expect(third.duplicate).toBe(true)
    // a duplicate has nothing to settle
    await third.release()
    expect((await hooks.receive(message())).duplicate).toBe(true)
  })

  it('that a crashed receiver had begun are fresh again when its claim has run out', async () => {
    const { hooks, clock } = setup()
    const crashed = await hooks.receive(message())
    clock.set(NOW + 59_999)
    expect((await refusalOf(hooks.receive(message()))).status).toBe(409)
    clock.set(NOW + 60_000)
    const next = await hooks.receive(message())
    expect(next.duplicate).toBe(false)
    // The first was only slow: that it gives up does not take the claim from the second; that it succeeds counts.
    await crashed.release()
    expect((await refusalOf(hooks.receive(message()))).status).toBe(409)
    await crashed.confirm()
    expect((await hooks.receive(message())).duplicate).toBe(true)
  })

  it('are forgotten after seven days', async () => {
    const { hooks, clock } = setup()
    await (await hooks.receive(message())).confirm()
    clock.set(NOW + 604_799_999)
    expect((await hooks.receive(message())).duplicate).toBe(true)
    clock.set(NOW + 604_800_000)
    expect((await hooks.receive(message())).duplicate).toBe(false)
  })

  it('of twenty requests at the same time one is handled', async () => {
    const { hooks } = setup()
    let calls = 0
    const handle = hooks.fetch(async () => {
      calls += 1
    })
    const statuses = await Promise.all(
      Array.from({ length: 20 }, async () => (await handle(fetchRequest(message()))).status),
    )
    expect(calls).toBe(1)
    expect(statuses.filter((status) => status !== 204 && status !== 409)).toEqual([])
    expect(statuses).toContain(204)
  })
})

describe('deduplication', () => {
  const base = { scheme: standardWebhooks(), secrets: [SECRET], clock: fakeClock({ now: NOW }) }

  it('is shared by receivers over one store, and apart by prefix', async () => {
    const store = memoryStore()
    const [one, two] = [receiver({ ...base, dedupe: { store } }), receiver({ ...base, dedupe: { store } })]
    const other = receiver({ ...base, dedupe: { store, prefix: 'tenant-b/' } })
    await (await one.receive(message())).confirm()
    expect((await two.receive(message())).duplicate).toBe(true)
    expect((await other.receive(message())).duplicate).toBe(false)
  })

  it('takes the times that are set', async () => {
    const clock = fakeClock({ now: NOW })
    const hooks = receiver({ ...base, clock, dedupe: { store: memoryStore(), claimMs: 10, ttlMs: 100 } })
    const slow = await hooks.receive(message())
    clock.set(NOW + 10)
    expect((await hooks.receive(message())).duplicate).toBe(false)
    await slow.confirm()
    clock.set(NOW + 109)
    expect((await hooks.receive(message())).duplicate).toBe(true)
    clock.set(NOW + 110)
    expect((await hooks.receive(message())).duplicate).toBe(false)
  })

  it('can be switched off', async () => {
    const hooks = receiver({ ...base, dedupe: false })
    for (let i = 0; i < 3; i++) {
      const webhook = await hooks.receive(message())
      await webhook.confirm()
      expect(webhook.duplicate).toBe(false)
    }
  })

  it('in this process keeps the latest ten thousand messages', async () => {
    const hooks = receiver({ ...base, scheme: ghostSignature() })
    const handle = async (n: number) => {
      const webhook = await hooks.receive(signed({ n }, { scheme: ghostSignature() }))
      await webhook.confirm()
      return webhook.duplicate
    }
    for (let n = 0; n < 10_001; n++) expect(await handle(n)).toBe(false)
    expect(await handle(1)).toBe(true)
    expect(await handle(0)).toBe(false)
  })

  it('writes no id of the sender into the store', async () => {
    const keys: string[] = []
    const { keys: real } = memoryStore()
    const put: KeyRepository['put'] = (key, ...rest) => {
      keys.push(key)
      return real.put(key, ...rest)
    }
    const hooks = receiver({ ...base, dedupe: { store: { keys: { ...real, put } } } })
    await hooks.receive(message('cA7n4ry'))
    expect(keys).toEqual([expect.stringMatching(/^received\/[0-9a-f]{64}$/)])
  })
})

describe('a store that fails', () => {
  const failing = (calls: Partial<KeyRepository>) => {
    const errors: unknown[] = []
    const hooks = receiver({
      scheme: standardWebhooks(),
      secrets: [SECRET],
      clock: fakeClock({ now: NOW }),
      dedupe: { store: { keys: { ...memoryStore().keys, ...calls } } },
      onError: (error, { status }) => errors.push([error, status]),
    })
    return { hooks, errors }
  }
  const down = async (): Promise<never> => {
    throw new Error('down')
  }

  it('before the handler: the sender is asked to come again, and the handler is not called', async () => {
    const { hooks, errors } = failing({ put: down })
    let calls = 0
    const response = await hooks.fetch(() => void calls++)(fetchRequest(message()))
    expect(response.status).toBe(503)
    expect(await response.json()).toEqual({ error: 'store_failed' })
    expect(calls).toBe(0)
    expect(errors).toEqual([[expect.objectContaining({ code: 'store_failed', cause: new Error('down') }), 503]])
  })

  it('after the handler: what it did is done, the sender is thanked, and the host is told', async () => {
    const { keys } = memoryStore()
    let puts = 0
    const { hooks, errors } = failing({ put: (...args) => (puts++ === 0 ? keys.put(...args) : down()) })
    expect((await hooks.fetch(() => {})(fetchRequest(message()))).status).toBe(204)
    expect(errors).toEqual([[expect.objectContaining({ code: 'store_failed' }), 204]])
  })

  it('while it is set up: is set up again for the next request', async () => {
    const store = memoryStore()
    let setups = 0
    const hooks = receiver({
      scheme: standardWebhooks(),
      secrets: [SECRET],
      clock: fakeClock({ now: NOW }),
      dedupe: {
        store: {
          keys: store.keys,
          setup: async () => {
            setups += 1
            if (setups === 1) throw new SignalboxError('store_failed', 'away')
          },
        },
      },
    })
    expect(await refusalOf(hooks.receive(message()))).toMatchObject({ code: 'store_failed', status: 503 })
    expect((await hooks.receive(message())).duplicate).toBe(false)
    expect((await refusalOf(hooks.receive(message()))).status).toBe(409)
    expect(setups).toBe(2)
  })
})
