import type { ConnectionRecord } from '../contracts/connection.ts'
import type { OutcomeCode } from '../contracts/outcome.ts'
import type { ConnectionPatch } from '../contracts/store.ts'
import type { CredentialSource } from '../contracts/tokens.ts'
import type { Transport } from '../contracts/transport.ts'
import { invalidInput, isSignalboxError } from '../errors.ts'
import { permit } from './authorize.ts'
import { checkCall, checkNewId, checkOrgId } from './check-input.ts'
import { CREATE_FIELDS, insertRecord, newRecord, transportOf } from './create.ts'
import { holding } from './credentials.ts'
import type { ConnectionsDeps } from './deps.ts'
import { resumed } from './lifecycle.ts'
import { mutate } from './mutate.ts'
import type { ConnectedConnection, Connections } from './types.ts'
import { changeOf } from './update.ts'
import { viewOf } from './view.ts'

type ConnectInput = Parameters<Connections['connect']>[0]
type Config = Readonly<Record<string, unknown>>

const FIELDS = ['grant', ...CREATE_FIELDS.filter((field) => field !== 'credentialId')]
const PAGE = 200
/** What a new grant mends. */
const MENDED: readonly string[] = [
  'token_missing',
  'token_expired',
  'token_revoked',
  'missing_scope',
] satisfies OutcomeCode[]

/** A grant that was checked, and where it goes. */
interface Target {
  readonly transport: Transport
  readonly credentials: CredentialSource
  readonly credentialId: string
  /** Chosen in the grant, over which goes what the call gives. */
  readonly granted: Config | undefined
  readonly given: Config | undefined
}

export async function connectConnection(deps: ConnectionsDeps, input: ConnectInput): Promise<ConnectedConnection> {
  checkCall(input, FIELDS)
  const orgId = checkOrgId(input.orgId)
  await permit(deps.authorize, 'connections.connect', { orgId, actor: input.actor })
  const target = targetOf(deps, input)
  const found =
    input.id === undefined ? undefined : await deps.store.connections.get({ orgId, id: checkNewId(input.id) })
  const connected =
    found === undefined ? await create(deps, input, target) : await reconnect(deps, input, target, found)
  const { credentialId } = target
  try {
    await resumeOthers(deps, orgId, connected.connection.id, credentialId)
  } catch (error) {
    // what the call is about is done
    deps.logger?.error({ orgId, credentialId, error }, 'the other connections of a credential could not be resumed')
  }
  deps.onChange?.(orgId)
  return connected
}

function targetOf(deps: ConnectionsDeps, { transport: name, grant, config }: ConnectInput): Target {
  const transport = transportOf(deps, name)
  const { credentials } = deps
  if (credentials === undefined) {
    throw invalidInput('grant', 'the dispatcher keeps no grants: give it `tokens: storedTokens({ providers })`')
  }
  if (transport.provider === undefined) throw invalidInput('grant', `the transport ${transport.name} takes none`)
  const credentialId = credentials.idOf(grant)
  if (grant.provider !== transport.provider) {
    throw invalidInput('grant.provider', `must be ${transport.provider} for the transport ${transport.name}`)
  }
  if (config !== undefined && (typeof config !== 'object' || config === null)) {
    throw invalidInput('config', 'must be an object, where it is given')
  }
  return { transport, credentials, credentialId, granted: chosen(grant.config), given: chosen(config) }
}

/** A field that is `undefined` chooses nothing. */
function chosen(config: object | undefined): Config | undefined {
  if (config === undefined) return undefined
  const entries = Object.entries(config).filter(([, value]) => value !== undefined)
  return entries.length === 0 ? undefined : Object.fromEntries(entries)
}

async function create(
  deps: ConnectionsDeps,
  input: ConnectInput,
  { credentials, credentialId, granted, given }: Target,
): Promise<ConnectedConnection> {
  const { grant, ...settings } = input
  // all of it is checked before anything is kept
  const { record, secret } = await newRecord(deps, { ...settings, config: { ...granted, ...given } }, credentialId)
  await holding(deps, record, credentialId, {
    hold: () => credentials.save({ orgId: record.orgId, id: record.id }, grant),
    work: () => insertRecord(deps, record),
  })
  const connection = await viewOf(deps, record, { nextAttempt: 'failing' })
  return { connection, ...(secret === undefined ? {} : { secret }), created: true }
}

async function reconnect(
  deps: ConnectionsDeps,
  input: ConnectInput,
  target: Target,
  found: ConnectionRecord,
): Promise<ConnectedConnection> {
  const { credentials, credentialId } = target
  const ref = { orgId: found.orgId, id: found.id }
  if (found.transport !== target.transport.name) {
    throw invalidInput('id', `is a connection of the transport ${found.transport}`)
  }
  if (input.secret !== undefined) throw invalidInput('secret', 'of a connection that is there: use rotateSecret')
  let before: string | undefined
  const change = (record: ConnectionRecord): Promise<ConnectionPatch> => {
    before = record.credentialId
    return reconnected(deps, input, target, record)
  }
  // all of it is checked before anything is kept
  await change(found)
  const record = await holding(deps, ref, credentialId, {
    hold: () => credentials.save(ref, input.grant),
    work: () => mutate(deps.store, ref, change),
  })
  if (before !== undefined && before !== credentialId) await credentials.release(ref, before)
  return { connection: await viewOf(deps, record, { nextAttempt: 'always' }), created: false }
}

/** The new credential, config and settings; a suspension ends, a pause stays. */
async function reconnected(
  deps: ConnectionsDeps,
  { grant: _, secret: __, transport: ___, ...settings }: ConnectInput,
  target: Target,
  record: ConnectionRecord,
): Promise<ConnectionPatch> {
  const { credentialId } = target
  const isSuspended = record.status === 'suspended'
  const config = await newConfig(deps, target, record, isSuspended)
  const input = { ...settings, id: record.id, credentialId, config }
  // what was suspended becomes active, or incomplete, like one that is completed now
  const patch = await changeOf(deps, input)(isSuspended ? { ...record, status: 'incomplete' } : record)
  return { ...patch, blockedUntil: null, failingSince: deps.clock.now() }
}

/** `undefined`: it stays as it is. */
async function newConfig(
  deps: ConnectionsDeps,
  { transport, credentialId, granted, given }: Target,
  record: ConnectionRecord,
  isWanted: boolean,
): Promise<Config | undefined> {
  if (granted === undefined && given === undefined && !isWanted) return undefined
  if (granted === undefined || record.credentialId === credentialId) {
    return { ...(await deps.vault.openConfig(record)), ...granted, ...given }
  }
  // what was chosen in another workspace means nothing in this one: nor do its secrets, which an update would keep
  const secrets = transport.fields.filter((field) => field.secret).map((field) => [field.name, null])
  return { ...Object.fromEntries(secrets), ...granted, ...given }
}

/** The connections of the same credential that were suspended because it did not work. */
async function resumeOthers(deps: ConnectionsDeps, orgId: string, id: string, credentialId: string): Promise<void> {
  const isMended = (record: ConnectionRecord): boolean =>
    record.credentialId === credentialId &&
    record.id !== id &&
    record.status === 'suspended' &&
    MENDED.includes(record.reason?.code ?? '')
  let after: string | undefined
  do {
    const page = await deps.store.connections.list({ orgId, limit: PAGE, ...(after === undefined ? {} : { after }) })
    for (const { id: other } of page.items.filter(isMended)) {
      try {
        await mutate(deps.store, { orgId, id: other }, (found) => (isMended(found) ? resumed(deps, found) : undefined))
      } catch (error) {
        // deleted, changed again and again, or of a transport that is not here: it is not what the call is about
        if (!isSignalboxError(error)) throw error
      }
    }
    after = page.next
  } while (after !== undefined)
}
