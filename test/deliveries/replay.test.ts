import { describe, expect, it } from 'vitest'
import { HOUR, logWorld, MINUTE } from '../support/log-world.ts'

const SECOND = 1000

describe('replay looks a minute beyond a pause, and adds nothing that the connection has had', () => {
  it('in a digest, though it does not collect any more', async () => {
    const { clock, dispatcher, connect, event, ref, of, eventIds } = logWorld()
    await connect({ digest: { window: { everyMs: MINUTE } } })
    await dispatcher.start()
    await dispatcher.dispatch(event())
    await clock.advance(SECOND)
    await dispatcher.connections.pause(ref)
    await clock.advance(HOUR)
    await dispatcher.connections.update({ ...ref, digest: null })
    await dispatcher.connections.resume(ref)
    expect(await dispatcher.deliveries.replay({ ...of, since: 0 })).toMatchObject({ added: 0 })
    await clock.advance(MINUTE)
    expect(eventIds()).toEqual(['evt_1'])
    await dispatcher.close()
  })

  it('in a digest that only counted it', async () => {
    const { clock, dispatcher, connect, event, ref, of } = logWorld()
    await connect({ digest: { window: { everyMs: MINUTE }, maxItems: 1, single: 'digest' } })
    await dispatcher.start()
    for (let n = 0; n < 3; n++) {
      await dispatcher.dispatch(event())
      await clock.advance(SECOND)
    }
    await dispatcher.connections.pause(ref)
    await clock.advance(SECOND)
    await dispatcher.dispatch(event())
    await clock.advance(HOUR)
    await dispatcher.connections.resume(ref)
    expect(await dispatcher.deliveries.replay({ ...of, since: 0 })).toMatchObject({ added: 1 })
    await dispatcher.close()
  })

  it('in a digest that was sealed after the clock had been set back', async () => {
    const { clock, dispatcher, connect, event, ref, of } = logWorld()
    await connect({ digest: { window: { everyMs: MINUTE } } })
    await dispatcher.start()
    await dispatcher.dispatch(event())
    clock.set(clock.now() - HOUR)
    await dispatcher.digests.flush(of)
    clock.set(clock.now() + HOUR)
    await clock.advance(SECOND)
    await dispatcher.connections.pause(ref)
    await clock.advance(HOUR)
    await dispatcher.connections.resume(ref)
    expect(await dispatcher.deliveries.replay({ ...of, since: 0 })).toMatchObject({ added: 0 })
    await dispatcher.close()
  })

  it.each([{}, { orgId: 'org_1' }])('as a delivery that was purged since: %j', async (whose) => {
    const { clock, dispatcher, connect, event, ref, of, eventIds } = logWorld()
    await connect()
    await dispatcher.start()
    await dispatcher.dispatch(event())
    await clock.advance(SECOND)
    await dispatcher.connections.pause(ref)
    await clock.advance(SECOND)
    await dispatcher.dispatch(event())
    await clock.advance(HOUR)
    await dispatcher.connections.resume(ref)
    expect(await dispatcher.purge({ olderThanMs: MINUTE, ...whose })).toEqual({ removed: 1 })
    expect(await dispatcher.deliveries.replay({ ...of, since: 0 })).toMatchObject({ added: 1 })
    await clock.advance(1)
    expect(eventIds()).toEqual(['evt_1', 'evt_2'])
    await dispatcher.close()
  })
})
