import { describe, expect, it } from 'vitest'
import { undiciHttp } from '../src/http/index.ts'
import { aesGcm, createDispatcher, generateEncryptionKey, isSignalboxError, type Store } from '../src/index.ts'
import { memoryStore } from '../src/stores/memory.ts'
import { fakeClock } from '../src/testing/index.ts'
import { webhookTransport } from '../src/transports/webhook.ts'

const store = memoryStore()
const transports = [webhookTransport()]
const durable: Store = { ...store, name: 'durable', capabilities: { tx: false, durable: true } }

function refusal(make: () => unknown): string | undefined {
  try {
    make()
  } catch (error) {
    if (isSignalboxError(error, 'invalid_input')) return error.field
    throw error
  }
  return undefined
}

describe('createDispatcher', () => {
  it.each([
    ['no store', () => createDispatcher({ store: undefined as never, transports }), 'store'],
    ['no transports', () => createDispatcher({ store, transports: [] }), 'transports'],
    [
      'two transports of one name',
      () => createDispatcher({ store, transports: [webhookTransport(), webhookTransport()] }),
      'transports[1]',
    ],
    [
      'a bad retry policy of a transport',
      () => createDispatcher({ store, transports: [webhookTransport({ retry: { jitter: 2 } })] }),
      'transports[0].retry.jitter',
    ],
    [
      'a bad retry policy',
      () => createDispatcher({ store, transports, retry: { delaysMs: [-1] } }),
      'retry.delaysMs[0]',
    ],
    ['no concurrency', () => createDispatcher({ store, transports, worker: { concurrency: 0 } }), 'worker.concurrency'],
    ['a short lease', () => createDispatcher({ store, transports, worker: { leaseMs: 10 } }), 'worker.leaseMs'],
    [
      'an HTTP client on another clock',
      () => createDispatcher({ store, transports, clock: fakeClock(), http: undiciHttp() }),
      'http',
    ],
    ['both http and egress', () => createDispatcher({ store, transports, http: undiciHttp(), egress: {} }), 'egress'],
    ['a durable store and no encryption', () => createDispatcher({ store: durable, transports }), 'encryption'],
    [
      'a bad suspension rule',
      () => createDispatcher({ store, transports, health: { suspendAfterMs: -1 } }),
      'health.suspendAfterMs',
    ],
    [
      'a bad limit',
      () => createDispatcher({ store, transports, limits: { maxEventBytes: 1 } }),
      'limits.maxEventBytes',
    ],
    ['an unknown attempt log', () => createDispatcher({ store, transports, attempts: 'some' as never }), 'attempts'],
  ])('refuses %s at once, naming the option', (_what, make, field) => {
    expect(refusal(make)).toBe(field)
  })

  it('takes a durable store with encryption, or with encryption: false written out', () => {
    const encryption = aesGcm({ keys: [{ id: 'a', key: generateEncryptionKey() }] })
    expect(refusal(() => createDispatcher({ store: durable, transports, encryption }))).toBeUndefined()
    expect(refusal(() => createDispatcher({ store: durable, transports, encryption: false }))).toBeUndefined()
    expect(refusal(() => createDispatcher({ store, transports, encryption: false }))).toBeUndefined()
  })

  it('tells a failed setup to the caller, and tries it again at the next call', async () => {
    let calls = 0
    const flaky: Store = {
      ...memoryStore(),
      setup: async () => {
        if (++calls === 1) throw new Error('not yet')
      },
    }
    const dispatcher = createDispatcher({ store: flaky, transports })
    await expect(dispatcher.tick()).rejects.toThrow('not yet')
    expect(await dispatcher.tick()).toMatchObject({ delivered: 0 })
    await dispatcher.tick()
    expect(calls).toBe(2)
    await dispatcher.close()
  })

  it.each([
    ['tx with a store that has none', { tx: {} }, 'tx'],
    ['wait with tx', { tx: {}, wait: true }, 'wait'],
    ['a negative waitMs', { wait: true, waitMs: -1 }, 'waitMs'],
    ['an empty dedupe key', { dedupe: { key: '', everyMs: 1000 } }, 'dedupe.key'],
    ['a dedupe window of nothing', { dedupe: { key: 'k', everyMs: 0 } }, 'dedupe.everyMs'],
  ])('refuses to dispatch with %s', async (_what, options, field) => {
    const dispatcher = createDispatcher({ store: memoryStore(), transports })
    const event = { orgId: 'o', type: 't', title: 'T', body: '', href: 'https://a.example' }
    await expect(dispatcher.dispatch(event, options)).rejects.toMatchObject({ code: 'invalid_input', field })
    await dispatcher.close()
  })

  it('closes twice without complaint, and at the end of an `await using` block', async () => {
    const dispatcher = createDispatcher({ store: memoryStore(), transports })
    await dispatcher.close()
    await dispatcher.close()
    let escaped: { dispatch: unknown } | undefined
    {
      await using scoped = createDispatcher({ store: memoryStore(), transports })
      escaped = scoped
    }
    expect(escaped).toBeDefined()
    await expect(dispatcher.drain()).rejects.toMatchObject({ code: 'closed' })
  })
})
