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

/** For the whole list: someone may be in hundreds of teams, each of which is asked for its channels. */
const DEADLINE_MS = 30_000

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
  const needsToken = transport.provider !== undefined || connection.credentialId !== undefined
  const token = needsToken ? await tokenOf(deps, connection, signal) : undefined
  const ask = async (withToken: string | undefined): Promise<readonly Channel[]> => {
    const now = deps.clock.now()
    return (
      (await transport.channels?.({
        connection,
        ...(withToken === undefined ? {} : { token: withToken }),
        http: deps.http,
        now,
        deadlineAt: now + DEADLINE_MS,
        signal,
      })) ?? []
    )
  }
  try {
    return await ask(token)
  } catch (error) {
    if (token === undefined || !isTokenExpired(error)) throw known(error)
    const another = await tokenOf(deps, connection, signal, token)
    try {
      return await ask(another)
    } catch (last) {
      throw known(last)
    }
  }
}

function isTokenExpired(error: unknown): boolean {
  if (!isSignalboxError(error, 'conflict')) return false
  const { cause } = error
  return typeof cause === 'object' && cause !== null && 'code' in cause && cause.code === 'token_expired'
}

/** What others throw may quote the token. */
function known(error: unknown): unknown {
  return isSignalboxError(error) ? error : new SignalboxError('conflict', 'the channels could not be listed')
}

/** @throws SignalboxError `conflict` where there is none to be had. */
async function tokenOf(
  { tokens }: ConnectionsDeps,
  connection: Connection,
  signal: AbortSignal,
  rejectedToken?: string,
): Promise<string> {
  let result: TokenResult | undefined
  try {
    result = await tokens?.get(connection, { signal, ...(rejectedToken === undefined ? {} : { rejectedToken }) })
  } catch {
    result = undefined
  }
  if (result?.ok === true) return result.token
  throw new SignalboxError('conflict', outcomeText(result?.outcome.code ?? 'token_missing'))
}
