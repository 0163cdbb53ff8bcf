import { checkSubscription } from '../catalog/subscriptions.ts'
import type { ConnectionRecord } from '../contracts/connection.ts'
import type { Transport } from '../contracts/transport.ts'
import { checkPace } from '../delivery/check-pace.ts'
import { NEW_HEALTH } from '../delivery/health.ts'
import { missingReason } from '../delivery/reasons.ts'
import { checkQuietHours } from '../digest/check-quiet-hours.ts'
import { invalidInput, isSignalboxError, SignalboxError } from '../errors.ts'
import { toConnection, uniqueKeyOf } from './assess.ts'
import { permit } from './authorize.ts'
import { checkDigest } from './check-digest.ts'
import {
  checkCall,
  checkHostMetadata,
  checkLabel,
  checkMaxInFlight,
  checkNewId,
  checkOrdering,
  checkOrgId,
  labelFrom,
} from './check-input.ts'
import { checkCredentialId, holding } from './credentials.ts'
import type { ConnectionsDeps } from './deps.ts'
import { duplicateConnection } from './errors.ts'
import { parseConfig } from './parse-config.ts'
import { chooseSecret } from './secrets.ts'
import type { Connections, CreatedConnection } from './types.ts'
import { viewOf } from './view.ts'

export const CREATE_FIELDS: readonly string[] = [
  'orgId',
  'transport',
  'config',
  'label',
  'categories',
  'eventTypes',
  'minImportance',
  'digest',
  'quietHours',
  'id',
  'metadata',
  'ordering',
  'pace',
  'maxInFlight',
  'secret',
  'credentialId',
  'actor',
]

type CreateInput = Omit<Parameters<Connections['create']>[0], 'credentialId'>

export async function createConnection(
  deps: ConnectionsDeps,
  input: Parameters<Connections['create']>[0],
): Promise<CreatedConnection> {
  checkCall(input, CREATE_FIELDS)
  await permit(deps.authorize, 'connections.create', { orgId: checkOrgId(input.orgId), actor: input.actor })
  const transport = transportOf(deps, input.transport)
  const credentialId = input.credentialId === undefined ? undefined : checkCredentialId(transport, input.credentialId)
  const { record, secret } = await newRecord(deps, input, credentialId)
  const { provider } = transport
  const ref = { orgId: record.orgId, id: record.id }
  const work = (): Promise<void> => insertRecord(deps, record)
  if (credentialId === undefined || provider === undefined) await work()
  else {
    const hold = async (): Promise<void> => deps.credentials?.hold(ref, credentialId, provider)
    await holding(deps, ref, credentialId, { hold, work })
  }
  deps.onChange?.(record.orgId)
  const connection = await viewOf(deps, record, { nextAttempt: 'failing' })
  return { connection, ...(secret === undefined ? {} : { secret }) }
}

export async function insertRecord(deps: ConnectionsDeps, record: ConnectionRecord): Promise<void> {
  try {
    await deps.store.connections.insert(record)
  } catch (error) {
    if (!isSignalboxError(error, 'conflict')) throw error
    if (error.field === 'uniqueKey') throw duplicateConnection(record.transport, error)
    throw new SignalboxError('conflict', 'id: is taken', { field: 'id', cause: error })
  }
}

export function transportOf(deps: ConnectionsDeps, name: string): Transport {
  const transport = deps.transports.get(name)
  if (transport !== undefined) return transport
  throw invalidInput('transport', `must be one of: ${[...deps.transports.keys()].join(', ')}`)
}

/** Checks everything of a new connection, and stores nothing. */
export async function newRecord(
  deps: ConnectionsDeps,
  input: CreateInput,
  credentialId: string | undefined,
): Promise<{ readonly record: ConnectionRecord; readonly secret: string | undefined }> {
  const transport = transportOf(deps, input.transport)
  const ref = { orgId: input.orgId, id: input.id === undefined ? deps.ids('con') : checkNewId(input.id) }
  const subscription = checkSubscription(deps.catalog, input)
  const given = input.label === undefined ? undefined : checkLabel(input.label)
  const metadata = input.metadata === undefined ? undefined : checkHostMetadata(input.metadata)
  const ordering = input.ordering === undefined ? undefined : checkOrdering(input.ordering)
  const pace = input.pace === undefined ? transport.pace : input.pace === false ? undefined : checkPace(input.pace)
  const maxInFlight = input.maxInFlight === undefined ? undefined : checkMaxInFlight(input.maxInFlight)
  const digest = input.digest === undefined ? undefined : checkDigest(deps, input.digest)
  const quietHours = input.quietHours === undefined ? undefined : checkQuietHours(input.quietHours)
  const secret = chooseSecret(transport, input.secret)
  const config = await parseConfig(transport, input.config, deps.http)

  const label = given ?? labelFrom(transport.defaultLabel?.(config) ?? '', transport.name)
  const common = {
    ...ref,
    transport: transport.name,
    label,
    ...subscription,
    ...(credentialId === undefined ? {} : { credentialId }),
    ...(metadata && { metadata }),
  }
  const uniqueKey = uniqueKeyOf(transport, toConnection(common, config))
  const missing = transport.missing?.(config) ?? []
  const now = deps.clock.now()
  const parts = deps.vault.splitConfig(transport, config)
  const sealedConfig = await deps.vault.sealConfig(ref, parts.secret)
  const sealedSecrets = secret === undefined ? undefined : await deps.vault.sealSecrets(ref, [{ secret }])
  const record: ConnectionRecord = {
    ...common,
    config: parts.config,
    ...(sealedConfig === undefined ? {} : { sealedConfig }),
    ...(sealedSecrets === undefined ? {} : { sealedSecrets }),
    status: missing.length === 0 ? 'active' : 'incomplete',
    ...(missing.length === 0 ? {} : { reason: missingReason(missing, now) }),
    ...(uniqueKey === undefined ? {} : { uniqueKey }),
    ...(ordering === undefined ? {} : { ordering }),
    ...(pace === undefined ? {} : { pace }),
    ...(maxInFlight === undefined ? {} : { maxInFlight }),
    ...(digest === undefined ? {} : { digest }),
    ...(quietHours === undefined ? {} : { quietHours }),
    health: NEW_HEALTH,
    createdAt: now,
    updatedAt: now,
    version: 1,
  }
  return { record, secret }
}
