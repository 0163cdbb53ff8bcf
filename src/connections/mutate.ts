import type { ConnectionRecord, Ref } from '../contracts/connection.ts'
import type { ConnectionPatch, Store } from '../contracts/store.ts'
import { isSignalboxError, SignalboxError } from '../errors.ts'
import { connectionNotFound, duplicateConnection } from './errors.ts'

const MAX_ROUNDS = 5

/**
 * Reads a connection, asks `change` for a patch (`undefined`: nothing to change), and writes it. When someone else was
 * faster it starts over, a few times; with `expectedVersion` that ends at once.
 * @throws SignalboxError `not_found` · `conflict`
 */
export async function mutate(
  store: Store,
  ref: Ref,
  change: (record: ConnectionRecord) => ConnectionPatch | undefined | Promise<ConnectionPatch | undefined>,
  expectedVersion?: number,
): Promise<ConnectionRecord> {
  for (let round = 1; ; round++) {
    const record = await store.connections.get(ref)
    if (record === undefined) throw connectionNotFound(ref)
    if (expectedVersion !== undefined && record.version !== expectedVersion) throw versionConflict()
    const patch = await change(record)
    if (patch === undefined) return record
    try {
      return await store.connections.update(ref, patch, record.version)
    } catch (error) {
      if (!isSignalboxError(error, 'conflict')) throw error
      // Two reasons share the code; a version that is still the expected one leaves the other.
      if (error.field === 'uniqueKey' || (await store.connections.get(ref))?.version === record.version) {
        throw duplicateConnection(record.transport, error)
      }
      if (round === MAX_ROUNDS) throw error
    }
  }
}

function versionConflict(): SignalboxError {
  const field = 'expectedVersion'
  return new SignalboxError('conflict', `${field}: the connection was changed meanwhile`, { field })
}
