import { readFileSync } from 'node:fs'
import { Parser } from '@asyncapi/parser'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import {
  type AsyncApiOptions,
  asyncapi,
  catalogMarkdown,
  defineCatalog,
  eventSchemas,
  type JsonSchema,
} from '../../src/catalog/index.ts'
import { ghostCms } from '../../src/presets/ghost-cms.ts'
import { ghostWorkspace } from '../../src/presets/ghost-workspace.ts'
import { ghostSignature, standardWebhooks } from '../../src/signing/index.ts'

const VERSIONS = ['2.6.0', '3.0.0'] as const
const info = { title: 'Acme', version: '1.0.0' }

const parser = new Parser()

async function problems(document: object): Promise<readonly string[]> {
  const { diagnostics } = await parser.parse(JSON.stringify(document))
  // 0 is an error; the rest advises, e.g. to move on to the latest version
  return diagnostics
    .filter(({ severity }) => severity === 0)
    .map(({ path, message }) => `${path.join('.')}: ${message}`)
}

const address = z.object({ city: z.string(), note: z.string().nullable() }).meta({ title: 'Address' })
const catalog = defineCatalog({
  categories: {
    billing: {
      label: 'Billing | money',
      description: 'What is paid',
      events: {
        invoice_paid: {
          label: 'Invoice paid',
          description: 'Somebody paid',
          metadata: z.object({ number: z.string(), paidAt: z.iso.datetime(), to: address, from: address.optional() }),
        },
        invoice_overdue: { label: 'Invoice overdue' },
      },
    },
  },
})

/** The parser can fail: it is not asked to nod. */
it('an invalid document is refused by the parser', async () => {
  const document = asyncapi(catalog, { version: '2.6.0', info })
  expect(await problems({ ...document, channels: { 'a?b': { subscribe: { message: 7 } } } })).not.toEqual([])
})

describe.each(VERSIONS)('AsyncAPI %s', (version) => {
  it.each<[string, Parameters<typeof asyncapi>[0], Partial<AsyncApiOptions>]>([
    ['a catalog', catalog, {}],
    ['a catalog in the standard envelope', catalog, { body: 'standard' }],
    ['the Ghost workspace', ghostWorkspace.catalog, { signatures: [ghostSignature(), standardWebhooks()] }],
    ['Ghost CMS as it sends', ghostCms.catalog, ghostCms.asyncapi.sent],
    ['Ghost CMS as documented', ghostCms.documentedCatalog, ghostCms.asyncapi.documented],
  ])('%s makes a valid document', { timeout: 60_000 }, async (_, of, options) => {
    const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
    expect(await problems(asyncapi(of, { info, ...given, version }))).toEqual([])
  })
})

describe('AsyncAPI documents', () => {
  it('are refused with options that break a rule', () => {
    const refused = (options: object) =>
      expect(() => asyncapi(catalog, options as AsyncApiOptions)).toThrow(/must|not an option/)
    refused({ version: '2.0.0', info })
    refused({ version: '3.0.0' })
    refused({ version: '3.0.0', info, channels: {} })
  })

  it('gives events that share a message the bodies of all of them', () => {
    const { components } = asyncapi(catalog, { version: '3.0.0', info, message: () => 'Invoice' }) as unknown as {
      components: { messages: object }
    }
    const refs = ['InvoicePayload', 'InvoiceOverduePayload'].map((name) => ({ $ref: `#/components/schemas/${name}` }))
    expect(components.messages).toMatchObject({ Invoice: { payload: { anyOf: refs } } })
  })

  it('make a component of each part of a schema that has a title, once', () => {
    const { components } = asyncapi(catalog, { version: '3.0.0', info, body: 'metadata' }) as unknown as {
      components: { schemas: Record<string, JsonSchema> }
    }
    expect(components.schemas).toEqual({
      Address: {
        type: 'object',
        properties: { city: { type: 'string' }, note: { type: ['string', 'null'] } },
        required: ['city', 'note'],
      },
      InvoicePaidPayload: {
        type: 'object',
        properties: {
          number: { type: 'string' },
          paidAt: { type: 'string', format: 'date-time' },
          to: { $ref: '#/components/schemas/Address' },
          from: { $ref: '#/components/schemas/Address' },
        },
        required: ['number', 'paidAt', 'to'],
      },
      InvoiceOverduePayload: { type: 'object' },
    })
  })
})

describe('the document of Ghost CMS', () => {
  const fixture = JSON.parse(readFileSync(new URL('../fixtures/ghost-cms-asyncapi.json', import.meta.url), 'utf8'))
  const document = asyncapi(ghostCms.documentedCatalog, {
    version: '2.6.0',
    ...ghostCms.asyncapi.documented,
  }) as unknown as {
    info: object
    externalDocs: object
    servers: object
    channels: Record<string, { publish: { operationId: string; message: { $ref: string } } }>
    components: { messages: object; schemas: Record<string, JsonSchema>; securitySchemes: object }
  }

  it('names what the documented one names', () => {
    expect(document.info).toMatchObject({ title: 'Ghost Webhooks', version: '5.0', license: { name: 'MIT' } })
    expect(document.info).toMatchObject({ contact: { url: 'https://ghost.org/docs/webhooks/' } })
    expect(document.externalDocs).toEqual({ url: 'https://ghost.org/docs/webhooks/' })
    expect(document.servers).toMatchObject({
      yourServer: { url: '{webhookTargetUrl}', protocol: 'https', security: [{ webhookSecret: [] }] },
    })
    expect(document.components.securitySchemes).toEqual(fixture.securitySchemes)
    expect(document.components.messages).toEqual(fixture.messages)
  })

  it('has its 29 channels with their operations and messages', () => {
    const channels = Object.entries(document.channels).map(([name, { publish }]) => [
      name,
      { operationId: publish.operationId, message: publish.message.$ref.replace('#/components/messages/', '') },
    ])
    expect(channels).toHaveLength(29)
    expect(Object.fromEntries(channels)).toEqual(fixture.channels)
  })

  it('has its schemas: nothing is missing', () => {
    expect(Object.keys(document.components.schemas).sort()).toEqual(Object.keys(fixture.schemas).sort())
    for (const [name, schema] of Object.entries(fixture.schemas)) {
      expect({ [name]: plain(document.components.schemas[name]) }).toEqual({ [name]: plain(schema) })
    }
  })

  it('differs from what Ghost sends in the ways that are known', () => {
    const documented = eventSchemas(ghostCms.documentedCatalog, { body: 'metadata' })
    const { body } = ghostCms.asyncapi.sent
    const sent = eventSchemas(ghostCms.catalog, body === undefined ? {} : { body })
    const differences = ['site.changed', 'post.edited', 'post.tag.attached', 'tag.deleted', 'member.edited'].flatMap(
      (type) => compare(plain(documented[type]) as object, plain(sent[type]) as object, type),
    )
    console.log(`Ghost CMS, documented against sent:\n${differences.map((one) => `  ${one}`).join('\n')}`)
    // the event in the body, the key of a tag's attachment, ids that are no UUIDs
    expect(differences).toContainEqual(expect.stringMatching(/^post\.edited\.properties\.event: absent/))
    expect(differences).toContainEqual(expect.stringMatching(/^post\.tag\.attached\.properties\.post: absent/))
    expect(differences).toContainEqual(expect.stringMatching(/^post\.edited.*\.id\.format: "uuid"/))
  })
})

/** One way to write what several ways mean: `nullable: true`, a `type` with null; `oneOf` of overlapping schemas. */
function plain(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(plain)
  if (typeof schema !== 'object' || schema === null) return schema
  const { nullable, oneOf, additionalProperties: _, required: __, ...rest } = schema as Record<string, unknown>
  const parts: Record<string, unknown> = { ...rest, ...(oneOf === undefined ? {} : { anyOf: oneOf }) }
  if (nullable === true) parts.type = [parts.type, 'null']
  const { anyOf } = parts
  if (Array.isArray(anyOf) && anyOf.length === 2 && anyOf.some((one) => one.type === 'null')) {
    const [other] = anyOf.filter((one) => one.type !== 'null')
    delete parts.anyOf
    Object.assign(parts, other, { type: [other.type, 'null'] })
  }
  if (
    parts.type === 'object' &&
    parts.properties !== undefined &&
    Object.keys(parts.properties as object).length === 0
  ) {
    delete parts.properties
  }
  return Object.fromEntries(Object.entries(parts).map(([key, value]) => [key, plain(value)]))
}

function compare(one: object, other: object, path = ''): readonly string[] {
  const names = new Set([...Object.keys(one), ...Object.keys(other)])
  return [...names].flatMap((name): readonly string[] => {
    const a: unknown = Reflect.get(one, name)
    const b: unknown = Reflect.get(other, name)
    const at = `${path}${path === '' ? '' : '.'}${name}`
    if (JSON.stringify(a) === JSON.stringify(b)) return []
    if (typeof a === 'object' && typeof b === 'object' && a !== null && b !== null) return compare(a, b, at)
    return [`${at}: ${JSON.stringify(a)?.slice(0, 80) ?? 'absent'} → ${JSON.stringify(b)?.slice(0, 80) ?? 'absent'}`]
  })
}

describe('JSON Schemas of events', () => {
  it('describe the body as it is sent', () => {
    expect(eventSchemas(catalog).invoice_overdue).toEqual({
      title: 'Invoice overdue',
      type: 'object',
      properties: {
        type: { const: 'invoice_overdue' },
        title: { type: 'string' },
        body: { type: 'string' },
        href: { type: 'string', format: 'uri' },
        orgName: { type: 'string' },
        metadata: { type: 'object' },
        timestamp: { type: 'string', format: 'date-time' },
      },
      required: ['type', 'title', 'body', 'href', 'orgName', 'timestamp'],
      additionalProperties: false,
    })
  })

  it('come from the host where a schema cannot give its own', () => {
    const silent = {
      '~standard': { version: 1, vendor: 'x', validate: (value: unknown) => ({ value: value as object }) },
    } as const
    const one = defineCatalog({ categories: { a: { label: 'A', events: { b: { label: 'B', metadata: silent } } } } })
    expect(eventSchemas(one, { body: 'metadata' }).b).toEqual({ type: 'object' })
    const toJsonSchema = () => ({ type: 'object', properties: { n: { type: 'number' } } })
    expect(eventSchemas(one, { body: 'metadata', toJsonSchema }).b).toEqual(toJsonSchema())
  })
})

it('the page of a catalog lists its events and their fields', () => {
  expect(catalogMarkdown(catalog, { title: 'Events of Acme' })).toBe(`# Events of Acme

## Billing \\| money (\`billing\`)

What is paid

| type | event | metadata |
| --- | --- | --- |
| \`invoice_paid\` | Invoice paid: Somebody paid | \`number\` string<br>\`paidAt\` date-time<br>\`to\` object<br>\`from?\` object |
| \`invoice_overdue\` | Invoice overdue |  |
`)
})
