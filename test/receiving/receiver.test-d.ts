import { createServer } from 'node:http'
import { describe, expectTypeOf, it } from 'vitest'
import { z } from 'zod'
import { defineCatalog } from '../../src/catalog/index.ts'
import { type ReceivedMessage, type ReceiverOptions, receiver } from '../../src/receiving/index.ts'
import { standardWebhooks, stripe } from '../../src/signing/index.ts'
import { memoryStore } from '../../src/stores/memory.ts'

const catalog = defineCatalog({
  categories: {
    cases: {
      label: 'Cases',
      events: {
        case_assigned: { label: 'Assigned', metadata: z.object({ caseId: z.string() }) },
        case_closed: { label: 'Closed' },
      },
    },
  },
})
const options = { scheme: standardWebhooks(), secrets: ['whsec_'] }

describe('what a handler is given', () => {
  it('with a catalog: its events, with their metadata, a digest or a test', () => {
    receiver({ ...options, catalog }).fetch(({ event, payload, raw, id }) => {
      expectTypeOf(payload).toBeUnknown()
      expectTypeOf(raw).toEqualTypeOf<Uint8Array>()
      expectTypeOf(id).toBeString()
      if (event?.kind === 'event') {
        expectTypeOf(event.type).toEqualTypeOf<'case_assigned' | 'case_closed'>()
        expectTypeOf(event.title).toBeString()
        expectTypeOf(event.timestamp).toBeNumber()
        if (event.type === 'case_assigned') expectTypeOf(event.metadata.caseId).toBeString()
        else expectTypeOf(event.metadata).toEqualTypeOf<object | undefined>()
        // @ts-expect-error no event of the catalog
        if (event.type === 'case_reopened') return
      }
      if (event?.kind === 'digest') expectTypeOf(event.items[0]?.title).toEqualTypeOf<string | undefined>()
      if (event?.kind === 'test') expectTypeOf(event.type).toEqualTypeOf<'test'>()
    })
  })

  it('without one: any type', () => {
    receiver(options).node(({ event }) => {
      expectTypeOf(event).toEqualTypeOf<ReceivedMessage | undefined>()
      if (event?.kind === 'event') expectTypeOf(event.type).toBeString()
    })
  })
})

describe('what a receiver takes', () => {
  it('one scheme or several, secrets or a function of them, and any store', () => {
    expectTypeOf(receiver).toBeCallableWith({ scheme: [stripe()], secrets: async () => ['a'] })
    expectTypeOf(receiver).toBeCallableWith({ ...options, dedupe: { store: memoryStore() } })
    expectTypeOf(receiver).toBeCallableWith({ ...options, dedupe: { store: { keys: memoryStore().keys } } })
    // @ts-expect-error a list: several are valid while one is rotated
    expectTypeOf<string>().toExtend<ReceiverOptions['secrets']>()
  })

  it('its listener fits node:http', () => {
    createServer(receiver(options).node(() => {}))
    createServer(receiver({ ...options, catalog }).node(async ({ event }) => event?.href))
  })
})
