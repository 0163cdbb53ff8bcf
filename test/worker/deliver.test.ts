import { describe, expect, it } from 'vitest'
import { HOUR, logWorld, MINUTE, NOON } from '../support/log-world.ts'

const limited = { kind: 'retry', code: 'rate_limited', status: 429, retryAfterMs: 2000 } as const

describe('the second try after a 429', () => {
  it('is not made inside quiet hours that begin meanwhile', async () => {
    const { clock, sent, answers, dispatcher, connect, event } = logWorld()
    const intervals = [{ days: [3], from: '12:01', to: '13:00' }]
    await connect({ quietHours: { timeZone: 'UTC', intervals } })
    await dispatcher.start()
    await clock.advance(MINUTE - 1000)
    answers.push(limited)
    await dispatcher.dispatch(event())
    await clock.advance(2 * HOUR)
    expect(sent.map((one) => one.at)).toEqual([NOON + MINUTE - 1000, NOON + HOUR])
    await dispatcher.close()
  })

  it('that a shutdown breaks off leaves the first one recorded', async () => {
    const { clock, store, answers, dispatcher, connect, event } = logWorld()
    await connect()
    await dispatcher.start()
    answers.push(limited)
    const { deliveries } = await dispatcher.dispatch(event())
    await clock.advance(0)
    const closing = dispatcher.close({ graceMs: 100 })
    await clock.advance(100)
    await closing
    const ref = { orgId: 'org_1', id: deliveries[0]?.id ?? '' }
    expect(await store.deliveries.get(ref)).toMatchObject({ status: 'pending', attempts: 1, code: 'rate_limited' })
    expect(await store.deliveries.attempts(ref)).toHaveLength(1)
  })
})

describe('a retry of a digest', () => {
  it('leaves out what the connection no longer wants, though it shares its builds', async () => {
    const { clock, answers, dispatcher, connect, event, ref, eventIds } = logWorld({ variant: 'json' })
    await connect({ digest: { window: { everyMs: HOUR } } })
    await dispatcher.start()
    for (const type of ['case_assigned', 'breach_logged', 'breach_logged']) await dispatcher.dispatch(event({ type }))
    answers.push({ kind: 'retry', code: 'http_5xx', status: 500 })
    await clock.advance(HOUR)
    await dispatcher.connections.update({ ...ref, eventTypes: ['breach_logged'] })
    await clock.advance(MINUTE)
    expect(eventIds()).toEqual(['evt_1', 'evt_2', 'evt_3', 'evt_2', 'evt_3'])
    await dispatcher.close()
  })
})
