import type { Message, Outcome, SendContext, Store, Transport } from '../../src/index.ts'
import { createDispatcher, type DispatcherOptions } from '../../src/index.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { type FakeClock, fakeClock } from '../../src/testing/index.ts'

export interface Logged {
  readonly at: number
  readonly connectionId: string
  readonly message: Message
}

export type Answer = Outcome | ((context: SendContext) => Promise<Outcome>)

/** A Wednesday. */
export const NOON: number = Date.parse('2026-01-07T12:00:00Z')
export const MINUTE = 60_000
export const HOUR: number = 60 * MINUTE

/** A dispatcher over a store in memory and a fake clock, whose transport writes down what it sends. */
export function logWorld(
  options: Partial<Pick<DispatcherOptions, 'health' | 'retry' | 'limits' | 'worker'>> & {
    readonly variant?: string
    /** Changes how the dispatcher sees the store. */
    readonly over?: (store: Store) => Store
  } = {},
) {
  const { variant, over = (store: Store) => store, ...rest } = options
  const clock: FakeClock = fakeClock({ now: NOON })
  const sent: Logged[] = []
  const answers: Answer[] = []
  const transport: Transport<'log', object, object, Message> = {
    name: 'log',
    config: { '~standard': { version: 1, vendor: 'test', validate: () => ({ value: {} }) } },
    fields: [],
    build: (message) => message,
    async send(message, context) {
      sent.push({ at: clock.now(), connectionId: context.connection.id, message })
      const answer = answers.shift() ?? { kind: 'delivered', status: 200 }
      return typeof answer === 'function' ? answer(context) : answer
    },
    ...(variant === undefined ? {} : { variant: () => variant }),
  }
  const store = memoryStore()
  const dispatcher = createDispatcher({
    worker: { pollMs: 600_000 },
    ...rest,
    store: over(store),
    clock,
    transports: [transport],
  })
  let count = 0
  return {
    clock,
    store,
    sent,
    answers,
    dispatcher,
    ref: { orgId: 'org_1', id: 'con_a' },
    of: { orgId: 'org_1', connectionId: 'con_a' },
    connect: (settings: object = {}) =>
      dispatcher.connections.create({ orgId: 'org_1', transport: 'log', config: {}, id: 'con_a', ...settings }),
    event(fields: object = {}) {
      count++
      const href = `https://app.example.com/cases/${count}`
      return {
        id: `evt_${count}`,
        orgId: 'org_1',
        type: 'case_assigned',
        title: `Case ${count}`,
        body: '',
        href,
        ...fields,
      }
    },
    /** Ids of the events that were sent, in order. */
    eventIds: () =>
      sent.flatMap(({ message }) => {
        if (message.kind === 'digest') return message.events.map((event) => event.id)
        return message.kind === 'event' ? [message.event.id] : []
      }),
  }
}
