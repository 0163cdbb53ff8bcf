import { describe, expect, it } from 'vitest'
import type { Message, Outcome } from '../../src/index.ts'
import { createDispatcher, type DispatcherEvents, type Transport } from '../../src/index.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { sqliteStore } from '../../src/stores/sqlite.ts'
import { fakeClock } from '../../src/testing/index.ts'

/** A Wednesday. */
const NOON = Date.parse('2026-01-07T12:00:00Z')
const MINUTE = 60_000
const HOUR = 60 * MINUTE

interface Sent {
  readonly at: number
  readonly connectionId: string
  readonly message: Message
}

function world(stored: 'memory' | 'sqlite') {
  const clock = fakeClock({ now: NOON })
  const sent: Sent[] = []
  const outcomes: Outcome[] = []
  const transport: Transport<'log', object, object, Message> = {
    name: 'log',
    config: { '~standard': { version: 1, vendor: 'test', validate: () => ({ value: {} }) } },
    fields: [],
    build: (message) => message,
    send: async (message, context) => {
      sent.push({ at: clock.now(), connectionId: context.connection.id, message })
      return outcomes.shift() ?? { kind: 'delivered', status: 200 }
    },
  }
  const store = stored === 'memory' ? memoryStore() : sqliteStore({ path: ':memory:' })
  const dispatcher = createDispatcher({
    store,
    clock,
    transports: [transport],
    worker: { pollMs: 600_000 },
    encryption: false,
    organisation: () => ({ name: 'Acme', digestUrl: 'https://app.example.com/inbox' }),
  })
  let count = 0
  return {
    clock,
    sent,
    outcomes,
    dispatcher,
    store,
    connect: (settings: object, id = 'con_a') =>
      dispatcher.connections.create({ orgId: 'org_1', transport: 'log', config: {}, id, ...settings }),
    event: (fields: object = {}) => {
      count++
      return {
        id: `evt_${count}`,
        orgId: 'org_1',
        type: 'case_assigned',
        title: `Case ${count}`,
        body: '',
        href: `https://app.example.com/cases/${count}`,
        ...fields,
      }
    },
    kinds: () => sent.map((one) => one.message.kind),
    async close() {
      await dispatcher.close()
      await store.close()
    },
  }
}

const hourly = { window: { everyMs: HOUR } } as const

describe.each(['memory', 'sqlite'] as const)('digests over the %s store', (stored) => {
  it('collect for a while, and go out as one message with its count', async () => {
    const { clock, sent, dispatcher, connect, event, close } = world(stored)
    await connect({ digest: hourly })
    await dispatcher.start()
    const first = await dispatcher.dispatch(event())
    expect(first.deliveries).toEqual([])
    expect(first.collected).toEqual([{ connectionId: 'con_a', key: '', closesAt: NOON + HOUR }])
    await clock.advance(30 * MINUTE)
    await dispatcher.dispatch(event())
    await clock.advance(30 * MINUTE - 1)
    expect(sent).toEqual([])
    await clock.advance(1)
    expect(sent).toHaveLength(1)
    expect(sent[0]?.message).toMatchObject({
      kind: 'digest',
      subject: '2 updates from Acme',
      href: 'https://app.example.com/inbox',
      orgName: 'Acme',
      total: 2,
      timestamp: NOON + HOUR,
    })
    await clock.advance(3 * HOUR)
    expect(sent).toHaveLength(1)
    await close()
  })

  it('of one event are sent as that event, unless the connection wants a digest all the same', async () => {
    const { clock, dispatcher, connect, event, kinds, close } = world(stored)
    await connect({ digest: hourly })
    await connect({ digest: { ...hourly, single: 'digest' } }, 'con_b')
    await dispatcher.start()
    await dispatcher.dispatch(event())
    await clock.advance(HOUR)
    expect(kinds().sort()).toEqual(['digest', 'event'])
    await close()
  })

  it('are one for each value of their key', async () => {
    const { clock, sent, dispatcher, connect, event, close } = world(stored)
    await connect({ digest: { ...hourly, key: 'metadata.matter', single: 'digest' } })
    await dispatcher.start()
    for (const matter of ['a', 'b', 'a']) await dispatcher.dispatch(event({ metadata: { matter } }))
    const open = await dispatcher.digests.list({ orgId: 'org_1' })
    expect(open.items.map(({ key, total }) => [key, total])).toEqual([
      ['a', 2],
      ['b', 1],
    ])
    await clock.advance(HOUR)
    expect(sent.map(({ message }) => message.kind === 'digest' && [message.key, message.total])).toEqual(
      expect.arrayContaining([
        ['a', 2],
        ['b', 1],
      ]),
    )
    await close()
  })

  it('send the first at once where they lead, and the rest of the window together', async () => {
    const { clock, sent, dispatcher, connect, event, kinds, close } = world(stored)
    await connect({ digest: { ...hourly, leading: 'send' } })
    await dispatcher.start()
    await dispatcher.dispatch(event())
    await clock.advance(MINUTE)
    for (let i = 0; i < 3; i++) await dispatcher.dispatch(event())
    await clock.advance(HOUR)
    expect(kinds()).toEqual(['event', 'digest'])
    expect(sent[1]?.at).toBe(NOON + HOUR)
    expect(sent[1]?.message).toMatchObject({ total: 3 })
    await dispatcher.dispatch(event())
    await clock.advance(1)
    expect(kinds()).toEqual(['event', 'digest', 'event'])
    await close()
  })

  it('keep so many and count the rest', async () => {
    const { clock, sent, dispatcher, connect, event, close } = world(stored)
    await connect({ digest: { ...hourly, maxItems: 2, keep: 'last' } })
    await dispatcher.start()
    for (let i = 0; i < 5; i++) {
      await dispatcher.dispatch(event())
      await clock.advance(1000)
    }
    await clock.advance(HOUR)
    const [one] = sent
    expect(one?.message.kind === 'digest' && one.message.events.map((e) => e.title)).toEqual(['Case 4', 'Case 5'])
    expect(one?.message).toMatchObject({ total: 5 })
    await close()
  })

  it('leave out what the connection no longer wants when they go out; with nothing left, nothing goes out', async () => {
    const { clock, sent, dispatcher, connect, event, close } = world(stored)
    await connect({ digest: hourly })
    await connect({ digest: hourly }, 'con_b')
    await dispatcher.start()
    await dispatcher.dispatch(event())
    await dispatcher.dispatch(event({ type: 'breach_logged' }))
    await dispatcher.dispatch(event({ type: 'breach_logged' }))
    await dispatcher.connections.update({ orgId: 'org_1', id: 'con_a', eventTypes: ['breach_logged'] })
    await dispatcher.connections.update({ orgId: 'org_1', id: 'con_b', eventTypes: ['member_joined'] })
    await clock.advance(HOUR)
    expect(sent.map((one) => [one.connectionId, one.message.kind === 'digest' && one.message.total])).toEqual([
      ['con_a', 2],
    ])
    const { items } = await dispatcher.deliveries.list({ orgId: 'org_1', connectionId: 'con_b' })
    expect(items.map((one) => one.status)).toEqual(['cancelled'])
    await close()
  })

  it('are the same message with the same id at every retry', async () => {
    const { clock, sent, outcomes, dispatcher, connect, event, close } = world(stored)
    await connect({ digest: hourly })
    await dispatcher.start()
    outcomes.push({ kind: 'retry', code: 'http_5xx', status: 500 })
    await dispatcher.dispatch(event())
    await dispatcher.dispatch(event())
    await clock.advance(HOUR + 10_000)
    expect(sent).toHaveLength(2)
    expect(sent[1]?.message).toEqual(sent[0]?.message)
    await close()
  })

  it('can be looked into and flushed', async () => {
    const { clock, sent, dispatcher, connect, event, close } = world(stored)
    const closed: DispatcherEvents['digest.closed'][] = []
    dispatcher.on('digest.closed', (one) => closed.push(one))
    await connect({ digest: hourly })
    await dispatcher.start()
    await dispatcher.dispatch(event())
    await dispatcher.dispatch(event())
    const call = { orgId: 'org_1', connectionId: 'con_a' }
    expect((await dispatcher.digests.peek(call))?.events.map((one) => one.title)).toEqual(['Case 1', 'Case 2'])
    expect(await dispatcher.digests.peek({ ...call, orgId: 'org_2' })).toBeUndefined()
    const { deliveryIds } = await dispatcher.digests.flush(call)
    await clock.advance(1)
    expect(sent).toHaveLength(1)
    expect(closed).toEqual([
      expect.objectContaining({ ...call, deliveryId: deliveryIds[0], key: '', total: 2, kept: 2 }),
    ])
    expect(await dispatcher.digests.flush(call)).toEqual({ deliveryIds: [] })
    await close()
  })

  it('are kept at the end, or flushed where the host says so', async () => {
    for (const digests of ['keep', 'flush'] as const) {
      const { sent, dispatcher, connect, event, store } = world(stored)
      await connect({ digest: hourly })
      await dispatcher.dispatch(event())
      await dispatcher.close({ digests })
      expect(sent).toHaveLength(digests === 'keep' ? 0 : 1)
      expect((await store.digests.list({ limit: 10 })).items).toHaveLength(digests === 'keep' ? 1 : 0)
      await store.close()
    }
  })

  it('have a subject of the host; one that throws gives way to the default', async () => {
    const { clock, sent, store } = world(stored)
    const dispatcher = createDispatcher({
      store,
      clock,
      transports: [
        {
          name: 'log',
          config: { '~standard': { version: 1, vendor: 'test', validate: () => ({ value: {} }) } },
          fields: [],
          build: (message: Message) => message,
          send: async (message: Message, context) => {
            sent.push({ at: clock.now(), connectionId: context.connection.id, message })
            return { kind: 'delivered' }
          },
        } satisfies Transport<'log', object, object, Message>,
      ],
      encryption: false,
      digests: {
        subject: ({ total, key }) => {
          if (key === 'bad') throw new Error('no')
          return `${total} in ${key}`
        },
      },
    })
    const digest = { ...hourly, key: 'type', single: 'digest' } as const
    await dispatcher.connections.create({ orgId: 'org_1', transport: 'log', config: {}, digest })
    await dispatcher.start()
    for (const type of ['good', 'bad']) {
      await dispatcher.dispatch({ orgId: 'org_1', type, title: 'T', body: '', href: 'https://app.example.com/' })
    }
    await clock.advance(HOUR)
    const subjects = sent.map(({ message }) => message.kind === 'digest' && message.subject)
    expect(subjects.sort()).toEqual(['1 in good', '1 update from org_1'])
    await dispatcher.close()
    await store.close()
  })
})

describe.each(['memory', 'sqlite'] as const)('quiet hours over the %s store', (stored) => {
  const afternoon = { timeZone: 'UTC', intervals: [{ days: [3], from: '11:00', to: '18:00' }] }
  const SIX = Date.parse('2026-01-07T18:00:00Z')

  it('put deliveries off and drop none; urgent ones and tests pass', async () => {
    const { clock, sent, dispatcher, connect, event, close } = world(stored)
    await connect({ quietHours: afternoon })
    await dispatcher.start()
    const [explained] = await dispatcher.explain(event())
    expect(explained).toMatchObject({ decision: 'sent', dueAt: SIX, reason: expect.stringContaining('quiet hours') })
    const { deliveries } = await dispatcher.dispatch(event())
    expect(deliveries.map((one) => one.dueAt)).toEqual([SIX])
    await dispatcher.dispatch(event({ importance: 'urgent' }))
    await dispatcher.connections.test({ orgId: 'org_1', id: 'con_a', href: 'https://app.example.com/' })
    await clock.advance(5 * HOUR)
    expect(sent.map((one) => one.message.kind).sort()).toEqual(['event', 'test'])
    await clock.advance(2 * HOUR)
    expect(sent.map((one) => one.at)).toEqual([NOON, NOON, SIX])
    await close()
  })

  it('hold for retries and for what was pending when they were set', async () => {
    const { clock, sent, outcomes, dispatcher, connect, event, close } = world(stored)
    await connect({})
    await dispatcher.start()
    outcomes.push({ kind: 'retry', code: 'http_5xx', status: 500 })
    await dispatcher.dispatch(event())
    await clock.advance(1)
    await dispatcher.connections.update({ orgId: 'org_1', id: 'con_a', quietHours: afternoon })
    await clock.advance(6 * HOUR)
    expect(sent.map((one) => one.at)).toEqual([NOON, SIX])
    const [delivery] = (await dispatcher.deliveries.list({ orgId: 'org_1' })).items
    expect(delivery).toMatchObject({ status: 'delivered', attemptCount: 2 })
    await close()
  })

  it('close digests at their end', async () => {
    const { clock, sent, dispatcher, connect, event, close } = world(stored)
    await connect({ quietHours: afternoon, digest: hourly })
    await dispatcher.start()
    const { collected } = await dispatcher.dispatch(event())
    expect(collected[0]?.closesAt).toBe(SIX)
    await clock.advance(8 * HOUR)
    expect(sent.map((one) => one.at)).toEqual([SIX])
    await close()
  })
})

describe.each(['memory', 'sqlite'] as const)('replay over the %s store', (stored) => {
  it('adds what was missed while paused or suspended, in order, once', async () => {
    const { clock, sent, outcomes, dispatcher, connect, event, close } = world(stored)
    await connect({})
    await dispatcher.start()
    const ref = { orgId: 'org_1', id: 'con_a' }
    await dispatcher.dispatch(event())
    await clock.advance(MINUTE)
    await dispatcher.connections.pause(ref)
    await dispatcher.dispatch(event())
    await clock.advance(MINUTE)
    await dispatcher.dispatch(event())
    await clock.advance(MINUTE)
    const call = { orgId: 'org_1', connectionId: 'con_a', since: NOON }
    await expect(dispatcher.deliveries.replay(call)).rejects.toMatchObject({ code: 'conflict' })
    await dispatcher.connections.resume(ref)
    outcomes.push({ kind: 'gone', code: 'target_gone' })
    await dispatcher.dispatch(event())
    await clock.advance(MINUTE)
    await dispatcher.dispatch(event())
    await clock.advance(MINUTE)
    expect(sent.map((one) => one.message.kind === 'event' && one.message.event.id)).toEqual(['evt_1', 'evt_4'])
    await dispatcher.connections.resume(ref)
    expect(await dispatcher.deliveries.replay(call)).toEqual({ reopened: 1, added: 3, more: false })
    await clock.advance(MINUTE)
    const ids = sent.slice(2).map((one) => one.message.kind === 'event' && one.message.event.id)
    expect(ids).toHaveLength(4)
    expect(ids.filter((id) => id !== 'evt_4')).toEqual(['evt_2', 'evt_3', 'evt_5'])
    expect(await dispatcher.deliveries.replay(call)).toEqual({ reopened: 0, added: 0, more: false })
    await close()
  })

  it('reaches back neither before `since` nor before the connection was made', async () => {
    const { clock, dispatcher, connect, event, close } = world(stored)
    await dispatcher.dispatch(event())
    await clock.advance(1000)
    await connect({})
    const ref = { orgId: 'org_1', id: 'con_a' }
    await dispatcher.connections.pause(ref)
    await clock.advance(1000)
    await dispatcher.dispatch(event())
    await clock.advance(1000)
    await dispatcher.dispatch(event())
    await dispatcher.connections.resume(ref)
    const call = { orgId: 'org_1', connectionId: 'con_a' }
    expect(await dispatcher.deliveries.replay({ ...call, since: NOON + 2500 })).toMatchObject({ added: 1 })
    expect(await dispatcher.deliveries.replay({ ...call, since: 0 })).toMatchObject({ added: 1 })
    await close()
  })

  it('goes on where its limit ended it, and adds nothing from before `since`', async () => {
    const { clock, sent, dispatcher, connect, event, close } = world(stored)
    await connect({})
    const ref = { orgId: 'org_1', id: 'con_a' }
    await dispatcher.connections.pause(ref)
    for (let i = 0; i < 10; i++) {
      await clock.advance(10 * MINUTE)
      await dispatcher.dispatch(event())
    }
    await clock.advance(10 * MINUTE)
    await dispatcher.connections.resume(ref)
    const call = { orgId: 'org_1', connectionId: 'con_a', since: NOON + 35 * MINUTE, limit: 3 }
    expect(await dispatcher.deliveries.replay(call)).toEqual({ reopened: 0, added: 3, more: true })
    expect(await dispatcher.deliveries.replay(call)).toEqual({ reopened: 0, added: 3, more: true })
    expect(await dispatcher.deliveries.replay(call)).toEqual({ reopened: 0, added: 1, more: false })
    expect(await dispatcher.deliveries.replay(call)).toEqual({ reopened: 0, added: 0, more: false })
    await dispatcher.drain()
    const ids = sent.map((one) => one.message.kind === 'event' && one.message.event.id)
    expect(ids).toEqual([4, 5, 6, 7, 8, 9, 10].map((n) => `evt_${n}`))
    expect(await dispatcher.deliveries.replay({ ...call, since: 0 })).toEqual({ reopened: 0, added: 3, more: false })
    await close()
  })

  it('adds what was missed in a pause that ended in its first millisecond', async () => {
    const { clock, dispatcher, connect, event, close } = world(stored)
    await connect({})
    const ref = { orgId: 'org_1', id: 'con_a' }
    await dispatcher.connections.pause(ref)
    await dispatcher.dispatch(event())
    await dispatcher.connections.resume(ref)
    await clock.advance(HOUR)
    const call = { orgId: 'org_1', connectionId: 'con_a', since: NOON }
    expect(await dispatcher.deliveries.replay(call)).toEqual({ reopened: 0, added: 1, more: false })
    await close()
  })

  it('joins the digest where the connection has one', async () => {
    const { clock, sent, dispatcher, connect, event, close } = world(stored)
    await connect({ digest: hourly })
    await dispatcher.start()
    const ref = { orgId: 'org_1', id: 'con_a' }
    await dispatcher.dispatch(event())
    await dispatcher.connections.pause(ref)
    await clock.advance(MINUTE)
    await dispatcher.dispatch(event())
    await dispatcher.dispatch(event())
    await clock.advance(MINUTE)
    await dispatcher.connections.resume(ref)
    const call = { orgId: 'org_1', connectionId: 'con_a', since: 0 }
    expect(await dispatcher.deliveries.replay(call)).toMatchObject({ added: 2 })
    expect(await dispatcher.deliveries.replay(call)).toMatchObject({ added: 0 })
    await clock.advance(2 * HOUR)
    expect(sent).toHaveLength(1)
    expect(sent[0]?.message).toMatchObject({ kind: 'digest', total: 3 })
    await close()
  })
})

describe('importance', () => {
  it('keeps what matters less from a connection that wants more', async () => {
    const { sent, dispatcher, connect, event, close } = world('memory')
    await connect({ minImportance: 'high' })
    await connect({}, 'con_b')
    for (const importance of ['low', 'normal', 'high', 'urgent']) await dispatcher.dispatch(event({ importance }))
    await dispatcher.drain()
    expect(sent.filter((one) => one.connectionId === 'con_a')).toHaveLength(2)
    expect(sent.filter((one) => one.connectionId === 'con_b')).toHaveLength(4)
    const explained = await dispatcher.explain(event({ importance: 'low' }))
    expect(explained.map((one) => [one.connectionId, one.decision])).toEqual([
      ['con_a', 'skipped'],
      ['con_b', 'sent'],
    ])
    await close()
  })
})
