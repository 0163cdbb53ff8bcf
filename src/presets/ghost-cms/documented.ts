import { z } from 'zod'
import { defineCatalog } from '../../catalog/define.ts'
import type { Catalog, CategoryDefinition, EventDefinition } from '../../contracts/catalog.ts'
import { asGiven } from './as-given.ts'
import { ghostCmsCatalog } from './catalog.ts'
import type { GhostCmsCategory, GhostCmsDocumentedEvent } from './events.ts'
import { summarising } from './summary.ts'

// Names, types and formats as Ghost's AsyncAPI document has them, with its names of schemas as titles. It requires no
// field of a resource; what it calls `oneOf` (a resource, or any object) can't be meant, as every resource is both.
const uri = z.url()
const instant = z.iso.datetime({ offset: true })

const tagResource = z
  .looseObject({
    id: z.uuid(),
    name: z.string(),
    slug: z.string(),
    description: z.string().nullable(),
    feature_image: uri.nullable(),
    visibility: z.enum(['public', 'internal']),
    created_at: instant,
    updated_at: instant,
  })
  .partial()
  .meta({ title: 'TagResource' })

const postResource = z
  .looseObject({
    id: z.uuid(),
    uuid: z.uuid(),
    title: z.string(),
    slug: z.string(),
    html: z.string(),
    plaintext: z.string(),
    feature_image: uri.nullable(),
    featured: z.boolean(),
    status: z.enum(['published', 'draft', 'scheduled', 'sent']),
    visibility: z.enum(['public', 'members', 'paid', 'tiers']),
    created_at: instant,
    updated_at: instant,
    published_at: instant.nullable(),
    custom_excerpt: z.string().nullable(),
    url: uri,
    tags: z.array(tagResource),
  })
  .partial()
  .meta({ title: 'PostResource' })

const memberResource = z
  .looseObject({
    id: z.uuid(),
    uuid: z.uuid(),
    email: z.email(),
    name: z.string().nullable(),
    status: z.enum(['free', 'paid', 'comped']),
    labels: z.array(z.looseObject({ id: z.uuid(), name: z.string(), slug: z.string() }).partial()),
    created_at: instant,
    updated_at: instant,
  })
  .partial()
  .meta({ title: 'MemberResource' })

const change = (resource: z.ZodType) =>
  z.looseObject({ current: resource.optional(), previous: z.union([resource, z.looseObject({})]).optional() })

/** A body is one key and no other: no `event`. */
const payload = (title: string, fields: Readonly<Record<string, z.ZodType>>) => z.strictObject(fields).meta({ title })

const payloads = {
  site: payload('SiteChangedPayload', {}),
  post: payload('PostPayload', { post: change(postResource) }),
  page: payload('PagePayload', { page: change(postResource) }),
  tag: payload('TagPayload', { tag: change(tagResource) }),
  member: payload('MemberPayload', { member: change(memberResource) }),
}
const attachment = payload('TagAttachmentPayload', { tag: z.looseObject({ current: tagResource.optional() }) })

const summarise = summarising(undefined)

function documented(category: GhostCmsCategory, definition: CategoryDefinition): CategoryDefinition {
  const whole = asGiven(payloads[category])
  const tagging = asGiven(attachment)
  const events = Object.entries(definition.events).map(([type, { label, description }]): [string, EventDefinition] => [
    type,
    {
      label,
      ...(description === undefined ? {} : { description }),
      metadata: type.includes('.tag.') ? tagging : whole,
      summary: (body: object) => summarise(label, Object.values(body)[0] ?? {}),
    },
  ])
  return { ...definition, events: Object.fromEntries(events) }
}

const categories = Object.entries(ghostCmsCatalog.categories).map(([id, definition]): [string, CategoryDefinition] => [
  id,
  documented(id as GhostCmsCategory, definition),
])

/**
 * The 29 events as Ghost documents them (AsyncAPI 2.6, version 5.0): metadata are the body that the documentation
 * describes, with UUIDs as ids, the key `tag` where a tag is attached or detached, and no `event`. What Ghost really
 * sends contradicts each of these; `ghostCmsFormat({ body: 'documented' })` sends such events.
 */
// The types and schemas are those of `GhostCmsDocumentedEvent`; only the way they are put together hides it.
export const ghostCmsDocumentedCatalog: Catalog<GhostCmsDocumentedEvent, GhostCmsCategory> = defineCatalog({
  categories: Object.fromEntries(categories) as Record<GhostCmsCategory, CategoryDefinition>,
}) as Catalog<GhostCmsDocumentedEvent, GhostCmsCategory>
