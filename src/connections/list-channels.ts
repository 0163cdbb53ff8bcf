import type { Channel } from '../contracts/transport.ts'
import { outcomeText } from '../delivery/reasons.ts'
import { invalidInput, SignalboxError } from '../errors.ts'
import { assess } from './assess.ts'
import { checkNaming, checkRef } from './check-input.ts'
import type { ConnectionsDeps } from './deps.ts'
import { connectionNotFound, noTransport } from './errors.ts'
import type { ConnectionCall } from './types.ts'

const DEFAULT_DEADLINE_MS = 10_000

export async function listChannels(deps: ConnectionsDeps, call: ConnectionCall): Promise<readonly Channel[]> {
  checkNaming(call)
  const ref = checkRef(call)
  const record = await deps.store.connections.get(ref)
  if (record === undefined) throw connectionNotFound(ref)
  const { transport, connection, problem } = await assess(deps, record)
  if (transport === undefined) throw noTransport(record)
  if (transport.channels === undefined) {
    throw invalidInput('id', `is a connection of the transport ${transport.name}, which has no channels`)
  }
  if (connection === undefined) throw new SignalboxError('conflict', problem?.text ?? 'the connection cannot be used')
  const signal = deps.signal ?? new AbortController().signal
  let token: string | undefined
  if (connection.credentialId !== undefined) {
    const result = await deps.tokens?.get(connection, { signal })
    if (result?.ok !== true) {
      throw new SignalboxError('conflict', outcomeText(result?.outcome.code ?? 'token_missing'))
    }
    token = result.token
  }
  const now = deps.clock.now()
  return transport.channels({
    connection,
    ...(token === undefined ? {} : { token }),
    http: deps.http,
    now,
    deadlineAt: now + (transport.deadlineMs ?? DEFAULT_DEADLINE_MS),
    signal,
  })
}
