import type { JsonSchema } from './json-schema.ts'

/** Component names of AsyncAPI: https://www.asyncapi.com/docs/reference/specification/v3.0.0#componentsObject */
const NAME = /^[a-zA-Z0-9._-]{1,100}$/
/** Keywords that hold schemas by name: what is below them is no schema itself. */
const BY_NAME: ReadonlySet<string> = new Set(['properties', 'patternProperties', 'definitions', 'dependencies'])

/** Schemas by name, and references to them. */
export interface SchemaComponents {
  /** Adds a schema under its title, or under the first of `names` that is not another one's, and answers a reference. */
  add(schema: JsonSchema, names: readonly string[]): JsonSchema
  all(): Readonly<Record<string, JsonSchema>>
}

/**
 * Collects schemas. Parts whose `title` is fit for a name become components of their own; equal ones are one, and one
 * that differs from an earlier one of the same title stays where it is.
 */
export function createSchemaComponents(): SchemaComponents {
  const components = new Map<string, JsonSchema>()

  /** A reference, or the schema itself where the name has another meaning already. */
  function hoist(schema: JsonSchema, name: string): JsonSchema {
    const { title: _, ...parts } = schema
    const body = Object.fromEntries(Object.entries(parts).map(([key, value]) => [key, walk(value, BY_NAME.has(key))]))
    const known = components.get(name)
    if (known !== undefined && JSON.stringify(known) !== JSON.stringify(body)) return { ...body, title: name }
    components.set(name, body)
    return { $ref: `#/components/schemas/${name}` }
  }

  /** `byName`: the value's own keys are names. */
  function walk(value: unknown, byName: boolean): unknown {
    if (Array.isArray(value)) return value.map((one) => walk(one, false))
    if (typeof value !== 'object' || value === null) return value
    const title = !byName && 'title' in value ? value.title : undefined
    if (typeof title === 'string' && NAME.test(title)) return hoist({ ...value }, title)
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [key, walk(inner, !byName && BY_NAME.has(key))]),
    )
  }

  return {
    add(schema, names) {
      const { title } = schema
      const own = typeof title === 'string' && NAME.test(title) ? [title] : []
      for (const name of [...own, ...names]) {
        const reference = hoist(schema, name)
        if ('$ref' in reference) return reference
      }
      return hoist(schema, `${names.at(-1)}.${components.size}`)
    },
    all: () => Object.fromEntries(components),
  }
}
