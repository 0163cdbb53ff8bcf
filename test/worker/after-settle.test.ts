import { describe, expect, it } from 'vitest'
import { HOUR, logWorld } from '../support/log-world.ts'

const failing = { kind: 'retry', code: 'http_5xx', status: 500 } as const

describe('a connection that fails for too long', () => {
  const policy = { health: { suspendAfterMs: HOUR, suspendAfterAttempts: 2 }, retry: { delaysMs: [0], jitter: 0 } }

  it('is suspended by a failure', async () => {
    const { clock, answers, dispatcher, connect, event, ref } = logWorld(policy)
    await connect()
    await dispatcher.start()
    answers.push(failing, failing, failing)
    await dispatcher.dispatch(event())
    await clock.advance(HOUR)
    expect((await dispatcher.connections.get(ref)).status).toBe('active')
    await dispatcher.dispatch(event())
    await clock.advance(1)
    expect((await dispatcher.connections.get(ref)).status).toBe('suspended')
    await dispatcher.close()
  })

  it('is not suspended by a delivery that is only put off', async () => {
    const { clock, answers, dispatcher, connect, event, ref, store, of } = logWorld(policy)
    await connect()
    await dispatcher.start()
    answers.push(failing, failing)
    await dispatcher.dispatch(event())
    await clock.advance(HOUR)
    await dispatcher.connections.pause(ref)
    const intervals = [{ days: [3], from: '13:00', to: '18:00' }]
    await dispatcher.deliveries.retryFailed({ ...of, since: 0 })
    await dispatcher.connections.update({ ...ref, quietHours: { timeZone: 'UTC', intervals } })
    await dispatcher.connections.resume(ref)
    // resumed an hour and a minute ago: its full time is over, and nothing was tried since
    await clock.advance(HOUR + 60_000)
    await dispatcher.deliveries.retry({
      orgId: 'org_1',
      id: (await store.deliveries.list({ ...of, limit: 1 })).items[0]?.id ?? '',
    })
    await clock.advance(1)
    expect(await dispatcher.connections.get(ref)).toMatchObject({ status: 'active', consecutiveFailures: 2 })
    await dispatcher.close()
  })
})
