import { describe, expect, it } from 'vitest'
import { catalogIndex, parseMetadata } from '../../src/catalog/index.ts'
import { ghostCms } from '../../src/presets/ghost-cms.ts'
import asyncApi from '../fixtures/ghost-cms-asyncapi.json' with { type: 'json' }
import { deliveries } from '../support/ghost-cms.ts'

const index = catalogIndex(ghostCms.catalog)
const documented = catalogIndex(ghostCms.documentedCatalog)
const definitionOf = (type: string) => index.find(type)?.definition
const parse = (type: string, metadata: unknown) => parseMetadata(definitionOf(type), metadata)
const real = (type: string) => {
  const found = deliveries.find((one) => one.event === type)?.metadata
  if (found === undefined) throw new Error(`no delivery of ${type}`)
  return found
}
const summaryOf = (type: string, metadata?: object, catalog = index) =>
  catalog.find(type)?.definition.summary?.(metadata)

describe('the catalog of Ghost CMS', () => {
  it('has the 29 documented events, and a category for each resource', () => {
    const types = Object.keys(asyncApi.channels).map((channel) => channel.replace('/webhook/', ''))
    expect(ghostCms.events.toSorted()).toEqual(types.toSorted())
    expect(ghostCms.events).toHaveLength(29)
    const sizes = Object.entries(ghostCms.catalog.categories).map(([id, { events }]) => [
      id,
      Object.keys(events).length,
    ])
    expect(sizes).toEqual([
      ['site', 1],
      ['post', 11],
      ['page', 11],
      ['tag', 3],
      ['member', 3],
    ])
    for (const type of types) expect(index.find(type)?.category).toBe(type.split('.')[0])
  })

  it('has a real delivery of each of them to be held against', () => {
    expect(deliveries.map((one) => one.event).toSorted()).toEqual(ghostCms.events.toSorted())
  })

  it.each(deliveries)('takes what Ghost sends with $event and changes nothing of it', ({ event, metadata }) => {
    expect(parse(event, metadata)).toBe(metadata)
  })

  it('lets unknown fields through, wherever they are', () => {
    const tag = { id: '1', colour: 'red' }
    const metadata = {
      zebra: true,
      previous: { mood: 'bad', tags: [tag] },
      current: { mood: 'good', id: '1', tags: [tag] },
    }
    const text = JSON.stringify(metadata)
    expect(JSON.stringify(parse('post.edited', metadata))).toBe(text)
    expect(JSON.stringify(parse('post.tag.attached', metadata))).toBe(text)
  })

  it.each<[string, string, object]>([
    ['post.edited', 'metadata.current.id', { current: { title: 'T' }, previous: {} }],
    ['post.edited', 'metadata.current.status', { current: { id: '1', status: 'publishd' }, previous: {} }],
    ['page.edited', 'metadata.previous.featured', { current: { id: '1' }, previous: { featured: 'no' } }],
    ['post.edited', 'metadata.current.published_at', { current: { id: '1', published_at: 'today' }, previous: {} }],
    ['post.edited', 'metadata.previous', { current: { id: '1' } }],
    ['tag.edited', 'metadata.current.visibility', { current: { id: '1', visibility: 'secret' }, previous: {} }],
    ['member.edited', 'metadata.current.labels[0].id', { current: { id: '1', labels: [{}] }, previous: {} }],
    ['post.added', 'metadata.previous', { current: { id: '1' }, previous: { title: 'T' } }],
    ['post.deleted', 'metadata.current', { current: { id: '1' }, previous: {} }],
    ['post.deleted', 'metadata.previous.id', { current: {}, previous: {} }],
    ['page.tag.detached', 'metadata.previous.tags', { current: { id: '1' }, previous: {} }],
  ])('refuses of %s a wrong %s', (type, field, metadata) => {
    expect(() => parse(type, metadata)).toThrow(expect.objectContaining({ code: 'invalid_input', field }))
  })

  it('takes fields that were null, and values that a later version may bring', () => {
    const before = { title: null, published_at: null, visibility: null }
    expect(() => parse('post.edited', { current: { id: '1', visibility: 'friends' }, previous: before })).not.toThrow()
    expect(() => parse('member.added', { current: { id: '1', status: 'gift' }, previous: {} })).not.toThrow()
  })

  it('states the documented fields in its JSON schema', () => {
    const schema = definitionOf('post.added')?.metadata
    if (schema === undefined || !('jsonSchema' in schema['~standard'])) throw new Error('no JSON schema')
    const { input } = schema['~standard'].jsonSchema as { input: (options: object) => Record<string, unknown> }
    expect(input({ target: 'draft-07' })).toMatchObject({
      properties: {
        current: {
          properties: { url: { format: 'uri' }, created_at: { format: 'date-time' }, featured: { type: 'boolean' } },
          required: ['id'],
        },
      },
      required: ['current', 'previous'],
    })
    for (const field of Object.keys(asyncApi.schemas.PostResource.properties)) {
      expect(input({ target: 'draft-07' })).toHaveProperty(['properties', 'current', 'properties', field])
    }
  })
})

describe('words of the events', () => {
  it.each(deliveries)('are there for $event', ({ event, metadata }) => {
    const { title, body, href } = summaryOf(event, metadata) ?? {}
    expect(title).toMatch(event === 'site.changed' ? /^Site changed$/ : /^[A-Z][a-z ]+: .+/)
    expect(typeof body).toBe('string')
    expect(URL.canParse(href ?? '')).toBe(true)
  })

  it('say what happened to what, what changed, and lead there', () => {
    expect(summaryOf('post.scheduled', real('post.scheduled'))).toEqual({
      title: 'Post scheduled: Hello2 post',
      body: 'Hello body\nChanged: status, published_at',
      href: 'http://127.0.0.1:18368/p/a2d71ded-f133-4eea-96fb-7cb96e2c9c6c/',
    })
    expect(summaryOf('member.edited', real('member.edited'))).toMatchObject({
      title: 'Member edited: M2',
      body: 'm@example.com\nChanged: name',
    })
    expect(summaryOf('page.deleted', real('page.deleted'))).toMatchObject({
      title: 'Page deleted: Hello3 page',
      body: '',
    })
  })

  it('name the tags that were attached or detached', () => {
    expect(summaryOf('post.tag.attached', real('post.tag.attached'))?.body).toBe('Hello body\nAttached: Newspost')
    expect(summaryOf('page.tag.detached', real('page.tag.detached'))?.body).toContain('Detached: ')
  })

  it('lead to the site where the event names no URL', () => {
    const siteUrl = 'https://blog.example.com/'
    const own = catalogIndex(ghostCms.catalogFor({ siteUrl }))
    expect(summaryOf('site.changed', undefined, own)?.href).toBe(siteUrl)
    expect(summaryOf('member.added', real('member.added'), own)?.href).toBe(siteUrl)
    expect(summaryOf('post.deleted', real('post.deleted'), own)?.href).toBe(siteUrl)
    expect(summaryOf('post.published', real('post.published'), own)?.href).toBe('http://127.0.0.1:18368/hello-post/')
    expect(summaryOf('site.changed')?.href).toBe('https://ghost.org/docs/webhooks/')
    for (const wrong of ['blog.example.com', 'javascript:alert(1)', '']) {
      expect(() => ghostCms.catalogFor({ siteUrl: wrong })).toThrow(expect.objectContaining({ field: 'siteUrl' }))
    }
  })

  it('do not trust what unknown fields hold', () => {
    const current = { id: '1', title: ' ', slug: 'only-slug', excerpt: 5, url: 'javascript:alert(1)' }
    expect(summaryOf('post.edited', { current, previous: { tags: 'none' } })).toEqual({
      title: 'Post edited: only-slug',
      body: '',
      href: 'https://ghost.org/docs/webhooks/',
    })
  })
})

describe('the documented catalog', () => {
  const uuid = 'a2d71ded-f133-4eea-96fb-7cb96e2c9c6c'
  const parseDocumented = (type: string, body: unknown) => parseMetadata(documented.find(type)?.definition, body)
  const messages: Readonly<Record<string, { payload: { $ref: string } }>> = asyncApi.messages

  it('has the same events with the payloads that the documentation names', () => {
    for (const [channel, { message }] of Object.entries(asyncApi.channels)) {
      const type = channel.replace('/webhook/', '')
      const schema = documented.find(type)?.definition.metadata?.['~standard']
      if (schema === undefined || !('jsonSchema' in schema)) throw new Error(`no JSON schema of ${type}`)
      const { input } = schema.jsonSchema as { input: (options: object) => { title?: string } }
      expect(`#/components/schemas/${input({ target: 'draft-07' }).title}`).toBe(messages[message]?.payload.$ref)
    }
  })

  it('takes events as they are documented', () => {
    const post = { current: { id: uuid, title: 'T', status: 'draft' }, previous: { title: 'U' } }
    for (const [type, body] of [
      ['site.changed', {}],
      ['post.edited', { post }],
      ['page.added', { page: { ...post, previous: {} } }],
      ['page.tag.attached', { tag: { current: { id: uuid, name: 'News' } } }],
      ['member.added', { member: { current: { id: uuid, email: 'm@example.com' } } }],
    ] as const) {
      expect(parseDocumented(type, body)).toBe(body)
    }
    expect(documented.find('post.edited')?.definition.summary?.({ post })).toMatchObject({
      title: 'Post edited: T',
      body: 'Changed: title',
    })
    expect(documented.find('site.changed')?.definition.summary?.({})).toMatchObject({ title: 'Site changed' })
  })

  it.each(deliveries)('is contradicted by the real $event: it has an `event`', ({ event, body }) => {
    expect(() => parseDocumented(event, JSON.parse(body))).toThrow(expect.objectContaining({ code: 'invalid_input' }))
  })

  it('is contradicted by real ids and by the key of tags, too', () => {
    const { current, previous } = real('post.edited')
    expect(() => parseDocumented('post.edited', { post: { current, previous } })).toThrow(/post\.current\.id/)
    expect(() =>
      parseDocumented('post.edited', { post: { current: { ...current, id: uuid }, previous } }),
    ).not.toThrow()
    expect(() => parseDocumented('post.tag.attached', { post: real('post.tag.attached') })).toThrow(/metadata/)
  })
})
