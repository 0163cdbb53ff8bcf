import { catalogIndex, parseMetadata } from '../catalog/index.ts'
import type { Catalog } from '../contracts/catalog.ts'
import type { EventBase } from '../contracts/event.ts'
import { invalidInput, isSignalboxError, type SignalboxError } from '../errors.ts'
import { readMessage } from './read-message.ts'
import type { ReadableFormat, ReceivedMessage } from './types.ts'

interface Read<E extends EventBase> {
  readonly event?: ReceivedMessage<E>
  readonly eventError?: SignalboxError
}

/**
 * Reads typed messages. An event passes where the catalog defines its type and the definition's schema accepts its
 * metadata, which is handed on as it came: it is the schema's input that the catalog's types describe.
 */
export function createReader<E extends EventBase, K extends string>(
  catalog: Catalog<E, K> | undefined,
  format: ReadableFormat | undefined,
): (payload: unknown) => Read<E> {
  const index = catalog === undefined ? undefined : catalogIndex(catalog)
  const asked = index !== undefined || format !== undefined
  return (payload) => {
    const message = readMessage(payload, format)
    if (message === undefined) {
      return asked ? { eventError: invalidInput('payload', `is not in ${format ?? 'a'} format of signalbox`) } : {}
    }
    if (index === undefined || message.kind !== 'event') return { event: message as ReceivedMessage<E> }
    const entry = index.find(message.type)
    if (entry === undefined) return { eventError: invalidInput('type', 'is not in the catalog') }
    try {
      const parsed = parseMetadata(entry.definition, message.metadata)
      const metadata = message.metadata ?? parsed
      // The catalog has just confirmed what its type says: the type is one of its own, the metadata fits.
      return { event: { ...message, ...(metadata === undefined ? {} : { metadata }) } as ReceivedMessage<E> }
    } catch (error) {
      if (isSignalboxError(error, 'invalid_input')) return { eventError: error }
      throw error
    }
  }
}
