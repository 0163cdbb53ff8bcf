import type { Catalog, EventDefinition } from '../contracts/catalog.ts'
import { type JsonSchema, jsonSchemaOf, type ToJsonSchema } from './json-schema.ts'

/**
 * Which body the schemas describe: Ghost's flat JSON, the Standard Webhooks envelope, the metadata alone, or what a
 * function makes of an event's type, definition and the schema of its metadata.
 */
export type EventBody =
  | 'ghost'
  | 'standard'
  | 'metadata'
  | ((type: string, definition: EventDefinition, metadata: JsonSchema | undefined) => JsonSchema)

export interface EventSchemaOptions {
  /** @default 'ghost' */
  readonly body?: EventBody
  /** For schemas that cannot give a JSON Schema themselves. */
  readonly toJsonSchema?: ToJsonSchema
}

const text: JsonSchema = { type: 'string' }
const link: JsonSchema = { type: 'string', format: 'uri' }
const instant: JsonSchema = { type: 'string', format: 'date-time' }
const importance: JsonSchema = { type: 'string', enum: ['low', 'normal', 'high', 'urgent'] }

/**
 * The JSON Schema (draft 07) of each event's body, by type.
 *
 * @example
 * const schemas = eventSchemas(catalog)
 * schemas.breach_logged // { title: 'Breach logged', type: 'object', properties: { type: { const: 'breach_logged' }, … } }
 */
export function eventSchemas(
  catalog: Pick<Catalog, 'categories'>,
  options: EventSchemaOptions = {},
): Readonly<Record<string, JsonSchema>> {
  const schemas: Record<string, JsonSchema> = {}
  for (const [category, { events }] of Object.entries(catalog.categories)) {
    for (const [type, definition] of Object.entries(events)) {
      schemas[type] = eventSchema(type, category, definition, options)
    }
  }
  return schemas
}

export function eventSchema(
  type: string,
  category: string,
  definition: EventDefinition,
  { body = 'ghost', toJsonSchema }: EventSchemaOptions,
): JsonSchema {
  const metadata = definition.metadata && jsonSchemaOf(definition.metadata, toJsonSchema)
  if (typeof body === 'function') return body(type, definition, metadata)
  if (body === 'metadata') return metadata ?? { type: 'object' }
  const title = definition.label
  const described = definition.description === undefined ? {} : { description: definition.description }
  const own = { metadata: metadata ?? { type: 'object' } }
  const must = definition.metadata === undefined ? [] : ['metadata']
  const words = { title: text, body: text, href: link }
  if (body === 'ghost') {
    const properties = { type: { const: type }, ...words, orgName: text, ...own, timestamp: instant }
    const required = ['type', 'title', 'body', 'href', 'orgName', ...must, 'timestamp']
    return { title, ...described, type: 'object', properties, required, additionalProperties: false }
  }
  const named = { id: text, orgId: text, orgName: text, category: { const: category } }
  const data = {
    type: 'object',
    properties: { ...named, importance, ...words, ...own },
    required: ['id', 'orgId', 'orgName', 'category', 'importance', 'title', 'body', 'href', ...must],
  }
  const properties = { type: { const: type }, timestamp: instant, data }
  return { title, ...described, type: 'object', properties, required: ['type', 'timestamp', 'data'] }
}
