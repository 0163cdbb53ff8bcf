import { describe, expect, it } from 'vitest'
import type { Message, Outcome, SendContext, Store, Transport } from '../../src/index.ts'
import { createDispatcher } from '../../src/index.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { sqliteStore } from '../../src/stores/sqlite.ts'
import { type FakeClock, fakeClock } from '../../src/testing/index.ts'

const HOUR = 3_600_000
const LARGE = 100_000
const OUTAGE = 10_000
const PORTION = 1000
const TIMEOUT = { timeout: 120_000 }

type Send = (message: Message, context: SendContext<object>) => Promise<Outcome>

const open = { memory: () => memoryStore(), sqlite: () => sqliteStore({ path: ':memory:' }) }

function world(store: Store, clock: FakeClock, send: Send, worker: { perConnection?: number } = {}) {
  const transport: Transport<'log', object, object, Message> = {
    name: 'log',
    config: { '~standard': { version: 1, vendor: 'test', validate: () => ({ value: {} }) } },
    fields: [],
    build: (message) => message,
    send,
  }
  const dispatcher = createDispatcher({
    store,
    clock,
    transports: [transport],
    worker: { ...worker, pollMs: HOUR },
    encryption: false,
  })
  let count = 0
  return {
    dispatcher,
    connect: (id: string, settings: object = {}, orgId = 'org_1') =>
      dispatcher.connections.create({ orgId, transport: 'log', config: {}, id, ...settings }),
    async dispatch(events: number, orgId = 'org_1') {
      for (const end = count + events; count < end; ) {
        const portion = Array.from({ length: Math.min(PORTION, end - count) }, () => eventOf(count++, orgId))
        await dispatcher.dispatchMany(portion)
        clock.set(clock.now() + 1)
      }
    },
    async close() {
      // what is under way ends by the clock
      await Promise.all([dispatcher.close({ graceMs: 0 }), clock.advance(SILENCE_MS)])
      await store.close()
    },
  }
}

const idOf = (n: number) => `evt_${String(n).padStart(6, '0')}`

function eventOf(n: number, orgId: string) {
  return { id: idOf(n), orgId, type: 'case_assigned', title: 'A case', body: '', href: 'https://app.example.com/' }
}

describe.each(['memory', 'sqlite'] as const)('at size, over the %s store', (name) => {
  it(
    '100,000 events of one window are one message with their number and the events that it is to keep',
    TIMEOUT,
    async () => {
      const clock = fakeClock()
      const sent = new Map<string, Message[]>()
      const { dispatcher, connect, dispatch, close } = world(open[name](), clock, async (message, { connection }) => {
        sent.set(connection.id, [...(sent.get(connection.id) ?? []), message])
        return { kind: 'delivered', status: 200 }
      })
      for (const keep of ['first', 'last'] as const) {
        await connect(`con_${keep}`, { digest: { window: { everyMs: HOUR }, maxItems: 200, keep } })
      }
      await dispatch(LARGE)
      const listed = await dispatcher.digests.list({ orgId: 'org_1' })
      expect(listed.items.map((digest) => digest.total)).toEqual([LARGE, LARGE])
      clock.set(clock.now() + HOUR)
      expect(await dispatcher.tick()).toMatchObject({ delivered: 2, failed: 0, nextDueAt: null })
      for (const [keep, from] of [
        ['first', 0],
        ['last', LARGE - 200],
      ] as const) {
        const [message, ...others] = sent.get(`con_${keep}`) ?? []
        expect(others).toEqual([])
        if (message?.kind !== 'digest') throw new Error('no digest was sent')
        expect(message.total).toBe(LARGE)
        expect(message.events.map((event) => event.id)).toEqual(Array.from({ length: 200 }, (_, n) => idOf(from + n)))
      }
      await close()
    },
  )

  it("a backlog of 100,000 on one connection: another's delivery is in the very next claim", TIMEOUT, async () => {
    const clock = fakeClock()
    const store = open[name]()
    const { connect, dispatch, close } = world(store, clock, async () => ({ kind: 'delivered', status: 200 }))
    await connect('con_behind', {}, 'org_behind')
    await connect('con_other')
    await dispatch(LARGE, 'org_behind')
    const claim = (limit: number) =>
      store.deliveries.claim({
        now: clock.now(),
        limit,
        perConnection: 8,
        leaseMs: 60_000,
        token: `tok_${clock.now()}_${Math.random()}`,
        transports: ['log'],
      })
    for (const limit of [1, 4, 64]) {
      // those whose turn it is already are of the one with the backlog
      await store.deliveries.release((await claim(limit)).deliveries.map(leaseOf))
      await dispatch(1)
      const round: string[] = []
      for (let claims = 0; claims < (limit === 1 ? 2 : 1); claims++) {
        const { deliveries } = await claim(limit)
        round.push(...deliveries.map((one) => one.connectionId))
        await store.deliveries.settle(deliveries.map((one) => settled(one, clock.now())))
      }
      expect(round.filter((id) => id === 'con_other')).toHaveLength(1)
    }
    await close()
  })

  it(
    'a connection that failed comes back to one request, then to its share, and never to all that waited',
    TIMEOUT,
    async () => {
      const clock = fakeClock()
      const endpoint = endpointOf(clock)
      const { dispatcher, connect, dispatch, close } = world(open[name](), clock, endpoint.send)
      await connect('con_a')
      await dispatch(OUTAGE)
      await dispatcher.start()
      await clock.advance(10 * 60_000)
      // a full share once, then one after the other, each for as long as it takes to fail; what comes back at once is some more
      expect(endpoint.most()).toBe(8)
      expect(endpoint.arrivals.length).toBeLessThan(1.1 * (8 + (10 * 60_000) / SILENCE_MS))
      const failed = endpoint.arrivals.length
      endpoint.recover()
      while (endpoint.delivered() < OUTAGE - failed) await clock.advance(1000)
      const back = endpoint.arrivals.slice(failed)
      const perSecond = buckets(back)
      // 8 at a time, 20 ms each
      expect(Math.max(...perSecond)).toBeLessThanOrEqual(8 * (1000 / ANSWER_MS))
      expect(Math.max(...perSecond)).toBeLessThanOrEqual(2 * mean(perSecond))
      expect(endpoint.most()).toBe(8)
      expect(back.filter((at) => at < (back[0] ?? 0) + ANSWER_MS)).toHaveLength(1)
      await close()
    },
  )

  it(
    '10,000 that came due while nobody worked go out no faster than the pace of their connection',
    TIMEOUT,
    async () => {
      const clock = fakeClock()
      const endpoint = endpointOf(clock)
      endpoint.recover()
      const pace = { perSecond: 100, burst: 20 }
      const { dispatcher, connect, dispatch, close } = world(open[name](), clock, endpoint.send)
      await connect('con_a', { pace })
      await dispatch(OUTAGE)
      clock.set(clock.now() + HOUR)
      await dispatcher.start()
      while (endpoint.delivered() < OUTAGE) await clock.advance(1000)
      const { arrivals } = endpoint
      const perSecond = buckets(arrivals)
      expect(Math.max(...perSecond)).toBeLessThanOrEqual(pace.perSecond + pace.burst)
      expect(Math.max(...perSecond)).toBeLessThanOrEqual(2 * mean(perSecond))
      const last = arrivals.at(-1) ?? 0
      arrivals.forEach((at, n) => {
        const left = OUTAGE - n
        expect(left).toBeLessThanOrEqual(pace.burst + ((last - at) / 1000) * pace.perSecond + 1)
      })
      await close()
    },
  )
})

it('10,000 that an outage sent away together do not come back together', TIMEOUT, async () => {
  const clock = fakeClock()
  const endpoint = endpointOf(clock)
  const { dispatcher, connect, close } = world(memoryStore(), clock, endpoint.send)
  for (let n = 0; n < OUTAGE / 10; n++) await connect(`con_${n}`)
  await dispatcher.dispatchMany(Array.from({ length: 10 }, (_, n) => eventOf(n, 'org_1')))
  endpoint.refuse()
  await dispatcher.start()
  // each was refused twice: at once, and 5 s later; the third try of each is due about 5 minutes later
  while (endpoint.arrivals.length < 2 * OUTAGE) await clock.advance(1000)
  endpoint.recover()
  const from = endpoint.arrivals.length
  while (endpoint.delivered() < OUTAGE) await clock.advance(1000)
  const perSecond = buckets(endpoint.arrivals.slice(from))
  expect(Math.max(...perSecond)).toBeLessThanOrEqual(2 * mean(perSecond))
  await close()
})

const ANSWER_MS = 20
const SILENCE_MS = 5000

/** An endpoint that is silent until it is refused or recovers. */
function endpointOf(clock: FakeClock) {
  const arrivals: number[] = []
  let mode: 'silent' | 'refusing' | 'well' = 'silent'
  let delivered = 0
  let running = 0
  let most = 0
  const pause = (ms: number) => new Promise<void>((resolve) => void clock.setTimer(clock.now() + ms, resolve))
  const send: Send = async () => {
    arrivals.push(clock.now())
    running++
    most = Math.max(most, running)
    const now = mode
    if (now !== 'refusing') await pause(now === 'well' ? ANSWER_MS : SILENCE_MS)
    running--
    if (now === 'silent') return { kind: 'retry', code: 'timeout', ambiguous: true }
    if (now === 'refusing') return { kind: 'retry', code: 'connection_refused' }
    delivered++
    return { kind: 'delivered', status: 200 }
  }
  return {
    arrivals,
    send,
    delivered: () => delivered,
    most: () => most,
    recover() {
      mode = 'well'
      most = running
    },
    refuse() {
      mode = 'refusing'
    },
  }
}

/** How many arrived in each second, from the first to the last. */
function buckets(arrivals: readonly number[]): readonly number[] {
  const from = arrivals[0] ?? 0
  const counts: number[] = []
  for (const at of arrivals) {
    const second = Math.floor((at - from) / 1000)
    while (counts.length <= second) counts.push(0)
    counts[second] = (counts[second] ?? 0) + 1
  }
  return counts
}

function mean(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0) / counts.length
}

type Leased = Awaited<ReturnType<Store['deliveries']['claim']>>['deliveries'][number]

function leaseOf({ id, connectionId, token }: Leased) {
  return { deliveryId: id, connectionId, token }
}

function settled(one: Leased, at: number) {
  return { ...leaseOf(one), orgId: one.orgId, exchanges: 1, attempts: [], next: { status: 'delivered' }, at } as const
}
