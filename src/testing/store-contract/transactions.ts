import assert from 'node:assert/strict'
import type { EnqueueBatch, EnqueueResult, Store } from '../../contracts/index.ts'
import { isSignalboxError } from '../../errors.ts'
import { subscribed } from './connections.ts'
import {
  aConnection,
  aDelivery,
  aMember,
  anEvent,
  type Case,
  claimIds,
  deliveryId,
  enqueue,
  type HostTransaction,
  ORG,
  T0,
} from './world.ts'

const batch: EnqueueBatch = {
  events: [anEvent('e1'), anEvent('e2')],
  deliveries: [aDelivery('con_a', 'e1')],
  collect: [aMember('e2')],
}

/** Within the host's transaction: through `enqueueOn` where the store's driver is synchronous, else through `tx`. */
async function join(store: Store, tx: HostTransaction, what: EnqueueBatch): Promise<EnqueueResult> {
  if (store.deliveries.enqueueOn !== undefined) return store.deliveries.enqueueOn(tx.handle, what)
  return store.deliveries.enqueue({ ...what, tx: tx.handle })
}

export const transactionCases: readonly Case[] = [
  {
    name: "transactions: what was enqueued is there once the host's transaction commits, and not before",
    needs: 'tx',
    async run({ store, begin }) {
      await store.connections.insert(aConnection('con_a'))
      const tx = await begin()
      assert.deepEqual((await join(store, tx, batch)).duplicates, [])
      assert.equal(await store.events.get({ orgId: ORG, id: 'e1' }), undefined)
      await tx.commit()
      assert.deepEqual(await store.events.get({ orgId: ORG, id: 'e1' }), anEvent('e1'))
      assert.deepEqual(await claimIds(store, { now: T0 }), [deliveryId('con_a', 'e1')])
      assert.equal((await store.digests.peek({ orgId: ORG, connectionId: 'con_a', key: '' }))?.total, 1)
    },
  },
  {
    name: "transactions: nothing of it is there after the host's rollback, and it can be enqueued again",
    needs: 'tx',
    async run({ store, begin }) {
      await store.connections.insert(aConnection('con_a'))
      const tx = await begin()
      await join(store, tx, batch)
      await tx.rollback()
      assert.equal(await store.events.get({ orgId: ORG, id: 'e1' }), undefined)
      assert.equal(await store.deliveries.get({ orgId: ORG, id: deliveryId('con_a', 'e1') }), undefined)
      assert.equal(await store.digests.peek({ orgId: ORG, connectionId: 'con_a', key: '' }), undefined)
      assert.deepEqual(await claimIds(store, { now: T0 + 1e6 }), [])
      const again = await begin()
      assert.deepEqual((await join(store, again, batch)).duplicates, [])
      await again.commit()
      assert.deepEqual(await claimIds(store, { now: T0 }), [deliveryId('con_a', 'e1')])
    },
  },
  {
    name: 'transactions: a known event is a duplicate inside a transaction too',
    needs: 'tx',
    async run({ store, begin }) {
      await enqueue(store, { events: [anEvent('e1')] })
      const tx = await begin()
      const first = await join(store, tx, batch)
      assert.deepEqual(
        first.duplicates.map(({ orgId, id }) => ({ orgId, id })),
        [{ orgId: ORG, id: 'e1' }],
      )
      const second = await join(store, tx, batch)
      assert.deepEqual(second.duplicates.map((row) => row.id).sort(), ['e1', 'e2'])
      await tx.commit()
      assert.equal(await store.deliveries.get({ orgId: ORG, id: deliveryId('con_a', 'e1') }), undefined)
    },
  },
  {
    name: 'transactions: tx is read through where capabilities.tx is said, and refused where it is not',
    async run({ store, begin }) {
      await store.connections.insert(aConnection('con_a'))
      const outside = await subscribed(store.connections.subscribed(ORG))
      if (!store.capabilities.tx) {
        // to ignore it would be to write outside the host's transaction
        const refused = (error: unknown) => isSignalboxError(error, 'invalid_input')
        await assert.rejects(store.deliveries.enqueue({ ...batch, tx: {} }), refused)
        await assert.rejects(store.connections.subscribed(ORG, { tx: {} }), refused)
        assert.equal(await store.events.get({ orgId: ORG, id: 'e1' }), undefined)
        return
      }
      const tx = await begin()
      assert.deepEqual(await subscribed(store.connections.subscribed(ORG, { tx: tx.handle })), outside)
      assert.equal(await store.connections.subscribed(ORG, { since: outside.version, tx: tx.handle }), 'unchanged')
      await tx.rollback()
    },
  },
]
