import { checkOptions, invalidInput } from '../../errors.ts'
import { buildGhostIdPayload, GHOST_ID_BASE_URL, GHOST_ID_FORMATS } from '../../payloads/ghost-id.ts'
import type { GhostIdFormat, GhostIdPayloads } from '../../payloads/ghost-id-types.ts'
import type { GhostIdVisitor } from '../../payloads/ghost-id-visitor.ts'
import { checkBaseUrl } from './base-url.ts'
import { parseVisitor } from './visitor.ts'

export interface GhostIdPayloadOptions {
  /** `exported_at` of `custom`, and the time of Discord's embed: epoch ms. */
  readonly exportedAt: number
  /** @default true */
  readonly includeJourney?: boolean
  /** `false` drops `recent_events`, of Discord too. @default true */
  readonly includeEvents?: boolean
  /** What links begin with. @default 'https://analytics.ghostid.ai' */
  readonly baseUrl?: string
}

/**
 * The documented payload of a visitor, with its keys in the documented order. Pure.
 *
 * @throws SignalboxError `invalid_input` naming what is wrong with the visitor or the options.
 * @example
 * ghostIdPayload('hubspot', visitor, { exportedAt: Date.now() }).properties.ghost_score // '65'
 */
export function ghostIdPayload<const F extends GhostIdFormat>(
  format: F,
  visitor: GhostIdVisitor,
  options: GhostIdPayloadOptions,
): GhostIdPayloads[F] {
  checkOptions(options, OPTIONS)
  const { exportedAt, includeJourney = true, includeEvents = true } = options
  if (!GHOST_ID_FORMATS.includes(format)) throw invalidInput('format', `must be one of: ${GHOST_ID_FORMATS.join(', ')}`)
  if (!Number.isFinite(exportedAt) || Math.abs(exportedAt) > MAX_TIME) {
    throw invalidInput('exportedAt', 'must be an instant in epoch ms')
  }
  const baseUrl = checkBaseUrl(options.baseUrl ?? GHOST_ID_BASE_URL)
  return buildGhostIdPayload(format, parseVisitor(visitor), { includeJourney, includeEvents, baseUrl, exportedAt })
}

const OPTIONS: readonly string[] = [
  'exportedAt',
  'includeJourney',
  'includeEvents',
  'baseUrl',
] satisfies (keyof GhostIdPayloadOptions)[]

/** Of a `Date`, in ms. */
const MAX_TIME = 8.64e15
