import type { Connection } from '../contracts/connection.ts'
import type { TokenResult } from '../contracts/tokens.ts'
import type { Channel } from '../contracts/transport.ts'
import { outcomeText } from '../delivery/reasons.ts'
import { invalidInput, isSignalboxError, SignalboxError } from '../errors.ts'
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
  if (transport.provider !== undefined || connection.credentialId !== undefined) {
    const result = await tokenOf(deps, connection, signal)
    if (result?.ok !== true) {
      throw new SignalboxError('conflict', outcomeText(result?.outcome.code ?? 'token_missing'))
    }
    token = result.token
  }
  const now = deps.clock.now()
  try {
    return await transport.channels({
      connection,
      ...(token === undefined ? {} : { token }),
      http: deps.http,
      now,
      deadlineAt: now + (transport.deadlineMs ?? DEFAULT_DEADLINE_MS),
      signal,
    })
  } catch (error) {
    if (isSignalboxError(error)) throw error
    // What others throw may quote the token.
    throw new SignalboxError('conflict', 'the channels could not be listed')
  }
}

async function tokenOf(
  deps: ConnectionsDeps,
  connection: Connection,
  signal: AbortSignal,
): Promise<TokenResult | undefined> {
  try {
    return await deps.tokens?.get(connection, { signal })
  } catch {
    return undefined
  }
}
