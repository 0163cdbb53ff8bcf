import { describe, expectTypeOf, it } from 'vitest'
import { createDispatcher, defineCatalog } from '../../src/index.ts'
import {
  type GhostCmsCategory,
  type GhostCmsEvent,
  type GhostCmsEventType,
  type GhostCmsPost,
  ghostCms,
} from '../../src/presets/ghost-cms.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { webhookTransport } from '../../src/transports/webhook.ts'

const dispatcher = createDispatcher({
  catalog: ghostCms.catalog,
  store: memoryStore(),
  transports: [webhookTransport(ghostCms.webhook), webhookTransport({ ...ghostCms.webhook, name: 'hooks' })],
})
const orgId = 'org_1'

/** An interface, as hosts have them: without an index signature. */
interface HostPost {
  id: string
  title: string
  status: 'draft' | 'published'
  mood: string
}
declare const draft: HostPost
declare const post: HostPost

describe('the annotated catalog of Ghost CMS', () => {
  it('still knows its categories and events', () => {
    expectTypeOf<GhostCmsCategory>().toEqualTypeOf<'site' | 'post' | 'page' | 'tag' | 'member'>()
    expectTypeOf<'site.changed' | 'post.published.edited' | 'page.tag.attached'>().toExtend<GhostCmsEventType>()
    expectTypeOf<string>().not.toExtend<GhostCmsEventType>()
    expectTypeOf<'tag.published'>().not.toExtend<GhostCmsEventType>()
    type Of<T> = Extract<GhostCmsEvent, { type: T }>
    expectTypeOf<Of<'post.deleted'>['metadata']['previous']['id']>().toEqualTypeOf<string>()
    expectTypeOf<Of<'member.edited'>['metadata']['current']['email']>().toEqualTypeOf<string | undefined>()
  })

  it('lets dispatch take the events of Ghost without words, and nothing else', () => {
    dispatcher.dispatch({ orgId, type: 'site.changed' })
    dispatcher.dispatch({ orgId, type: 'post.added', metadata: { current: { id: '1', title: 'T' }, previous: {} } })
    dispatcher.dispatch({ orgId, type: 'tag.deleted', metadata: { current: {}, previous: { id: '1', name: 'T' } } })
    // @ts-expect-error: no such event
    dispatcher.dispatch({ orgId, type: 'post.imagined', metadata: { current: { id: '1' }, previous: {} } })
    // @ts-expect-error: metadata is missing
    dispatcher.dispatch({ orgId, type: 'post.added' })
    // @ts-expect-error: no `previous`
    dispatcher.dispatch({ orgId, type: 'post.edited', metadata: { current: { id: '1' } } })
    // @ts-expect-error: a title is text
    dispatcher.dispatch({ orgId, type: 'post.added', metadata: { current: { id: '1', title: 1 }, previous: {} } })
    // @ts-expect-error: no such status
    dispatcher.dispatch({
      orgId,
      type: 'post.edited',
      metadata: { current: { id: '1', status: 'gone' }, previous: {} },
    })
    // @ts-expect-error: what is deleted is in `previous`
    dispatcher.dispatch({ orgId, type: 'post.deleted', metadata: { current: { id: '1' }, previous: {} } })
    // @ts-expect-error: what is added had no fields before
    dispatcher.dispatch({ orgId, type: 'post.added', metadata: { current: { id: '1' }, previous: { title: 'T' } } })
  })

  it('takes fields that it does not know, and interfaces of the host', () => {
    const current = { id: '1', mood: 'good' }
    dispatcher.dispatch({ orgId, type: 'post.edited', metadata: { current, previous: { mood: 'bad' } } })
    dispatcher.dispatch({
      orgId,
      type: 'page.edited',
      metadata: { current: { id: '1', mood: 'good' }, previous: { title: null, mood: 'bad' } },
    })
    dispatcher.dispatch({ orgId, type: 'post.published', metadata: { current: post, previous: {} } })
  })

  it('takes what `change` makes', () => {
    const { change } = ghostCms
    dispatcher.dispatch({ orgId, type: 'post.added', metadata: change.added(post) })
    dispatcher.dispatch({ orgId, type: 'post.published', metadata: change.edited(draft, post) })
    dispatcher.dispatch({ orgId, type: 'post.deleted', metadata: change.deleted(post) })
    dispatcher.dispatch({ orgId, type: 'page.tag.attached', metadata: change.tagged({ tags: [{ id: '1' }] }, post) })
    // @ts-expect-error: not the shape of a deletion
    dispatcher.dispatch({ orgId, type: 'post.deleted', metadata: change.edited(draft, post) })
  })

  it('can be extended by a host', () => {
    const shop = { label: 'Shop', events: { 'order.paid': { label: 'Paid' } } }
    const extended = createDispatcher({
      catalog: defineCatalog({ categories: { ...ghostCms.categories, shop } }),
      store: memoryStore(),
      transports: [],
    })
    extended.dispatch({ orgId, type: 'order.paid', title: 'T', body: '', href: 'https://example.com' })
    extended.dispatch({ orgId, type: 'post.deleted', metadata: { current: {}, previous: { id: '1' } } })
    // @ts-expect-error: what is deleted is in `previous`
    extended.dispatch({ orgId, type: 'post.deleted', metadata: { current: { id: '1' }, previous: {} } })
  })
})

describe('connection', () => {
  it('is what create takes', () => {
    const hook = { orgId, event: 'post.published', targetUrl: 'https://example.com' } as const
    dispatcher.connections.create(ghostCms.connection(hook))
    dispatcher.connections.create({ ...ghostCms.connection({ ...hook, secret: 'k', transport: 'hooks' }), label: 'CI' })
    // @ts-expect-error: no such event
    ghostCms.connection({ ...hook, event: 'post.imagined' })
    // @ts-expect-error: no such transport
    dispatcher.connections.create(ghostCms.connection({ ...hook, transport: 'nope' }))
  })
})

describe('the documented catalog', () => {
  it('takes bodies as they are documented', () => {
    const documented = createDispatcher({
      catalog: ghostCms.documentedCatalog,
      store: memoryStore(),
      transports: [webhookTransport()],
    })
    const current: GhostCmsPost = { id: '1' }
    documented.dispatch({ orgId, type: 'post.edited', metadata: { post: { current, previous: {} } } })
    documented.dispatch({ orgId, type: 'post.tag.attached', metadata: { tag: { current: { id: '1' } } } })
    documented.dispatch({ orgId, type: 'site.changed', metadata: {} })
    // @ts-expect-error: the key of a page is `page`
    documented.dispatch({ orgId, type: 'page.edited', metadata: { post: { current, previous: {} } } })
    // @ts-expect-error: the documented key is `tag`
    documented.dispatch({ orgId, type: 'post.tag.attached', metadata: { post: { current } } })
  })
})
