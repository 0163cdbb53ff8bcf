import type { ConnectionRecord } from '../contracts/connection.ts'
import type { ConnectionPatch } from '../contracts/store.ts'
import { invalidInput, SignalboxError } from '../errors.ts'
import { permit } from './authorize.ts'
import { checkCall, checkRef } from './check-input.ts'
import type { ConnectionsDeps } from './deps.ts'
import { noTransport } from './errors.ts'
import { mutate } from './mutate.ts'
import { chooseSecret } from './secrets.ts'
import type { RotatedSecret, RotateSecretCall } from './types.ts'
import type { SigningSecret } from './vault.ts'
import { viewOf } from './view.ts'

const FIELDS = ['orgId', 'id', 'actor', 'overlapMs', 'secret']
const MAX_OVERLAP_MS = 30 * 24 * 60 * 60 * 1000
/** Schemes with several signatures write one for each: a header has its limits. */
const MAX_SECRETS = 10

export async function rotateSecret(deps: ConnectionsDeps, call: RotateSecretCall): Promise<RotatedSecret> {
  checkCall(call, FIELDS)
  const ref = checkRef(call)
  await permit(deps.authorize, 'connections.rotateSecret', call)
  const { overlapMs = 0 } = call
  if (!Number.isInteger(overlapMs) || overlapMs < 0 || overlapMs > MAX_OVERLAP_MS) {
    throw invalidInput('overlapMs', `must be whole milliseconds from 0 to ${MAX_OVERLAP_MS} (30 days)`)
  }
  let secret = ''
  const record = await mutate(deps.store, ref, async (found) => {
    secret = newSecret(deps, found, call.secret)
    return rotated(deps, found, secret, overlapMs)
  })
  deps.onChange?.(ref.orgId)
  return { connection: await viewOf(deps, record, { nextAttempt: 'failing' }), secret }
}

function newSecret(deps: ConnectionsDeps, record: ConnectionRecord, given: string | undefined): string {
  const transport = deps.transports.get(record.transport)
  if (transport === undefined) throw noTransport(record)
  if (given !== undefined && typeof given !== 'string') throw invalidInput('secret', 'must be a text')
  const secret = chooseSecret(transport, given)
  if (secret !== undefined) return secret
  throw invalidInput('id', `is a connection of the transport ${transport.name}, which does not sign`)
}

async function rotated(
  deps: ConnectionsDeps,
  record: ConnectionRecord,
  secret: string,
  overlapMs: number,
): Promise<ConnectionPatch> {
  const now = deps.clock.now()
  const kept: SigningSecret[] = []
  for (const old of await oldSecrets(deps, record, overlapMs)) {
    const endsAt = old.endsAt ?? now + overlapMs
    if (endsAt > now && old.secret !== secret) kept.push({ secret: old.secret, endsAt })
  }
  if (kept.length >= MAX_SECRETS) {
    throw new SignalboxError(
      'conflict',
      `overlapMs: ${MAX_SECRETS} secrets overlap already; wait until one has ended`,
      {
        field: 'overlapMs',
      },
    )
  }
  const sealedSecrets = await deps.vault.sealSecrets(record, [{ secret }, ...kept])
  return { ...(sealedSecrets === undefined ? {} : { sealedSecrets }), updatedAt: now }
}

/** Secrets that can't be opened any more can still be replaced, only not go on beside the new one. */
async function oldSecrets(
  deps: ConnectionsDeps,
  record: ConnectionRecord,
  overlapMs: number,
): Promise<readonly SigningSecret[]> {
  try {
    return await deps.vault.openSecrets(record)
  } catch (error) {
    if (overlapMs > 0) throw error
    return []
  }
}
