import { afterEach, describe, expect, it } from 'vitest'
import { createDispatcher } from '../../src/index.ts'
import { ghostWorkspace } from '../../src/presets/ghost-workspace.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { fakeClock } from '../../src/testing/index.ts'
import { webhookTransport } from '../../src/transports/webhook.ts'
import { type Answer, LOOPBACK, startReceiver, status } from '../support/receiver.ts'

const EVENT = {
  orgId: 'org_1',
  type: 'breach_logged',
  title: 'Breach logged',
  body: 'A laptop was lost',
  href: 'https://app.example.com/breaches/1',
} as const

const cleanups: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function receiving(answer: Answer) {
  const receiver = await startReceiver(answer)
  cleanups.push(receiver.close)
  return receiver
}

function closing<D extends { close(): Promise<void> }>(dispatcher: D): D {
  cleanups.push(() => dispatcher.close())
  return dispatcher
}

describe('the preset of the workspace', () => {
  const setup = (clock: ReturnType<typeof fakeClock>) =>
    closing(
      createDispatcher({
        store: memoryStore(),
        catalog: ghostWorkspace.catalog,
        transports: [webhookTransport(ghostWorkspace.webhook)],
        egress: LOOPBACK,
        clock,
        random: () => 0.5,
      }),
    )

  it('tries once more after a 429, within the claim, and records both exchanges', async () => {
    const clock = fakeClock()
    const receiver = await receiving((_request, response, count) => {
      response.statusCode = count === 1 ? 429 : 200
      response.end()
    })
    const dispatcher = setup(clock)
    await dispatcher.connections.create({ orgId: 'org_1', transport: 'webhook', config: { url: receiver.url } })
    const { deliveries } = await dispatcher.dispatch(EVENT)
    const drained = dispatcher.drain()
    await until(() => receiver.requests.length === 1)
    while (receiver.requests.length < 2) await clock.advance(100)
    await drained
    const delivery = await dispatcher.deliveries.get({ orgId: 'org_1', id: deliveries[0]?.id ?? '' })
    expect(delivery.attempts.map((one) => [one.number, one.status])).toEqual([
      [1, 429],
      [2, 200],
    ])
    expect(delivery.status).toBe('delivered')
  })

  it('waits durably for a long Retry-After, and makes that one try', async () => {
    const clock = fakeClock()
    const receiver = await receiving(status(429, { 'retry-after': '120' }))
    const dispatcher = setup(clock)
    await dispatcher.connections.create({ orgId: 'org_1', transport: 'webhook', config: { url: receiver.url } })
    const { deliveries } = await dispatcher.dispatch(EVENT)
    const ref = { orgId: 'org_1', id: deliveries[0]?.id ?? '' }
    await dispatcher.drain()
    expect(await dispatcher.deliveries.get(ref)).toMatchObject({ status: 'pending' })
    clock.set(clock.now() + 119_999)
    await dispatcher.drain()
    expect(receiver.requests).toHaveLength(1)
    clock.set(clock.now() + 60_000)
    await dispatcher.drain()
    expect(receiver.requests).toHaveLength(2)
    expect(await dispatcher.deliveries.get(ref)).toMatchObject({ status: 'failed', failure: 'exhausted' })
  })

  it.each([500, 404, 302])('takes a %i as final', async (code) => {
    const receiver = await receiving(status(code, { location: 'https://example.com/' }))
    const dispatcher = setup(fakeClock())
    await dispatcher.connections.create({ orgId: 'org_1', transport: 'webhook', config: { url: receiver.url } })
    const { deliveries } = await dispatcher.dispatch(EVENT)
    await dispatcher.drain()
    expect(receiver.requests).toHaveLength(1)
    const delivery = await dispatcher.deliveries.get({ orgId: 'org_1', id: deliveries[0]?.id ?? '' })
    expect(delivery.status).toBe('failed')
  })
})

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(setImmediate)
}
