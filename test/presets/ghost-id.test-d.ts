import { expectTypeOf, it } from 'vitest'
import { createDispatcher } from '../../src/index.ts'
import { type GhostIdVisitor, ghostId } from '../../src/presets/ghost-id.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { webhookTransport } from '../../src/transports/webhook.ts'

const store = memoryStore()
declare const visitor: GhostIdVisitor
const authorize = () => true
const loadVisitor = () => visitor

it('the endpoint takes a dispatcher that has the transport, beside others too, and no other', () => {
  const own = createDispatcher({ store, catalog: ghostId.catalog, transports: [ghostId.transport()] })
  ghostId.webhookApi({ dispatcher: own, authorize, loadVisitor })
  const beside = createDispatcher({ store, transports: [webhookTransport(), ghostId.transport()] })
  ghostId.webhookApi({ dispatcher: beside, authorize, loadVisitor })
  const renamed = createDispatcher({ store, transports: [ghostId.transport({ name: 'exports' })] })
  ghostId.webhookApi({ dispatcher: renamed, transport: 'exports', authorize, loadVisitor })
  const other = createDispatcher({ store, transports: [webhookTransport()] })
  // @ts-expect-error it has no transport of that name
  ghostId.webhookApi({ dispatcher: other, authorize, loadVisitor })
})

it('a profile is typed, in the loader and in the event', () => {
  const dispatcher = createDispatcher({ store, catalog: ghostId.catalog, transports: [ghostId.transport()] })
  // @ts-expect-error a score is a number
  ghostId.webhookApi({ dispatcher, authorize, loadVisitor: () => ({ ...visitor, score: '65' }) })
  dispatcher.dispatch({ orgId: '4', type: 'visitor_exported', metadata: visitor })
  // @ts-expect-error without a visitor there is nothing to export
  dispatcher.dispatch({ orgId: '4', type: 'visitor_exported' })
})

it('each format has its own payload', () => {
  const options = { exportedAt: 0 }
  expectTypeOf(ghostId.payload('hubspot', visitor, options).properties.ghost_score).toEqualTypeOf<string>()
  expectTypeOf(ghostId.payload('salesforce', visitor, options).Ghost_Score__c).toEqualTypeOf<number>()
  // @ts-expect-error there is no such format
  ghostId.payload('zapier', visitor, options)
})
