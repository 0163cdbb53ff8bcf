import type {
  ConnectionPatch,
  ConnectionRecord,
  ConnectionRepository,
  DeliveryRepository,
  EnqueueBatch,
  Message,
  Store,
  Transport,
} from '../../src/contracts/index.ts'
import type { DispatcherOptions } from '../../src/index.ts'
import { HOUR } from './settings.ts'
import type { Mutant } from './world.ts'

/** Faults that a store, a transport or the core could have: each must be found. */
export const mutants: Readonly<Record<string, () => Mutant>> = {
  'a store that drops a member of a digest': () =>
    enqueuing((batch) => ({ ...batch, collect: batch.collect.slice(1) })),
  'a store that drops a delivery': () => enqueuing((batch) => ({ ...batch, deliveries: batch.deliveries.slice(1) })),
  'a store that collects what was collected before once more': () => {
    let before: EnqueueBatch['collect'] = []
    return enqueuing((batch) => {
      const collect = [...before, ...batch.collect]
      before = batch.collect
      return { ...batch, collect }
    })
  },
  'a store that calls every seventh event stored and loses it': () => {
    let calls = 0
    return delivering((inner) => ({
      enqueue: (batch) => (++calls % 7 === 0 ? Promise.resolve({ duplicates: [] }) : inner.enqueue(batch)),
    }))
  },
  'a store that writes half of a batch and fails': () => {
    let calls = 0
    return delivering((inner) => ({
      enqueue: (batch) => {
        if (++calls % 5 !== 0) return inner.enqueue(batch)
        return inner.enqueue({ ...batch, deliveries: [], collect: [] }).then(() => Promise.reject(new Error('half')))
      },
    }))
  },
  'a store that forgets which events it knows': () => {
    let calls = 0
    return enqueuing((batch) => ({
      ...batch,
      events: batch.events.map((event) => ({ ...event, id: `${event.id}_${++calls}` })),
    }))
  },
  'a store that claims an hour before the time': () =>
    delivering((inner) => ({ claim: (request) => inner.claim({ ...request, now: request.now + HOUR }) })),
  'a store whose claims are no leases': () =>
    delivering((inner) => ({
      claim: async (request) => {
        const result = await inner.claim(request)
        await inner.release(
          result.deliveries.map(({ id, connectionId, token }) => ({ deliveryId: id, connectionId, token })),
        )
        return result
      },
    })),
  'a store that settles what lost its lease': () => {
    const tokens = new Map<string, string>()
    return delivering((inner) => ({
      claim: async (request) => {
        const result = await inner.claim(request)
        for (const { id, token } of result.deliveries) tokens.set(id, token)
        return result
      },
      settle: (all) => inner.settle(all.map((one) => ({ ...one, token: tokens.get(one.deliveryId) ?? one.token }))),
    }))
  },
  'a store that loses attempts': () =>
    delivering((inner) => ({
      settle: (all) => inner.settle(all.map((one) => ({ ...one, attempts: one.attempts.slice(1) }))),
    })),
  'a store that forgets cooldowns': () =>
    delivering((inner) => ({ settle: (all) => inner.settle(all.map(({ blockedUntil: _, ...one }) => one)) })),
  'a store that tries again at once': () =>
    delivering((inner) => ({
      settle: (all) =>
        inner.settle(
          all.map((one) => (one.next.status === 'pending' ? { ...one, next: { ...one.next, dueAt: one.at } } : one)),
        ),
    })),
  'a store that names messages anew': () => {
    let names = 0
    return delivering((inner) => ({
      claim: async (request) => {
        const result = await inner.claim(request)
        return { ...result, events: result.events.map((event) => ({ ...event, messageId: `msg_${++names}` })) }
      },
    }))
  },
  'a store that purges what waits': () =>
    delivering((inner) => ({
      purge: (request) => inner.purge({ ...request, orgId: request.orgId ?? 'org_1', everything: true }),
    })),
  'a store that forgets the pace': () => disguised(['pace']),
  'a store that forgets the order': () => disguised(['ordering']),
  'a store that forgets the limit of places': () => disguised(['maxInFlight']),
  'a store that serves connections that are not active': () => disguised(['status'], { status: 'active' }),
  'a store that hides quiet hours from workers': () =>
    delivering((inner) => ({
      claim: async (request) => {
        const result = await inner.claim(request)
        return { ...result, connections: result.connections.map(({ quietHours: _, ...record }) => record) }
      },
    })),
  'a core that does not know quiet hours': () => ({
    store: (inner) => ({
      ...inner,
      connections: {
        ...inner.connections,
        subscribed: async (orgId, options) => {
          const set = await inner.connections.subscribed(orgId, options)
          if (set === 'unchanged') return set
          return { ...set, connections: set.connections.map(({ quietHours: _, ...record }) => record) }
        },
      },
    }),
  }),
  'a core that sends everything to everyone': () => ({
    store: (inner) => ({
      ...inner,
      connections: {
        ...inner.connections,
        subscribed: async (orgId, options) => {
          const set = await inner.connections.subscribed(orgId, options)
          if (set === 'unchanged') return set
          const connections = set.connections.map(({ minImportance: _, ...record }) => record)
          return { ...set, connections: connections.map((record) => ({ ...record, categories: [], eventTypes: [] })) }
        },
      },
    }),
  }),
  'a core that does not heed Retry-After': () => ({
    dispatcher: (options) => ({ ...options, retry: { ...options.retry, maxRetryAfterMs: 0 } }),
  }),
  'a transport that sends twice': () =>
    sending((inner) => ({
      send: async (payload, context) => {
        await inner.send(payload, context)
        return inner.send(payload, context)
      },
    })),
  'a transport that words a message anew each time': () => {
    let times = 0
    return sending((inner) => ({
      build: (message, connection) => inner.build({ ...message, orgName: `Name ${++times}` } as Message, connection),
    }))
  },
}

function delivering(change: (inner: DeliveryRepository) => Partial<DeliveryRepository>): Mutant {
  return { store: (inner) => ({ ...inner, deliveries: { ...inner.deliveries, ...change(inner.deliveries) } }) }
}

function enqueuing(change: (batch: EnqueueBatch) => EnqueueBatch): Mutant {
  return delivering((inner) => ({ enqueue: (batch) => inner.enqueue(change(batch)) }))
}

function sending(change: (inner: Transport) => Partial<Transport>): Mutant {
  return {
    dispatcher: (options): DispatcherOptions => ({
      ...options,
      transports: options.transports.map((inner) => ({ ...inner, ...change(inner) })),
    }),
  }
}

/** Keeps fields from the store that it limits claims by, and shows them to everyone else. */
function disguised(fields: readonly (keyof ConnectionRecord)[], instead: Partial<ConnectionRecord> = {}): Mutant {
  const hidden = new Map<string, Partial<Record<keyof ConnectionRecord, unknown>>>()
  const hide = <T extends object>(id: string, given: T): T => {
    const kept = { ...hidden.get(id) }
    const shown: Record<string, unknown> = Object.fromEntries(Object.entries(given))
    for (const field of fields) {
      if (!(field in given)) continue
      kept[field] = shown[field]
      delete shown[field]
    }
    hidden.set(id, kept)
    // a copy of the same record with other fields
    return shown as T
  }
  const show = (record: ConnectionRecord): ConnectionRecord => {
    const entries = Object.entries({ ...record, ...hidden.get(record.id) }).filter(([, value]) => value !== null)
    return Object.fromEntries(entries) as unknown as ConnectionRecord
  }
  const store = (inner: Store): Store => {
    const { connections } = inner
    const changed: ConnectionRepository = {
      ...connections,
      insert: (record) => connections.insert({ ...hide(record.id, record), ...instead } as ConnectionRecord),
      update: async (ref, patch, version) => {
        const before = hidden.get(ref.id)
        try {
          return show(await connections.update(ref, hide<ConnectionPatch>(ref.id, patch), version))
        } catch (error) {
          if (before !== undefined) hidden.set(ref.id, before)
          throw error
        }
      },
      get: async (ref) => {
        const record = await connections.get(ref)
        return record && show(record)
      },
      list: async (query) => {
        const page = await connections.list(query)
        return { ...page, items: page.items.map(show) }
      },
    }
    return { ...inner, connections: changed }
  }
  return { store }
}
