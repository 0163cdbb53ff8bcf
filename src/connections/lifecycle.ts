import type { ConnectionRecord } from '../contracts/connection.ts'
import type { ConnectionPatch } from '../contracts/store.ts'
import { pausedReason } from '../delivery/reasons.ts'
import { assess } from './assess.ts'
import { permit } from './authorize.ts'
import { checkNaming, checkRef } from './check-input.ts'
import type { ConnectionsDeps } from './deps.ts'
import { connectionNotFound, noTransport } from './errors.ts'
import { gapPatch } from './gaps.ts'
import { mutate } from './mutate.ts'
import type { ActingCall, ConnectionView } from './types.ts'
import { viewOf } from './view.ts'

export async function pauseConnection(deps: ConnectionsDeps, call: ActingCall): Promise<ConnectionView> {
  checkNaming(call)
  const ref = checkRef(call)
  await permit(deps.authorize, 'connections.pause', call)
  const record = await mutate(deps.store, ref, (found) => {
    if (found.status === 'paused') return undefined
    const now = deps.clock.now()
    return { status: 'paused', reason: pausedReason(now), updatedAt: now, ...gapPatch(found, now) }
  })
  deps.onChange?.(ref.orgId)
  return viewOf(deps, record, { nextAttempt: 'always' })
}

export async function resumeConnection(deps: ConnectionsDeps, call: ActingCall): Promise<ConnectionView> {
  checkNaming(call)
  const ref = checkRef(call)
  await permit(deps.authorize, 'connections.resume', call)
  const record = await mutate(deps.store, ref, (found) => resumed(deps, found))
  deps.onChange?.(ref.orgId)
  return viewOf(deps, record, { nextAttempt: 'always' })
}

export async function deleteConnection(deps: ConnectionsDeps, call: ActingCall): Promise<void> {
  checkNaming(call)
  const ref = checkRef(call)
  await permit(deps.authorize, 'connections.delete', call)
  const { credentials } = deps
  const credentialId = credentials && (await deps.store.connections.get(ref))?.credentialId
  if (!(await deps.store.connections.delete(ref, { now: deps.clock.now() }))) throw connectionNotFound(ref)
  if (credentialId !== undefined) await credentials?.release(ref, credentialId)
  deps.onChange?.(ref.orgId)
}

/** A failing connection gets its full time until a suspension again, and what cools down is tried at once. */
export async function resumed(deps: ConnectionsDeps, record: ConnectionRecord): Promise<ConnectionPatch | undefined> {
  const { transport, problem } = await assess(deps, record)
  if (transport === undefined) throw noTransport(record)
  const now = deps.clock.now()
  // Secrets that can't be read are no fault of the connection: the key may be there in another process.
  const lacking = problem?.code === 'secret_unreadable' ? undefined : problem
  if (lacking !== undefined) {
    if (record.status === 'incomplete' && record.reason?.text === lacking.text) return undefined
    const reason = { ...lacking, since: now }
    return { status: 'incomplete', reason, updatedAt: now, ...gapPatch(record, now) }
  }
  const fresh = { blockedUntil: null, failingSince: now } as const
  if (record.status !== 'active') {
    return { ...fresh, status: 'active', reason: null, updatedAt: now, ...gapPatch(record, now) }
  }
  const hindered = record.blockedUntil !== undefined || record.health.consecutiveFailures > 0
  return hindered ? fresh : undefined
}
