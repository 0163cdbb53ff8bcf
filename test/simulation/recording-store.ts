import type { DeliveryRecord, Store } from '../../src/contracts/index.ts'
import type { Commit, Journal, Seen } from './journal.ts'

/**
 * Writes every change that the store makes into the journal, in the order in which it makes them, with what the store
 * holds right afterwards. For stores that do their work before a call returns its promise, as the memory store does.
 */
export function recordingStore(inner: Store, journal: Journal, orgIds: readonly string[]): (process: string) => Store {
  const known = new Set<string>()
  /** Counts up with each event that joins a digest; what was counted when none was open. */
  let joined = 0
  let noneOpenAt = 0

  const deliveriesNow = async (): Promise<readonly DeliveryRecord[]> => {
    const pages = orgIds.map((orgId) => inner.deliveries.list({ orgId, limit: 1000 }))
    return (await Promise.all(pages)).flatMap((page) => page.items)
  }

  async function recorded<T>(
    process: string,
    call: () => Promise<T>,
    commitOf: (result: T) => Commit | Promise<Commit>,
    touches: { readonly connections?: true; readonly digests?: true; readonly joins?: true },
  ): Promise<T> {
    const tell = journal.reserve(process)
    const sealing = touches.digests === true && joined !== noneOpenAt
    if (touches.joins) joined++
    const joinedBefore = joined
    // begun in one go, so that nothing comes in between
    const pending = call()
    const connections = touches.connections && inner.connections.list({ limit: 1000 })
    const open = touches.digests && inner.digests.list({ limit: 1000 })
    const deliveries = sealing ? deliveriesNow() : undefined
    const result = await pending
    if (open && (await open).items.length === 0) noneOpenAt = joinedBefore
    const sealed = (await deliveries)?.filter((one) => one.kind === 'digest' && !known.has(one.id)) ?? []
    for (const { id } of sealed) known.add(id)
    const seen: Seen = {
      ...(connections ? { connections: (await connections).items } : {}),
      ...(sealed.length > 0 ? { sealed } : {}),
    }
    tell({ kind: 'commit', commit: await commitOf(result), seen })
    return result
  }

  return (process) => ({
    ...inner,
    connections: {
      ...inner.connections,
      insert: (record) =>
        recorded(
          process,
          () => inner.connections.insert(record),
          () => ({ method: 'connection', connectionId: record.id }),
          { connections: true },
        ),
      update: (ref, patch, version) =>
        recorded(
          process,
          () => inner.connections.update(ref, patch, version),
          () => ({ method: 'connection', connectionId: ref.id }),
          { connections: true },
        ),
      delete: (ref, options) =>
        recorded(
          process,
          () => inner.connections.delete(ref, options),
          (existed) => ({ method: 'delete', connectionId: ref.id, now: options.now, existed }),
          { connections: true, digests: true },
        ),
    },
    digests: {
      ...inner.digests,
      seal: (request) =>
        recorded(
          process,
          () => inner.digests.seal(request),
          () => ({ method: 'seal', ...request }),
          { digests: true },
        ),
    },
    deliveries: {
      ...inner.deliveries,
      enqueue: (batch) =>
        recorded(
          process,
          () => inner.deliveries.enqueue(batch),
          (result) => ({ method: 'enqueue', batch, result }),
          batch.collect.length > 0 ? { joins: true } : {},
        ),
      record: (delivery, attempts, latest) =>
        recorded(
          process,
          () => inner.deliveries.record(delivery, attempts, latest),
          () => ({ method: 'record', delivery }),
          {},
        ),
      claim: (request) =>
        recorded(
          process,
          () => inner.deliveries.claim(request),
          (result) => ({ method: 'claim', request, result }),
          { digests: true },
        ),
      settle: (settlements) =>
        recorded(
          process,
          () => inner.deliveries.settle(settlements),
          (result) => ({ method: 'settle', settlements, result }),
          { connections: true },
        ),
      renew: (leases, until) =>
        recorded(
          process,
          () => inner.deliveries.renew(leases, until),
          (lost) => ({ method: 'renew', leases, until, lost }),
          {},
        ),
      release: (leases) =>
        recorded(
          process,
          () => inner.deliveries.release(leases),
          () => ({ method: 'release', leases }),
          {},
        ),
      reschedule: (request) =>
        recorded(
          process,
          () => inner.deliveries.reschedule(request),
          (changed) => ({ method: 'reschedule', request, changed }),
          {},
        ),
      purge(request) {
        let left: Promise<readonly DeliveryRecord[]> | undefined
        return recorded(
          process,
          () => {
            const pending = inner.deliveries.purge(request)
            left = deliveriesNow()
            return pending
          },
          async () => {
            const ids = ((await left) ?? []).map((one) => one.id)
            // what was taken may come again under the same id
            for (const id of known) if (!ids.includes(id)) known.delete(id)
            return { method: 'purge', request, left: ids }
          },
          { connections: true, digests: true },
        )
      },
    },
  })
}
