import { describe, expect, it } from 'vitest'
import { SignalboxError, type Store } from '../../src/index.ts'
import { HOUR, logWorld } from '../support/log-world.ts'

const broken = (): Promise<never> => Promise.reject(new SignalboxError('store_failed', 'not now'))

describe('a dispatcher', () => {
  it('that could not be started can be started again', async () => {
    let calls = 0
    const setup = (store: Store): Store => ({
      ...store,
      setup: () => (++calls === 1 ? broken() : store.setup()),
    })
    const { clock, dispatcher, connect, event, sent } = logWorld({ over: setup })
    await expect(dispatcher.start()).rejects.toMatchObject({ code: 'store_failed' })
    await dispatcher.start()
    await connect()
    await dispatcher.dispatch(event())
    await clock.advance(1)
    expect(sent).toHaveLength(1)
    await dispatcher.close()
  })

  it('that is closed while it starts stays closed', async () => {
    let ready = (): void => {}
    let claims = 0
    const slow = (store: Store): Store => ({
      ...store,
      setup: () => new Promise((resolve) => (ready = resolve)),
      deliveries: {
        ...store.deliveries,
        claim(request) {
          claims++
          return store.deliveries.claim(request)
        },
      },
    })
    const { clock, dispatcher } = logWorld({ over: slow })
    const starting = dispatcher.start()
    await dispatcher.close()
    ready()
    await expect(starting).rejects.toMatchObject({ code: 'closed' })
    await clock.advance(HOUR)
    expect(claims).toBe(0)
  })

  it('stops working, though its digests could not be flushed', async () => {
    const noSeals = (store: Store): Store => ({ ...store, digests: { ...store.digests, seal: broken } })
    const { clock, dispatcher, connect, event, sent, store } = logWorld({ over: noSeals })
    await connect({ digest: { window: { everyMs: HOUR } } })
    await dispatcher.start()
    await dispatcher.dispatch(event())
    await expect(dispatcher.close({ digests: 'flush' })).rejects.toMatchObject({ code: 'store_failed' })
    await clock.advance(2 * HOUR)
    expect(sent).toEqual([])
    expect((await store.digests.list({ limit: 10 })).items).toHaveLength(1)
  })

  it('refuses as closed what its closing breaks off', async () => {
    const { clock, dispatcher, connect, answers, ref } = logWorld()
    await connect()
    answers.push(
      ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    )
    const testing = dispatcher.connections.test({ ...ref, href: 'https://app.example.com/' })
    const refused = expect(testing).rejects.toMatchObject({ name: 'SignalboxError', code: 'closed' })
    await clock.advance(0)
    await dispatcher.close({ graceMs: 0 })
    await refused
  })
})
