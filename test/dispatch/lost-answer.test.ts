import { describe, expect, it } from 'vitest'
import { SignalboxError, type Store } from '../../src/index.ts'
import { HOUR, logWorld } from '../support/log-world.ts'

/** The first write goes through, and its answer is lost. */
function losesFirstAnswer(store: Store): Store {
  let calls = 0
  return {
    ...store,
    deliveries: {
      ...store.deliveries,
      async enqueue(batch) {
        const result = await store.deliveries.enqueue(batch)
        if (++calls === 1) throw new SignalboxError('store_failed', 'the connection broke off')
        return result
      },
    },
  }
}

describe('events that are written together, and the answer of the store is lost', () => {
  it('are told accepted: they are no duplicates of themselves', async () => {
    const { clock, dispatcher, connect, event, eventIds } = logWorld({ over: losesFirstAnswer })
    await connect()
    await dispatcher.start()
    const results = await Promise.all([dispatcher.dispatch(event()), dispatcher.dispatch(event())])
    expect(results).toMatchObject([
      { eventId: 'evt_1', duplicate: false, deliveries: [{ connectionId: 'con_a' }] },
      { eventId: 'evt_2', duplicate: false, deliveries: [{ connectionId: 'con_a' }] },
    ])
    expect(await dispatcher.dispatch(event({ id: 'evt_1' }))).toMatchObject({ duplicate: true })
    await clock.advance(1)
    expect(eventIds().sort()).toEqual(['evt_1', 'evt_2'])
    await dispatcher.close()
  })

  it('are told once each: of two with one id the first was accepted', async () => {
    const { dispatcher, connect, event } = logWorld({ over: losesFirstAnswer })
    await connect()
    const first = event()
    const results = await Promise.all([dispatcher.dispatch(first), dispatcher.dispatch(event({ id: first.id }))])
    expect(results.map((one) => one.duplicate)).toEqual([false, true])
    await dispatcher.close()
  })

  it('keep their place: the leading event of a digest stays the leading one', async () => {
    const { clock, dispatcher, connect, event, sent } = logWorld({ over: losesFirstAnswer })
    await connect({ digest: { window: { everyMs: HOUR }, leading: 'send' } })
    await dispatcher.start()
    const [first, second] = await Promise.all([dispatcher.dispatch(event()), dispatcher.dispatch(event())])
    expect(first?.deliveries).toHaveLength(1)
    expect(second?.collected).toHaveLength(1)
    await clock.advance(HOUR)
    expect(sent.map(({ message }) => message.kind)).toEqual(['event', 'event'])
    await dispatcher.close()
  })
})
