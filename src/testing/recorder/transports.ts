import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Connection } from '../../contracts/connection.ts'
import type { Message } from '../../contracts/message.ts'
import type { Outcome } from '../../contracts/outcome.ts'
import type { SendContext, Transport } from '../../contracts/transport.ts'
import { checkTransportName } from '../../delivery/transport-options.ts'

/** The config of a recording transport: any JSON object. */
export type RecorderConfig = Readonly<Record<string, unknown>>

/** A transport as the recorder gives it back: of the same name, config and payload. */
export type Wrapped<T extends Transport> =
  T extends Transport<infer Name, infer Input, infer Config, infer Payload>
    ? Transport<Name, Input, Config, Payload>
    : never

/** Where the transports of one recorder write. */
export interface Tape {
  built(message: Message): void
  record(transport: string, payload: unknown, context: SendContext): Outcome
}

export function recordingTransport<Name extends string>(
  name: Name,
  tape: Tape,
): Transport<Name, RecorderConfig, RecorderConfig, Message> {
  checkTransportName(name)
  return {
    name,
    config: anyObject,
    fields: [],
    build(message) {
      tape.built(message)
      return message
    },
    send: async (message, context) => tape.record(name, message, context),
  }
}

const anyObject: StandardSchemaV1<RecorderConfig, RecorderConfig> = {
  '~standard': {
    version: 1,
    vendor: 'signalbox',
    validate: (value) =>
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? { value: value as RecorderConfig }
        : { issues: [{ message: 'must be an object' }] },
  },
}

export function wrapTransport<T extends Transport>(transport: T, tape: Tape): Wrapped<T> {
  const overrides: Partial<Record<keyof Transport, unknown>> = {
    build(message: Message, connection: Connection) {
      tape.built(message)
      return transport.build(message, connection)
    },
    send: async (payload: unknown, context: SendContext) => tape.record(transport.name, payload, context),
    provider: undefined,
    channels: undefined,
    pace: undefined,
  }
  const wrapped: object = new Proxy(transport, {
    get(target, name) {
      if (Object.hasOwn(overrides, name)) return Reflect.get(overrides, name)
      const value: unknown = Reflect.get(target, name)
      // of a class, methods may use fields that a proxy does not have
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  return wrapped as Wrapped<T>
}
