import type { Ref } from '../contracts/connection.ts'
import { SignalboxError } from '../errors.ts'

/** Also for one of another organisation: it does not exist for the caller. */
export function connectionNotFound(ref: Ref): SignalboxError {
  return new SignalboxError('not_found', `the organisation has no connection ${ref.id}`)
}

export function duplicateConnection(transport: string, cause: unknown): SignalboxError {
  const message = `uniqueKey: the organisation has such a connection already; the transport ${transport} allows one`
  return new SignalboxError('conflict', message, { field: 'uniqueKey', cause })
}

/** The connection was made by a dispatcher with other transports. */
export function noTransport(record: { readonly transport: string }): SignalboxError {
  return new SignalboxError('conflict', `the dispatcher has no transport named ${record.transport}`)
}
