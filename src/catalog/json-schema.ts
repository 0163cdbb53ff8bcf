import type { StandardSchemaV1 } from '@standard-schema/spec'

/** A JSON Schema, draft 07. */
export type JsonSchema = { readonly [key: string]: unknown }

/** Gives the JSON Schema of a schema that cannot give its own; `undefined` where it can't either. */
export type ToJsonSchema = (schema: StandardSchemaV1<unknown, object>) => JsonSchema | undefined

/** The part of Standard JSON Schema that is used: https://standardschema.dev/json-schema */
interface WithJsonSchema {
  readonly jsonSchema?: { input(options: { readonly target: 'draft-07' }): object }
}

/**
 * What a Standard Schema takes, as JSON Schema: from the schema itself where it can (zod 4.2, arktype, valibot with its
 * adapter), else from `toJsonSchema`. `undefined`: nobody knows; then anything may be there.
 */
export function jsonSchemaOf(
  schema: StandardSchemaV1<unknown, object>,
  toJsonSchema?: ToJsonSchema,
): JsonSchema | undefined {
  const standard: StandardSchemaV1<unknown, object>['~standard'] & WithJsonSchema = schema['~standard']
  try {
    const own = standard.jsonSchema?.input({ target: 'draft-07' })
    if (own !== undefined) return tidy(own)
  } catch {
    // it has parts that no JSON Schema has, e.g. a transform
  }
  const other = toJsonSchema?.(schema)
  return other === undefined ? undefined : tidy(other)
}

/** Formats that say to a reader what a pattern beside them spells out. */
const SPELLED_OUT: ReadonlySet<unknown> = new Set(['uuid', 'uri', 'email', 'date-time', 'date', 'time', 'ipv4', 'ipv6'])

/** Without what a reader does not need: patterns beside formats, the bounds of safe integers, `additionalProperties: {}`. */
function tidy(schema: object): JsonSchema {
  const { $schema: _, ...rest } = cleaned(schema) as Record<string, unknown>
  return rest
}

function cleaned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(cleaned)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(([key, inner]) => {
    if (key === 'pattern') return !('format' in value && SPELLED_OUT.has(value.format))
    if (key === 'minimum' || key === 'maximum') return Math.abs(Number(inner)) !== Number.MAX_SAFE_INTEGER
    return !(key === 'additionalProperties' && isEmpty(inner))
  })
  return Object.fromEntries(entries.map(([key, inner]) => [key, cleaned(inner)]))
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0
}
