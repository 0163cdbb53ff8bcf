import { describe, expectTypeOf, it } from 'vitest'
import { z } from 'zod'
import { defineCatalog, defineEvent } from '../../src/catalog/define.ts'
import type { Catalog, EventOf } from '../../src/contracts/catalog.ts'
import type { EventBase, EventInput } from '../../src/contracts/event.ts'

interface Assignment {
  caseId: string
}

const catalog = defineCatalog({
  categories: {
    cases: {
      label: 'Cases',
      events: {
        case_assigned: { label: 'Assigned', metadata: z.object({ caseId: z.string(), days: z.number().default(30) }) },
        case_closed: { label: 'Closed' },
      },
    },
    team: {
      label: 'Team',
      events: {
        member_joined: defineEvent({
          label: 'Joined',
          metadata: z.object({ name: z.string(), since: z.string().default('today') }),
          summary: (metadata) => {
            expectTypeOf(metadata).toEqualTypeOf<{ name: string; since: string }>()
            return { title: `${metadata.name} joined`, body: metadata.since, href: 'https://app.example' }
          },
        }),
        team_renamed: { label: 'Renamed', summary: () => ({ title: 't', body: 'b', href: 'https://app.example' }) },
      },
    },
  },
})

type EventIn<C> = C extends Catalog<infer E, infer _K> ? E : never
declare function dispatch<E extends EventBase, K extends string>(catalog: Catalog<E, K>, event: E): void
declare function subscribe<E extends EventBase, K extends string>(
  catalog: Catalog<E, K>,
  to: { categories?: readonly K[]; eventTypes?: readonly E['type'][] },
): void

const words = { orgId: 'org_1', title: 't', body: 'b', href: 'https://app.example' }

describe('a catalog', () => {
  it('infers categories and event types', () => {
    expectTypeOf(catalog).toExtend<Catalog<EventBase, 'cases' | 'team'>>()
    expectTypeOf<EventIn<typeof catalog>['type']>().toEqualTypeOf<
      'case_assigned' | 'case_closed' | 'member_joined' | 'team_renamed'
    >()
    subscribe(catalog, { categories: ['cases'], eventTypes: ['member_joined'] })
    // @ts-expect-error: no such category
    subscribe(catalog, { categories: ['nope'] })
    // @ts-expect-error: no such type
    subscribe(catalog, { eventTypes: ['nope'] })
  })

  it('takes its events and no others', () => {
    dispatch(catalog, { ...words, type: 'case_closed' })
    dispatch(catalog, { ...words, type: 'case_assigned', metadata: { caseId: 'c1' } })
    dispatch(catalog, { ...words, type: 'case_assigned', metadata: { caseId: 'c1', days: 5 } })
    // @ts-expect-error: no such type
    dispatch(catalog, { ...words, type: 'case_reopened' })
    // @ts-expect-error: metadata is missing
    dispatch(catalog, { ...words, type: 'case_assigned' })
    // @ts-expect-error: metadata of another type
    dispatch(catalog, { ...words, type: 'case_assigned', metadata: { caseId: 5 } })
    // @ts-expect-error: a key too many
    dispatch(catalog, { ...words, type: 'case_assigned', metadata: { caseId: 'c1', caseID: 'c1' } })
  })

  it('asks for title, body and href only where no summary gives them', () => {
    dispatch(catalog, { orgId: 'org_1', type: 'member_joined', metadata: { name: 'Ada' } })
    dispatch(catalog, { orgId: 'org_1', type: 'member_joined', title: 'Mine', metadata: { name: 'Ada' } })
    dispatch(catalog, { orgId: 'org_1', type: 'team_renamed' })
    // @ts-expect-error: metadata is still required
    dispatch(catalog, { orgId: 'org_1', type: 'member_joined' })
    // @ts-expect-error: no summary, so title, body and href are required
    dispatch(catalog, { orgId: 'org_1', type: 'case_closed' })
  })

  it('takes metadata that is an interface, and any metadata where the type has no schema', () => {
    const metadata: Assignment = { caseId: 'c1' }
    dispatch(catalog, { ...words, type: 'case_assigned', metadata })
    dispatch(catalog, { ...words, type: 'case_closed', metadata })
  })

  it('is a catalog to code that does not know its events', () => {
    expectTypeOf(catalog).toExtend<Catalog>()
    expectTypeOf<EventOf<'x', { label: string }>>().toEqualTypeOf<EventInput<'x', object>>()
  })
})
