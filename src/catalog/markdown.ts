import type { Catalog, EventDefinition } from '../contracts/catalog.ts'
import { checkOptions } from '../errors.ts'
import { type JsonSchema, jsonSchemaOf, type ToJsonSchema } from './json-schema.ts'

export interface CatalogMarkdownOptions {
  /** @default 'Events' */
  readonly title?: string
  /** For schemas that cannot give a JSON Schema themselves. */
  readonly toJsonSchema?: ToJsonSchema
}

/**
 * A page that lists a catalog for people: its categories, and of each event the type, the label, the description and
 * the fields of its metadata.
 *
 * @example
 * writeFileSync('docs/events.md', catalogMarkdown(catalog, { title: 'Events of Acme' }))
 */
export function catalogMarkdown(catalog: Pick<Catalog, 'categories'>, options: CatalogMarkdownOptions = {}): string {
  checkOptions(options, ['title', 'toJsonSchema'])
  const sections = Object.entries(catalog.categories).map(([id, { label, description, events }]) => {
    const rows = Object.entries(events).map(([type, event]) => row(type, event, options))
    const about = description === undefined ? [] : [cell(description), '']
    return [
      `## ${cell(label)} (\`${id}\`)`,
      '',
      ...about,
      '| type | event | metadata |',
      '| --- | --- | --- |',
      ...rows,
    ].join('\n')
  })
  return `${[`# ${cell(options.title ?? 'Events')}`, ...sections].join('\n\n')}\n`
}

function row(type: string, event: EventDefinition, { toJsonSchema }: CatalogMarkdownOptions): string {
  const schema = event.metadata && jsonSchemaOf(event.metadata, toJsonSchema)
  const words = event.description === undefined ? event.label : `${event.label}: ${event.description}`
  return `| \`${type}\` | ${cell(words)} | ${schema === undefined ? '' : fieldsOf(schema)} |`
}

function fieldsOf(schema: JsonSchema): string {
  const { properties, required } = schema
  if (typeof properties !== 'object' || properties === null) return ''
  const musts: readonly unknown[] = Array.isArray(required) ? required : []
  return Object.entries(properties)
    .map(([name, field]) => `\`${name}${musts.includes(name) ? '' : '?'}\` ${cell(typeOf(field))}`)
    .join('<br>')
}

function typeOf(field: unknown): string {
  if (typeof field !== 'object' || field === null) return ''
  const { type, enum: values, const: value, format, anyOf, oneOf } = field as JsonSchema
  if (Array.isArray(values)) return values.map((one) => JSON.stringify(one)).join(' or ')
  if (value !== undefined) return JSON.stringify(value)
  const choices: unknown = anyOf ?? oneOf
  if (Array.isArray(choices)) return [...new Set(choices.map(typeOf))].filter((one) => one !== '').join(' or ')
  if (typeof format === 'string') return format
  return Array.isArray(type) ? type.join(' or ') : typeof type === 'string' ? type : ''
}

/** In a table a bar ends a cell, and a line end the row. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ').trim()
}
