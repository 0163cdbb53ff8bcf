import { describe, expectTypeOf, it } from 'vitest'
import { z } from 'zod'
import { createDispatcher, type Dispatcher, defineCatalog, defineEvent } from '../src/index.ts'
import { ghostWorkspace } from '../src/presets/ghost-workspace.ts'
import { memoryStore } from '../src/stores/memory.ts'
import { webhookTransport } from '../src/transports/webhook.ts'

const store = memoryStore()
const words = { title: '', body: '', href: '' }

const catalog = defineCatalog({
  categories: {
    breach: {
      label: 'Breach',
      events: {
        breach_logged: { label: 'Logged', metadata: z.object({ severity: z.enum(['low', 'high']) }) },
        breach_closed: defineEvent({
          label: 'Closed',
          metadata: z.object({ name: z.string() }),
          summary: ({ name }) => ({ title: name, body: '', href: '' }),
        }),
      },
    },
    team: { label: 'Team', events: { member_joined: { label: 'Joined' } } },
  },
})
const typed = createDispatcher({ store, catalog, transports: [webhookTransport(), webhookTransport({ name: 'siem' })] })
const open = createDispatcher({ store, transports: [webhookTransport()] })

describe('a dispatcher with a catalog', () => {
  it('accepts the events of the catalog only', () => {
    typed.dispatch({ orgId: 'o', type: 'breach_logged', ...words, metadata: { severity: 'low' } })
    typed.dispatch({ orgId: 'o', type: 'member_joined', ...words })
    // @ts-expect-error an unknown type
    typed.dispatch({ orgId: 'o', type: 'breach_lost', ...words })
    // @ts-expect-error metadata that the schema refuses
    typed.dispatch({ orgId: 'o', type: 'breach_logged', ...words, metadata: { severity: 'huge' } })
    // @ts-expect-error no metadata where there is a schema
    typed.dispatch({ orgId: 'o', type: 'breach_logged', ...words })
    // @ts-expect-error no title where there is no summary
    typed.dispatch({ orgId: 'o', type: 'member_joined', body: '', href: '' })
  })

  it('needs no words where the definition has a summary', () => {
    typed.dispatch({ orgId: 'o', type: 'breach_closed', metadata: { name: 'x' } })
  })

  it('creates connections of its transports, with their configs, of its categories', () => {
    typed.connections.create({ orgId: 'o', transport: 'siem', config: { url: '' }, categories: ['team'] })
    typed.connections.create({ orgId: 'o', transport: 'webhook', config: { url: '' }, eventTypes: ['breach_closed'] })
    // @ts-expect-error an unknown transport
    typed.connections.create({ orgId: 'o', transport: 'nope', config: { url: '' } })
    // @ts-expect-error a config of another shape
    typed.connections.create({ orgId: 'o', transport: 'webhook', config: { uri: '' } })
    // @ts-expect-error an unknown category
    typed.connections.create({ orgId: 'o', transport: 'webhook', config: { url: '' }, categories: ['nope'] })
    // @ts-expect-error an unknown event type
    typed.connections.create({ orgId: 'o', transport: 'webhook', config: { url: '' }, eventTypes: ['nope'] })
  })

  it('sends once by its transports only', () => {
    const event = { type: 'member_joined', ...words } as const
    typed.send({ orgId: 'o', transport: 'webhook', config: { url: '' }, event })
    // @ts-expect-error an unknown transport
    typed.send({ orgId: 'o', transport: 'nope', config: { url: '' }, event })
  })

  it('is a Dispatcher for those who take any', () => {
    const all: readonly Dispatcher[] = [typed, open]
    expectTypeOf(all).toEqualTypeOf<readonly Dispatcher[]>()
  })

  it('knows the events of the workspace', () => {
    const workspace = createDispatcher({
      store,
      catalog: ghostWorkspace.catalog,
      transports: [webhookTransport(ghostWorkspace.webhook)],
    })
    workspace.dispatch({ orgId: 'o', type: 'breach_logged', ...words })
    // @ts-expect-error a type that no workspace has
    workspace.dispatch({ orgId: 'o', type: 'nope', ...words })
  })
})

describe('a dispatcher without a catalog', () => {
  it('accepts any type, with words', () => {
    open.dispatch({ orgId: 'o', type: 'anything', category: 'any', ...words, metadata: { a: 1 } })
    // @ts-expect-error no title
    open.dispatch({ orgId: 'o', type: 'anything', body: '', href: '' })
    // @ts-expect-error no orgId
    open.dispatch({ type: 'anything', ...words })
  })
})
