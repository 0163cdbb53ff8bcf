import { describe, expectTypeOf, it } from 'vitest'
import type { Catalog } from '../../src/contracts/catalog.ts'
import type { EventBase } from '../../src/contracts/event.ts'
import {
  type GhostWorkspaceCategory,
  type GhostWorkspaceEvent,
  ghostWorkspaceCatalog,
} from '../../src/presets/ghost-workspace/catalog.ts'

declare function dispatch<E extends EventBase, K extends string>(catalog: Catalog<E, K>, event: E, only?: K): void

describe('the annotated catalog of a preset', () => {
  it('still infers the ids of its categories and events', () => {
    expectTypeOf<'breach' | 'article_30'>().toExtend<GhostWorkspaceCategory>()
    expectTypeOf<'breach_logged' | 'case_assigned' | 'member_joined'>().toExtend<GhostWorkspaceEvent['type']>()
    expectTypeOf<string>().not.toExtend<GhostWorkspaceEvent['type']>()
    const words = { orgId: 'org_1', title: 't', body: 'b', href: 'https://app.example' }
    dispatch(ghostWorkspaceCatalog, { ...words, type: 'breach_logged', metadata: { any: 'thing' } }, 'breach')
    // @ts-expect-error: no such event
    dispatch(ghostWorkspaceCatalog, { ...words, type: 'breach_imagined' })
    // @ts-expect-error: no such category
    dispatch(ghostWorkspaceCatalog, { ...words, type: 'breach_logged' }, 'nope')
  })
})
