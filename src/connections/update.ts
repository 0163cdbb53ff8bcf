import { checkSubscription } from '../catalog/subscriptions.ts'
import type { Connection, ConnectionRecord } from '../contracts/connection.ts'
import type { ConnectionPatch } from '../contracts/store.ts'
import type { Transport } from '../contracts/transport.ts'
import { checkPace } from '../delivery/check-pace.ts'
import { missingReason } from '../delivery/reasons.ts'
import { checkQuietHours } from '../digest/check-quiet-hours.ts'
import { invalidInput } from '../errors.ts'
import { assess, toConnection, uniqueKeyOf } from './assess.ts'
import { permit } from './authorize.ts'
import { checkDigest } from './check-digest.ts'
import { checkCall, checkHostMetadata, checkLabel, checkMaxInFlight, checkOrdering, checkRef } from './check-input.ts'
import { exchangeCredential } from './credentials.ts'
import type { ConnectionsDeps } from './deps.ts'
import { noTransport } from './errors.ts'
import { gapPatch } from './gaps.ts'
import { mutate } from './mutate.ts'
import { parseConfig } from './parse-config.ts'
import type { Connections, ConnectionView } from './types.ts'
import { viewOf } from './view.ts'

const SETTINGS = [
  'label',
  'categories',
  'eventTypes',
  'minImportance',
  'metadata',
  'ordering',
  'pace',
  'maxInFlight',
  'digest',
  'quietHours',
  'credentialId',
  'config',
] as const
const FIELDS: readonly string[] = ['orgId', 'id', 'actor', 'expectedVersion', ...SETTINGS]
/** What a transport sees of a connection, and can make its unique key of. */
const SEEN_BY_TRANSPORT = ['label', 'categories', 'eventTypes', 'metadata', 'credentialId', 'config'] as const

type UpdateInput = Parameters<Connections['update']>[0]
type Patch = { -readonly [F in keyof ConnectionPatch]: ConnectionPatch[F] }

export async function updateConnection(deps: ConnectionsDeps, input: UpdateInput): Promise<ConnectionView> {
  checkCall(input, FIELDS)
  const ref = checkRef(input)
  await permit(deps.authorize, 'connections.update', input)
  const { expectedVersion } = input
  if (expectedVersion !== undefined && !Number.isInteger(expectedVersion)) {
    throw invalidInput('expectedVersion', 'must be the version of a view')
  }
  const change = changeOf(deps, input)
  const write = (): Promise<ConnectionRecord> => mutate(deps.store, ref, change, expectedVersion)
  const { credentialId } = input
  const record = credentialId === undefined ? await write() : await exchangeCredential(deps, ref, credentialId, write)
  deps.onChange?.(ref.orgId)
  return viewOf(deps, record, { nextAttempt: 'always' })
}

/** Checks what can be checked without the record, and answers what makes the patch for one. */
export function changeOf(
  deps: ConnectionsDeps,
  input: UpdateInput,
): (record: ConnectionRecord) => Promise<ConnectionPatch | undefined> {
  const common = commonPatch(deps, input)
  return (record) => fullPatch(deps, input, common, record)
}

/** What can be checked without the record. */
function commonPatch(deps: ConnectionsDeps, input: UpdateInput): Patch {
  const patch: Patch = {}
  if (input.label !== undefined) patch.label = checkLabel(input.label)
  if (input.metadata !== undefined) {
    patch.metadata = input.metadata === null ? null : checkHostMetadata(input.metadata)
  }
  if (input.ordering !== undefined) patch.ordering = input.ordering === null ? null : checkOrdering(input.ordering)
  if (input.maxInFlight !== undefined) {
    patch.maxInFlight = input.maxInFlight === null ? null : checkMaxInFlight(input.maxInFlight)
  }
  if (input.digest !== undefined) patch.digest = input.digest === null ? null : checkDigest(deps, input.digest)
  if (input.quietHours !== undefined) {
    patch.quietHours = input.quietHours === null ? null : checkQuietHours(input.quietHours)
  }
  if (input.pace === false) patch.pace = null
  else if (input.pace !== undefined && input.pace !== null) patch.pace = checkPace(input.pace)
  return patch
}

async function fullPatch(
  deps: ConnectionsDeps,
  input: UpdateInput,
  common: Patch,
  record: ConnectionRecord,
): Promise<ConnectionPatch | undefined> {
  if (SETTINGS.every((field) => input[field] === undefined)) return undefined
  const transport = deps.transports.get(record.transport)
  const patch: Patch = { ...common }
  const now = deps.clock.now()
  if (input.pace === null) patch.pace = transport?.pace ?? null
  if (input.categories !== undefined || input.eventTypes !== undefined) {
    const { categories = record.categories, eventTypes = record.eventTypes } = input
    Object.assign(patch, checkSubscription(deps.catalog, { categories, eventTypes }))
  }
  if (input.minImportance === null) patch.minImportance = null
  else if (input.minImportance !== undefined) {
    const checked = checkSubscription(undefined, { minImportance: input.minImportance }).minImportance
    if (checked !== undefined) patch.minImportance = checked
  }
  if (input.credentialId !== undefined) patch.credentialId = input.credentialId
  const config = input.config === undefined ? undefined : await newConfig(deps, transport, input.config, record)
  if (config !== undefined) Object.assign(patch, await configPatch(deps, config, record, now))
  if (SEEN_BY_TRANSPORT.some((field) => input[field] !== undefined) && transport?.uniqueKey !== undefined) {
    const parsed = config === undefined ? (await assess(deps, record)).connection?.config : config.value
    // A config that can't be read keeps its key.
    if (parsed !== undefined) patch.uniqueKey = uniqueKeyOf(transport, changedConnection(record, patch, parsed)) ?? null
  }
  return { ...patch, updatedAt: now }
}

interface NewConfig {
  readonly transport: Transport
  readonly value: Readonly<Record<string, unknown>>
}

async function newConfig(
  deps: ConnectionsDeps,
  transport: Transport | undefined,
  input: unknown,
  record: ConnectionRecord,
): Promise<NewConfig> {
  if (transport === undefined) throw noTransport(record)
  if (typeof input !== 'object' || input === null) throw invalidInput('config', 'must be an object')
  const given: Record<string, unknown> = { ...input }
  const secretNames = transport.fields.filter((field) => field.secret).map((field) => field.name)
  const kept = secretNames.filter((name) => given[name] === undefined)
  if (kept.length > 0 && record.sealedConfig !== undefined) {
    const stored = await deps.vault.openConfig(record)
    for (const name of kept) if (stored[name] !== undefined) given[name] = stored[name]
  }
  for (const name of secretNames) if (given[name] === null) delete given[name]
  return { transport, value: await parseConfig(transport, given, deps.http) }
}

/** The config's fields, and the status that follows from it: completing one activates it, nobody's pause is lifted. */
async function configPatch(
  deps: ConnectionsDeps,
  { transport, value }: NewConfig,
  record: ConnectionRecord,
  now: number,
): Promise<ConnectionPatch> {
  const parts = deps.vault.splitConfig(transport, value)
  const sealedConfig = (await deps.vault.sealConfig(record, parts.secret)) ?? null
  const patch = { config: parts.config, sealedConfig }
  if (record.status !== 'active' && record.status !== 'incomplete') return patch
  const missing = transport.missing?.(value) ?? []
  const gaps = gapPatch(record, now)
  if (missing.length === 0) return { ...patch, status: 'active', reason: null, ...gaps }
  return { ...patch, status: 'incomplete', reason: missingReason(missing, now), ...gaps }
}

/** The connection as its transport will see it. */
function changedConnection(record: ConnectionRecord, patch: Patch, config: unknown): Connection {
  const changed = {
    ...record,
    label: patch.label ?? record.label,
    categories: patch.categories ?? record.categories,
    eventTypes: patch.eventTypes ?? record.eventTypes,
    metadata: patch.metadata === undefined ? record.metadata : (patch.metadata ?? undefined),
  }
  const { credentialId } = patch
  if (credentialId !== undefined && credentialId !== null) return toConnection({ ...changed, credentialId }, config)
  return toConnection(changed, config)
}
