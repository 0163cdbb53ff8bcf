import type { ConnectionRecord, Ref } from '../contracts/connection.ts'
import type { Transport } from '../contracts/transport.ts'
import { invalidInput } from '../errors.ts'
import { checkString } from './check-input.ts'
import type { ConnectionsDeps } from './deps.ts'
import { connectionNotFound, noTransport } from './errors.ts'

const MAX_ID_LENGTH = 512

type Deps = Pick<ConnectionsDeps, 'store' | 'credentials'>

/** The credential that a call chooses, for a transport that sends with one. */
export function checkCredentialId(transport: Transport, value: unknown): string {
  if (transport.provider === undefined) {
    throw invalidInput('credentialId', `the transport ${transport.name} sends without a credential`)
  }
  return checkString(value, 'credentialId', MAX_ID_LENGTH)
}

/**
 * Does `work`, which makes the connection name the credential, after `hold`: a credential that a connection names is
 * held, whoever dies. Where `work` fails it is let go of again.
 */
export async function holding<T>(
  deps: Deps,
  connection: Ref,
  credentialId: string,
  steps: { readonly hold: () => Promise<unknown>; readonly work: () => Promise<T> },
): Promise<T> {
  await steps.hold()
  try {
    return await steps.work()
  } catch (error) {
    await letGo(deps, connection, credentialId)
    throw error
  }
}

/** The new one is held before the connection names it, and the old one released when it no longer does. */
export async function exchangeCredential(
  deps: Pick<ConnectionsDeps, 'store' | 'credentials' | 'transports'>,
  ref: Ref,
  given: string,
  write: () => Promise<ConnectionRecord>,
): Promise<ConnectionRecord> {
  const found = await deps.store.connections.get(ref)
  if (found === undefined) throw connectionNotFound(ref)
  const transport = deps.transports.get(found.transport)
  if (transport === undefined) throw noTransport(found)
  const credentialId = checkCredentialId(transport, given)
  const hold = async (): Promise<void> => deps.credentials?.hold(ref, credentialId, transport.provider ?? '')
  const record = await holding(deps, ref, credentialId, { hold, work: write })
  const { credentialId: before } = found
  if (before !== undefined && before !== credentialId) await deps.credentials?.release(ref, before)
  return record
}

/**
 * Not revoked, even where nobody else holds it: the caller has the grant and may try again with it, and its code can't
 * be exchanged a second time. Upkeep drops what nobody comes back for.
 */
async function letGo({ store, credentials }: Deps, connection: Ref, credentialId: string): Promise<void> {
  let found: ConnectionRecord | undefined
  try {
    found = await store.connections.get(connection)
  } catch {
    // it may name the credential: upkeep finds out
    return
  }
  if (found?.credentialId !== credentialId) await credentials?.release(connection, credentialId, { keep: true })
}
