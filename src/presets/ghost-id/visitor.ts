import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec'
import { z } from 'zod'
import { parseMetadata } from '../../catalog/metadata.ts'
import type { GhostIdVisitor } from '../../payloads/ghost-id-visitor.ts'

/** Checks a profile, and drops what is not part of it: nothing leaves that is not documented. */
export interface GhostIdVisitorSchema {
  readonly '~standard': StandardSchemaV1.Props<GhostIdVisitor, GhostIdVisitor> &
    StandardJSONSchemaV1.Props<GhostIdVisitor, GhostIdVisitor>
}

const text = z.string().max(2048, 'must be at most 2048 characters')
const unknownable = text.nullish()
const instant = z.iso.datetime({ offset: true, error: 'must be an ISO 8601 date and time with an offset or Z' })
const count = z.int('must be a whole number').min(0, 'must be 0 or more')

/** What `ghost_vid` may be, in a profile and in a request. */
export const ghostVid: z.ZodString = z
  .string()
  .min(1, 'must not be empty')
  .max(256, 'must be at most 256 characters')
  .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'must not contain control characters')

const session = z.object({
  session_id: text,
  started_at: instant,
  ended_at: instant.nullish(),
  pageview_count: count,
  entry_page: unknownable,
  exit_page: unknownable,
  referrer: unknownable,
})

const visitorEvent = z.object({ type: text, page: unknownable, timestamp: instant })

/** The profile of a visitor: metadata of `visitor_exported`. */
export const visitorSchema: GhostIdVisitorSchema = z.object({
  ghost_vid: ghostVid,
  score: z.number().min(0, 'must be from 0 to 100').max(100, 'must be from 0 to 100'),
  status: text.min(1, 'must not be empty'),
  identified_user_id: unknownable,
  location: z.object({ country: unknownable, city: unknownable }),
  device: z.object({ type: unknownable, browser: unknownable }),
  engagement: z.object({
    total_sessions: count,
    total_pageviews: count,
    total_time_seconds: z.number().min(0, 'must be 0 or more'),
    first_seen: instant,
    last_seen: instant,
  }),
  journey: z.array(session).optional(),
  recent_events: z.array(visitorEvent).optional(),
})

/** @throws SignalboxError `invalid_input`, e.g. `visitor.score: must be from 0 to 100`; never with what it holds. */
export function parseVisitor(visitor: unknown): GhostIdVisitor {
  // The schema's output is a visitor.
  return parseMetadata({ metadata: visitorSchema }, visitor, 'visitor') as GhostIdVisitor
}
