import { z } from 'zod'
import { invalidInput } from '../../errors.ts'
import { GHOST_ID_FORMATS } from '../../payloads/ghost-id.ts'
import type { GhostIdFormat } from '../../payloads/ghost-id-types.ts'
import { ghostVid } from './visitor.ts'

/** The body of `POST /api/webhook`, with its defaults filled in. */
export interface GhostIdRequest {
  readonly ghost_vid: string
  readonly webhook_url: string
  readonly webhook_type: GhostIdFormat
  readonly include_journey: boolean
  readonly include_events: boolean
  readonly siteId: number
}

/** The answer to `GET /api/webhook`. */
export const SUPPORTED_TYPES: {
  readonly supported_types: readonly GhostIdFormat[]
  readonly example_payload: GhostIdRequest
} = {
  supported_types: GHOST_ID_FORMATS,
  example_payload: {
    ghost_vid: 'gv_xxx',
    webhook_url: 'https://your-webhook.com/endpoint',
    webhook_type: 'custom',
    include_journey: true,
    include_events: true,
    siteId: 4,
  },
}

const isMissing = ({ input }: { readonly input?: unknown }): boolean => input === undefined
const flag = z.boolean('must be true or false').default(true)

// Unknown fields are refused: a misspelt `include_journey` would send what was to be left out.
const body = z.strictObject({
  ghost_vid: z.string({ error: (issue) => (isMissing(issue) ? 'is required' : 'must be a string') }).pipe(ghostVid),
  webhook_url: z
    .string({ error: (issue) => (isMissing(issue) ? 'is required' : 'must be a string') })
    .max(2048, 'must be at most 2048 characters')
    .refine(URL.canParse, 'must be an absolute URL'),
  webhook_type: z
    .enum(['custom', 'hubspot', 'salesforce', 'slack', 'discord'], `must be one of: ${GHOST_ID_FORMATS.join(', ')}`)
    .default('custom'),
  include_journey: flag,
  include_events: flag,
  siteId: z.int('must be a whole number').min(0, 'must be 0 or more').default(4),
})

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** @throws SignalboxError `invalid_input` naming the field and the rule; never with a value. */
export function parseRequest(bytes: Uint8Array): GhostIdRequest {
  const result = body.safeParse(parseJson(bytes))
  if (result.success) return result.data
  const [issue] = result.error.issues
  if (issue?.code === 'unrecognized_keys') {
    const [key = ''] = issue.keys
    throw invalidInput(key.slice(0, 64).toWellFormed(), 'is not a field of this request')
  }
  const field = issue?.path[0]
  if (field === undefined) throw invalidInput('body', 'must be a JSON object')
  throw invalidInput(String(field), issue?.message ?? 'is not valid')
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(utf8.decode(bytes))
  } catch {
    throw invalidInput('body', 'must be JSON in UTF-8')
  }
}
