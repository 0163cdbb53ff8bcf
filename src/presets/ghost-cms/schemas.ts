import { z } from 'zod'
import { asGiven } from './as-given.ts'
import type { GhostCmsSchema } from './events.ts'
import type {
  GhostCmsAdded,
  GhostCmsDeleted,
  GhostCmsEdited,
  GhostCmsMember,
  GhostCmsPost,
  GhostCmsTag,
  GhostCmsTagged,
} from './resources.ts'

// Documented formats that a sender's own data may not keep to (addresses, URLs) are stated and not enforced: an event
// is not refused for the form of what it reports. Values that later versions add to pass too.
const id = z.string().min(1).meta({ description: '24 hexadecimal characters in Ghost CMS' })
const uuid = z.guid()
const uri = z.string().meta({ format: 'uri' })
const instant = z.iso.datetime({ offset: true })
const orOther = (values: readonly string[]) => z.union([z.enum(values), z.string()])

const tagFields = {
  name: z.string().optional(),
  slug: z.string().optional(),
  description: z.string().nullable().optional(),
  feature_image: uri.nullable().optional(),
  visibility: z.enum(['public', 'internal']).optional(),
  created_at: instant.optional(),
  updated_at: instant.nullable().optional(),
  url: uri.optional(),
}

const tag = z.looseObject({ id, ...tagFields })

const postFields = {
  uuid: uuid.optional(),
  title: z.string().optional(),
  slug: z.string().optional(),
  html: z.string().nullable().optional(),
  plaintext: z.string().nullable().optional(),
  feature_image: uri.nullable().optional(),
  featured: z.boolean().optional(),
  status: z.enum(['published', 'draft', 'scheduled', 'sent']).optional(),
  visibility: orOther(['public', 'members', 'paid', 'tiers']).optional(),
  created_at: instant.optional(),
  updated_at: instant.nullable().optional(),
  published_at: instant.nullable().optional(),
  custom_excerpt: z.string().nullable().optional(),
  url: uri.optional(),
  tags: z.array(tag).optional(),
}

const label = z.looseObject({ id, name: z.string().optional(), slug: z.string().optional() })

const memberFields = {
  uuid: uuid.optional(),
  email: z.string().meta({ format: 'email' }).optional(),
  name: z.string().nullable().optional(),
  status: orOther(['free', 'paid', 'comped']).optional(),
  labels: z.array(label).optional(),
  created_at: instant.optional(),
  updated_at: instant.nullable().optional(),
}

const post = z.looseObject({ id, ...postFields })
const member = z.looseObject({ id, ...memberFields })

/** The same fields in an earlier version: any may be missing, or `null` where there was none. */
function former(fields: Readonly<Record<string, z.ZodOptional<z.ZodType>>>) {
  const nullable = Object.entries(fields).map(([key, field]) => [key, field.unwrap().nullable().optional()])
  return z.looseObject({ id: id.optional(), ...Object.fromEntries(nullable) })
}

const none = z.strictObject({}, 'must be {} for this event')

// What is beside `current` and `previous` passes too: it is sent as it is given.
const shapes = (resource: z.ZodType, fields: Readonly<Record<string, z.ZodOptional<z.ZodType>>>) => ({
  added: z.looseObject({ current: resource, previous: none }),
  edited: z.looseObject({ current: resource, previous: former(fields) }),
  deleted: z.looseObject({ current: none, previous: resource }),
})

const content = shapes(post, postFields)
const tags = shapes(tag, tagFields)
const members = shapes(member, memberFields)
const tagged = z.looseObject({ current: post, previous: z.looseObject({ tags: z.array(tag) }) })

/** Metadata of the events of Ghost CMS, by resource (pages have the fields of posts) and by what happened to it. */
export const schemas: {
  readonly post: {
    readonly added: GhostCmsSchema<GhostCmsAdded<GhostCmsPost>>
    readonly edited: GhostCmsSchema<GhostCmsEdited<GhostCmsPost>>
    readonly deleted: GhostCmsSchema<GhostCmsDeleted<GhostCmsPost>>
    readonly tagged: GhostCmsSchema<GhostCmsTagged<GhostCmsPost>>
  }
  readonly tag: {
    readonly added: GhostCmsSchema<GhostCmsAdded<GhostCmsTag>>
    readonly edited: GhostCmsSchema<GhostCmsEdited<GhostCmsTag>>
    readonly deleted: GhostCmsSchema<GhostCmsDeleted<GhostCmsTag>>
  }
  readonly member: {
    readonly added: GhostCmsSchema<GhostCmsAdded<GhostCmsMember>>
    readonly edited: GhostCmsSchema<GhostCmsEdited<GhostCmsMember>>
    readonly deleted: GhostCmsSchema<GhostCmsDeleted<GhostCmsMember>>
  }
} = {
  post: {
    added: asGiven(content.added),
    edited: asGiven(content.edited),
    deleted: asGiven(content.deleted),
    tagged: asGiven(tagged),
  },
  tag: { added: asGiven(tags.added), edited: asGiven(tags.edited), deleted: asGiven(tags.deleted) },
  member: { added: asGiven(members.added), edited: asGiven(members.edited), deleted: asGiven(members.deleted) },
}
