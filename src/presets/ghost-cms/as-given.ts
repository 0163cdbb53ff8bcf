import type { z } from 'zod'
import type { GhostCmsSchema } from './events.ts'

/**
 * A schema that checks and changes nothing: what it answers is its input. Zod's own output has its keys in the order of
 * the schema, and a signature is over bytes.
 */
export function asGiven<M extends object>(schema: z.ZodType<object>): GhostCmsSchema<M> {
  const { vendor, version, jsonSchema } = schema['~standard']
  return {
    '~standard': {
      vendor,
      version,
      jsonSchema,
      validate: (value) => {
        const { success, error } = schema.safeParse(value)
        return success ? { value: value as M } : { issues: error.issues }
      },
    },
  }
}
