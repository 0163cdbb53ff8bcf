import { describe, expect, it } from 'vitest'
import type { Store } from '../../src/contracts/index.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { storeContract } from '../../src/testing/index.ts'

type Deliveries = Store['deliveries']

const deliveries = (change: (own: Deliveries, store: Store) => Partial<Deliveries>) => () => {
  const store = memoryStore()
  return { ...store, deliveries: { ...store.deliveries, ...change(store.deliveries, store) } }
}
const connections = (change: (own: Store['connections']) => Partial<Store['connections']>) => () => {
  const store = memoryStore()
  return { ...store, connections: { ...store.connections, ...change(store.connections) } }
}

/** Stores that break one promise each, by the group of cases that has to notice. */
const faulty: readonly { readonly fault: string; readonly noticed: string; create(): Store }[] = [
  {
    fault: 'lets any organisation read a delivery',
    noticed: 'tenants',
    create: deliveries((own) => {
      const owners = new Map<string, string>()
      return {
        enqueue: (batch) => {
          for (const row of batch.deliveries) owners.set(row.id, row.orgId)
          return own.enqueue(batch)
        },
        get: ({ orgId, id }) => own.get({ orgId: owners.get(id) ?? orgId, id }),
      }
    }),
  },
  {
    fault: 'ignores unique keys',
    noticed: 'connections',
    create: connections((own) => ({ insert: ({ uniqueKey: _, ...record }) => own.insert(record) })),
  },
  {
    fault: 'updates whatever the version',
    noticed: 'connections',
    create: connections((own) => ({
      update: async (ref, patch) => own.update(ref, patch, (await own.get(ref))?.version ?? 0),
    })),
  },
  {
    fault: 'never notices a change of subscriptions',
    noticed: 'subscriptions',
    create: connections((own) => ({
      subscribed: async (orgId, options) => (options?.since === undefined ? own.subscribed(orgId) : 'unchanged'),
    })),
  },
  {
    fault: 'stores the events of a batch one by one',
    noticed: 'enqueue',
    create: deliveries((own) => ({
      enqueue: async (batch) => {
        const duplicates = []
        for (const event of batch.events) {
          duplicates.push(...(await own.enqueue({ events: [event], deliveries: [], collect: [] })).duplicates)
        }
        await own.enqueue({ ...batch, events: [] })
        return { duplicates }
      },
    })),
  },
  {
    fault: 'sorts the keys of metadata',
    noticed: 'enqueue',
    create: deliveries((own) => ({
      enqueue: (batch) =>
        own.enqueue({
          ...batch,
          events: batch.events.map((event) =>
            event.metadata === undefined
              ? event
              : { ...event, metadata: Object.fromEntries(Object.entries(event.metadata).sort()) },
          ),
        }),
    })),
  },
  {
    fault: 'ignores perConnection',
    noticed: 'claim',
    create: deliveries((own) => ({ claim: (request) => own.claim({ ...request, perConnection: 1000 }) })),
  },
  {
    fault: 'ignores the transports',
    noticed: 'claim',
    create: deliveries((own) => ({
      claim: (request) => own.claim({ ...request, transports: ['webhook', 'slack', 'teams'] }),
    })),
  },
  {
    fault: 'never says when to come back',
    noticed: 'claim',
    create: deliveries((own) => ({ claim: async (request) => ({ ...(await own.claim(request)), nextAt: null }) })),
  },
  {
    fault: 'serves the connections in the order of their ids',
    noticed: 'claim',
    create: deliveries((own) => {
      const ids: string[] = []
      return {
        enqueue: (batch) => {
          ids.push(...batch.deliveries.map((row) => row.id))
          return own.enqueue(batch)
        },
        claim: async (request) => {
          if (request.ids !== undefined) return own.claim(request)
          const byId = await own.claim({ ...request, ids: ids.toSorted() })
          return byId.deliveries.length > 0 ? { ...byId, nextAt: request.now } : own.claim(request)
        },
      }
    }),
  },
  {
    fault: 'takes the settlement of a lost lease',
    noticed: 'leases',
    create: deliveries((own) => {
      const tokens = new Map<string, string>()
      return {
        claim: async (request) => {
          const result = await own.claim(request)
          for (const row of result.deliveries) tokens.set(row.id, row.token)
          return result
        },
        settle: (all) => own.settle(all.map((one) => ({ ...one, token: tokens.get(one.deliveryId) ?? one.token }))),
      }
    }),
  },
  {
    fault: 'renews nothing',
    noticed: 'leases',
    create: deliveries(() => ({ renew: async () => [] })),
  },
  {
    fault: 'forgets to give leases back',
    noticed: 'leases',
    create: deliveries(() => ({ release: async () => {} })),
  },
  {
    fault: 'forgets the cooldown',
    noticed: 'settle',
    create: deliveries((own) => ({ settle: (all) => own.settle(all.map(({ blockedUntil: _, ...one }) => one)) })),
  },
  {
    fault: 'never suspends',
    noticed: 'settle',
    create: deliveries((own) => ({ settle: (all) => own.settle(all.map(({ suspend: _, ...one }) => one)) })),
  },
  {
    fault: 'lists one page only',
    noticed: 'deliveries',
    create: deliveries((own) => ({ list: async (query) => ({ items: (await own.list(query)).items }) })),
  },
  {
    fault: 'ignores the limit of a reschedule',
    noticed: 'deliveries',
    create: deliveries((own) => ({ reschedule: (request) => own.reschedule({ ...request, limit: 1000 }) })),
  },
  {
    fault: 'purges the events that waiting deliveries need',
    noticed: 'purge',
    create: () => {
      const store = memoryStore()
      const gone = new Set<string>()
      return {
        ...store,
        deliveries: {
          ...store.deliveries,
          purge: async (request) => {
            const ids = (await store.events.list({ orgId: 'org_a', limit: 1000 })).items
            for (const event of ids) if (event.acceptedAt < request.eventsBefore) gone.add(event.id)
            return store.deliveries.purge(request)
          },
        },
        events: {
          ...store.events,
          list: async (query) => {
            const page = await store.events.list(query)
            return { ...page, items: page.items.filter((event) => !gone.has(event.id)) }
          },
        },
      }
    },
  },
  {
    fault: 'makes up the id of a sealed digest',
    noticed: 'digests',
    create: () => {
      const store = memoryStore()
      const seal: Store['digests']['seal'] = async (request) =>
        (await store.digests.seal(request)) && `dlv_${Math.random()}`
      return { ...store, digests: { ...store.digests, seal } }
    },
  },
  {
    fault: 'writes keys whatever the version',
    noticed: 'keys',
    create: () => {
      const store = memoryStore()
      const put: Store['keys']['put'] = (key, value, { expectedVersion: _, ...options }) =>
        store.keys.put(key, value, options)
      return { ...store, keys: { ...store.keys, put } }
    },
  },
  {
    fault: 'writes outside the transaction that it was given',
    noticed: 'transactions',
    create: deliveries((own) => ({ enqueue: ({ tx: _, ...batch }) => own.enqueue(batch) })),
  },
]

async function failuresOf(create: () => Store): Promise<readonly string[]> {
  const failures: string[] = []
  for (const { name, run } of storeContract({ create: async () => create() })) {
    await run().catch(() => failures.push(name))
  }
  return failures
}

describe('storeContract', () => {
  for (const { fault, noticed, create } of faulty) {
    it(`notices a store that ${fault}`, async () => {
      const groups = (await failuresOf(create)).map((name) => name.slice(0, name.indexOf(':')))
      expect(groups).toContain(noticed)
    })
  }

  it('says why a case does not apply', () => {
    const reasons = storeContract({ create: async () => memoryStore() }).flatMap(({ skip }) => skip ?? [])
    expect(new Set(reasons)).toEqual(
      new Set(['needs harness.reopen: the store is not durable', 'needs harness.begin: no transactions of the host']),
    )
  })

  it('does not let a store promise what its harness cannot show', async () => {
    for (const capabilities of [
      { tx: true, durable: false },
      { tx: false, durable: true },
    ]) {
      const create = async () => ({ ...memoryStore(), capabilities })
      await expect(storeContract({ create })[0]?.run()).rejects.toThrow(/needs harness/)
    }
  })

  it('gives each case a fresh store, set up, and takes it away again', async () => {
    const log: string[] = []
    const cases = storeContract({
      create: async () => ({ ...memoryStore(), setup: async () => void log.push('setup') }),
      destroy: async () => void log.push('destroy'),
    })
    await cases[0]?.run()
    await cases[1]?.run()
    expect(log).toEqual(['setup', 'destroy', 'setup', 'destroy'])
  })

  it('takes the store away of a case that fails, too', async () => {
    let destroyed = 0
    const cases = storeContract({
      create: async () => ({ ...memoryStore(), setup: () => Promise.reject(new Error('no setup')) }),
      destroy: async () => {
        destroyed++
      },
    })
    await expect(cases[0]?.run()).rejects.toThrow('no setup')
    expect(destroyed).toBe(1)
  })

  it('has names of their own for its cases', () => {
    const names = storeContract({ create: async () => memoryStore() }).map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
  })
})
