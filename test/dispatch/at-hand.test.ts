import { expect, it } from 'vitest'
import type { Store } from '../../src/contracts/store.ts'
import { createDispatcher } from '../../src/dispatcher.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { createRecorder } from '../../src/testing/index.ts'

/** Looks at the versions that a batch was planned with, as a store over a network does, and counts the calls. */
function checking(store: Store) {
  const calls: string[] = []
  const checked: Store = {
    ...store,
    capabilities: { ...store.capabilities, checksSubscriptions: true },
    connections: {
      ...store.connections,
      subscribed(orgId, options) {
        calls.push('subscribed')
        return store.connections.subscribed(orgId, options)
      },
    },
    deliveries: {
      ...store.deliveries,
      async enqueue(batch) {
        for (const { orgId, version } of batch.subscriptions ?? []) {
          const set = await store.connections.subscribed(orgId, { since: version })
          if (set === 'unchanged') continue
          calls.push('outdated')
          return { duplicates: [], outdated: true }
        }
        calls.push('enqueue')
        return store.deliveries.enqueue(batch)
      },
    },
  }
  return { store: checked, calls }
}

function world() {
  const { store, calls } = checking(memoryStore())
  const open = () => createDispatcher({ store, transports: [createRecorder().transport()] })
  const dispatch = async (dispatcher = first, orgId = 'org_1') => {
    const event = { orgId, type: 'case_assigned', title: 'A case', body: '', href: 'https://app.example.com/1' }
    return (await dispatcher.dispatch(event)).deliveries.map(({ connectionId }) => connectionId)
  }
  const first = open()
  const connect = async (id: string, dispatcher = first, orgId = 'org_1') =>
    void (await dispatcher.connections.create({ orgId, id, transport: 'recorder', config: {} }))
  return { calls, first, open, dispatch, connect }
}

it('asks for the subscriptions once, where the store looks at them itself', async () => {
  const { calls, dispatch, connect } = world()
  await connect('con_a')
  for (let n = 0; n < 3; n++) expect(await dispatch()).toEqual(['con_a'])
  expect(calls).toEqual(['subscribed', 'enqueue', 'enqueue', 'enqueue'])
})

it('sees a change that another dispatcher made before', async () => {
  const { calls, open, dispatch, connect } = world()
  await connect('con_a')
  expect(await dispatch()).toEqual(['con_a'])
  await connect('con_b', open())
  expect(await dispatch()).toEqual(['con_a', 'con_b'])
  expect(await dispatch()).toEqual(['con_a', 'con_b'])
  expect(calls).toEqual(['subscribed', 'enqueue', 'outdated', 'subscribed', 'enqueue', 'enqueue'])
})

it('writes events of several organisations together, also where the subscriptions of one have changed', async () => {
  const { calls, open, dispatch, connect, first } = world()
  for (const orgId of ['org_1', 'org_2']) await connect(`con_${orgId}`, first, orgId)
  for (const orgId of ['org_1', 'org_2']) await dispatch(first, orgId)
  await connect('con_new', open(), 'org_2')
  calls.length = 0
  const found = await Promise.all([dispatch(first, 'org_1'), dispatch(first, 'org_2'), dispatch(first, 'org_1')])
  expect(found).toEqual([['con_org_1'], ['con_new', 'con_org_2'], ['con_org_1']])
  expect(calls.filter((call) => call !== 'subscribed')).toEqual(['outdated', 'enqueue'])
})
