import type { Page } from '../contracts/store.ts'
import { checkCall, checkCursor, checkLimit, checkNaming, checkOrgId, checkRef, checkString } from './check-input.ts'
import { connectConnection } from './connect.ts'
import { createConnection } from './create.ts'
import type { ConnectionsDeps } from './deps.ts'
import { connectionNotFound } from './errors.ts'
import { deleteConnection, pauseConnection, resumeConnection } from './lifecycle.ts'
import { listChannels } from './list-channels.ts'
import { rotateSecret } from './rotate-secret.ts'
import { sendTest } from './send-test.ts'
import type { ConnectionCall, ConnectionListQuery, Connections, ConnectionView } from './types.ts'
import { updateConnection } from './update.ts'
import { viewOf } from './view.ts'

/** The management of connections. One file a call; what they promise is said in {@link Connections}. */
export function createConnections(deps: ConnectionsDeps): Connections {
  return {
    create: (input) => createConnection(deps, input),
    connect: (input) => connectConnection(deps, input),
    get: (call) => getConnection(deps, call),
    list: (query) => listConnections(deps, query),
    update: (input) => updateConnection(deps, input),
    pause: (call) => pauseConnection(deps, call),
    resume: (call) => resumeConnection(deps, call),
    rotateSecret: (call) => rotateSecret(deps, call),
    test: (call) => sendTest(deps, call),
    delete: (call) => deleteConnection(deps, call),
    channels: (call) => listChannels(deps, call),
  }
}

async function getConnection(deps: ConnectionsDeps, call: ConnectionCall): Promise<ConnectionView> {
  checkNaming(call)
  const ref = checkRef(call)
  const record = await deps.store.connections.get(ref)
  if (record === undefined) throw connectionNotFound(ref)
  return viewOf(deps, record, { nextAttempt: 'always' })
}

async function listConnections(deps: ConnectionsDeps, query: ConnectionListQuery): Promise<Page<ConnectionView>> {
  checkCall(query, ['orgId', 'transport', 'after', 'limit'])
  const after = checkCursor(query.after)
  const page = await deps.store.connections.list({
    orgId: checkOrgId(query.orgId),
    ...(query.transport === undefined ? {} : { transport: checkString(query.transport, 'transport', 256) }),
    ...(after === undefined ? {} : { after }),
    limit: checkLimit(query.limit),
  })
  const items = await Promise.all(page.items.map((record) => viewOf(deps, record, { nextAttempt: 'failing' })))
  return { items, ...(page.next === undefined ? {} : { next: page.next }) }
}
