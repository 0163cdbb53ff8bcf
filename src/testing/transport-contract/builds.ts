import assert from 'node:assert/strict'
import type { Connection, Message } from '../../contracts/index.ts'
import { MESSAGES } from './messages.ts'
import { type Case, failure, parseConfig, type World } from './world.ts'

const ORIGIN = 'https://destination.example.com'
const OTHER_ORIGIN = 'https://other.example.com'

export const buildCases: readonly Case[] = [
  {
    name: 'build: every kind of message builds at once, whatever its text',
    async run(world) {
      const connection = await world.connection(ORIGIN)
      for (const { name, message } of MESSAGES) {
        const payload = buildOf(world, name, message, connection)
        const isPromise = typeof payload === 'object' && payload !== null && 'then' in payload
        assert.ok(!isPromise, 'build is asynchronous: it is to be pure')
      }
    },
  },
  {
    name: 'build: the same message gives the same payload, at any time',
    async run(world) {
      const connection = await world.connection(ORIGIN)
      for (const { name, message } of MESSAGES) {
        const first = buildOf(world, name, message, connection)
        const second = inAnotherYear(() => buildOf(world, name, message, connection))
        assert.deepEqual(second, first, `${name} gives another payload when it is built again`)
      }
    },
  },
  {
    name: 'build: leaves the message and the connection as they are',
    async run(world) {
      const connection = deepFreeze(structuredClone(await world.connection(ORIGIN)))
      for (const { name, message } of MESSAGES) buildOf(world, name, deepFreeze(structuredClone(message)), connection)
    },
  },
  {
    name: 'build: connections of equal variant share their payloads',
    skip: ({ transport }) => (transport.variant === undefined ? 'the transport has no variant' : undefined),
    async run(world) {
      const { transport, harness } = world
      const connection = await world.connection(ORIGIN)
      const inputs = [harness.config(OTHER_ORIGIN), harness.otherConfig?.(OTHER_ORIGIN)]
      for (const input of inputs) {
        if (input === undefined) continue
        const config = await parseConfig(transport, input)
        const other = { ...connection, ...OTHER_CONNECTION, config }
        const [one, two] = [transport.variant?.(connection.config), transport.variant?.(config)]
        assert.ok(typeof one === 'string' && typeof two === 'string', 'variant gives no text')
        if (one !== two) continue
        for (const { name, message } of MESSAGES) {
          assert.deepEqual(
            buildOf(world, name, message, other),
            buildOf(world, name, message, connection),
            `${name} gives another payload for another connection of equal variant: one would get that of the other`,
          )
        }
      }
    },
  },
]

const OTHER_CONNECTION: Partial<Connection> = {
  id: 'con_2',
  label: 'Another label',
  categories: ['breach'],
  eventTypes: ['breach_logged'],
  credentialId: 'cred_2',
  metadata: { plan: 'b' },
}

function buildOf({ transport }: World, name: string, message: Message, connection: Connection): unknown {
  try {
    return transport.build(message, connection)
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error)
    throw failure(`build throws for ${name}: ${words}`, error)
  }
}

const YEAR_MS = 31_622_400_000

/** Runs `read` on a clock that is a year ahead. Nothing else runs meanwhile: it is synchronous. */
function inAnotherYear<T>(read: () => T): T {
  const Present = globalThis.Date
  const now = () => Present.now() + YEAR_MS
  globalThis.Date = new Proxy(Present, {
    construct: (target, args, newTarget) => Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
    get: (target, name, receiver) => (name === 'now' ? now : Reflect.get(target, name, receiver)),
  })
  try {
    return read()
  } finally {
    globalThis.Date = Present
  }
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const one of Object.values(value)) deepFreeze(one)
  return Object.freeze(value)
}
