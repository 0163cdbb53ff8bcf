import assert from 'node:assert/strict'
import type { Transport } from '../../contracts/index.ts'
import { createDispatcher } from '../../dispatcher.ts'
import { isSignalboxError } from '../../errors.ts'
import { memoryStore } from '../../stores/memory.ts'
import { checkDiscretion, fieldOf, secretsOf, textsIn } from './secrets.ts'
import { type Case, failure, parseConfig, type World } from './world.ts'

const ORIGIN = 'https://destination.example.com'

export const configCases: readonly Case[] = [
  {
    name: 'config: a dispatcher takes the transport with its name, pace, deadline and retry policy',
    async run({ transport, http }) {
      assert.match(transport.name, /^[a-z][a-z0-9-]{0,63}$/, 'the name is not lower-case letters, digits and -')
      const { deadlineMs, pace } = transport
      if (deadlineMs !== undefined)
        assert.ok(deadlineMs > 0 && Number.isFinite(deadlineMs), 'deadlineMs is not positive')
      if (pace !== undefined) {
        assert.ok(pace.perSecond > 0 && Number.isFinite(pace.perSecond), 'pace.perSecond is not positive')
        assert.ok(pace.burst >= 1 && Number.isFinite(pace.burst), 'pace.burst is not at least 1')
      }
      try {
        await createDispatcher({ store: memoryStore(), transports: [transport], http: http(ORIGIN) }).close()
      } catch (error) {
        if (isSignalboxError(error)) throw failure(error.message, error)
        throw error
      }
    },
  },
  {
    name: 'config: the schema accepts its own output and leaves it as it is, and so does JSON',
    async run(world) {
      const config = await validConfig(world)
      const stored: unknown = JSON.parse(JSON.stringify(config) ?? 'null')
      assert.deepEqual(stored, withoutUndefined(config), 'the config does not survive being stored as JSON')
      const result = await world.transport.config['~standard'].validate(stored)
      assert.ok(!result.issues, 'the schema refuses its own output, which is what connections store')
      assert.deepEqual(
        withoutUndefined(result.value),
        stored,
        'the schema changes its own output: a stored config would drift',
      )
    },
  },
  {
    name: 'config: what is no config is refused with issues, not by throwing',
    async run({ transport }) {
      for (const input of [undefined, null, 42, 'text', true, [], () => {}]) {
        const result = await attempt(transport, input)
        assert.ok(result.issues, `the schema accepts ${JSON.stringify(input) ?? String(input)} as a config`)
      }
    },
  },
  {
    name: 'config: a valid config lacks nothing; without a required field it is refused or incomplete',
    async run(world) {
      const { transport } = world
      const config = await validConfig(world)
      assert.deepEqual(transport.missing?.(config) ?? [], [], 'missing() names something of a config that is complete')
      for (const { name, required } of transport.fields) {
        if (!required) continue
        const rest = Object.fromEntries(Object.entries(config).filter(([key]) => key !== name))
        const result = await attempt(transport, rest)
        if (result.issues) continue
        const missing = transport.missing?.(result.value) ?? []
        assert.ok(missing.length > 0, `the field ${name} is required, but a config without it is taken as complete`)
      }
    },
  },
  {
    name: 'config: fields describe every key, each once, with a label and what there is to choose from',
    async run(world) {
      const config = await validConfig(world)
      const { fields } = world.transport
      const names = fields.map((field) => field.name)
      assert.deepEqual(names, [...new Set(names)], 'a field is described twice')
      const unknown = Object.keys(config).filter((key) => config[key] !== undefined && !names.includes(key))
      assert.deepEqual(unknown, [], 'fields leave out keys of the config')
      for (const { name, label, kind, options } of fields) {
        assert.ok(label.trim() !== '', `the field ${name} has no label`)
        if (kind !== 'select') continue
        assert.ok(options !== undefined && options.length > 0, `the select field ${name} has no options`)
        const value = config[name]
        if (value === undefined) continue
        assert.ok(
          options.some((option) => option.value === value),
          `the options of the field ${name} leave out a valid value`,
        )
      }
    },
  },
  {
    name: 'config: every secret is in a field that is marked secret',
    skip: ({ secrets = [] }) => (secrets.length === 0 ? 'needs harness.secrets' : undefined),
    async run(world) {
      const config = await validConfig(world)
      for (const { name, secret } of world.transport.fields) {
        if (secret) continue
        for (const text of textsIn(fieldOf(config, name))) {
          checkDiscretion(text, world.harness.secrets ?? [], `the field ${name}, which is not marked secret,`)
        }
      }
    },
  },
  {
    name: 'config: labels and descriptions are text that tells no secret',
    async run(world) {
      const { transport, harness, signingSecrets } = world
      const config = await validConfig(world)
      const secrets = secretsOf(harness, config, signingSecrets)
      for (const name of ['describe', 'defaultLabel'] as const) {
        const shown: unknown = transport[name]?.(config)
        if (shown === undefined) continue
        assert.ok(typeof shown === 'string' && shown.trim() !== '', `${name} gives no text`)
        checkDiscretion(shown, secrets, `what ${name} gives`)
      }
    },
  },
]

async function validConfig({ transport, harness }: World): Promise<Readonly<Record<string, unknown>>> {
  const config = await parseConfig(transport, harness.config(ORIGIN))
  assert.ok(typeof config === 'object' && config !== null && !Array.isArray(config), 'a config is not an object')
  return Object.fromEntries(Object.entries(config))
}

async function attempt(transport: Transport, input: unknown) {
  try {
    return await transport.config['~standard'].validate(input)
  } catch (error) {
    throw failure('the schema throws instead of answering issues', error)
  }
}

/** A key whose value is `undefined` is none once stored. */
function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUndefined)
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value
  const entries = Object.entries(value).filter(([, one]) => one !== undefined)
  return Object.fromEntries(entries.map(([key, one]) => [key, withoutUndefined(one)]))
}
