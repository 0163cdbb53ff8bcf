import { discordPayload, slackPayload } from './ghost-id-chat.ts'
import { hubspotPayload, salesforcePayload } from './ghost-id-crm.ts'
import type { GhostIdCustomPayload, GhostIdFormat, GhostIdPayloads } from './ghost-id-types.ts'
import type { GhostIdSession, GhostIdVisitor, GhostIdVisitorEvent } from './ghost-id-visitor.ts'
import { isoTime } from './json.ts'

/** In the order in which `GET /api/webhook` names them. */
export const GHOST_ID_FORMATS: readonly GhostIdFormat[] = Object.freeze([
  'custom',
  'hubspot',
  'salesforce',
  'slack',
  'discord',
])

/** Where links in payloads lead, unless the host says otherwise. */
export const GHOST_ID_BASE_URL = 'https://analytics.ghostid.ai'

/** What a payload depends on beside the visitor. */
export interface GhostIdExport {
  readonly includeJourney: boolean
  readonly includeEvents: boolean
  /** Without a slash at its end. */
  readonly baseUrl: string
  /** Epoch ms. */
  readonly exportedAt: number
}

/** The documented payload of a visitor, with its keys in the documented order. */
export function buildGhostIdPayload<F extends GhostIdFormat>(
  format: F,
  visitor: GhostIdVisitor,
  options: GhostIdExport,
): GhostIdPayloads[F] {
  return BUILDERS[format](visitor, options)
}

const BUILDERS: { readonly [F in GhostIdFormat]: (v: GhostIdVisitor, options: GhostIdExport) => GhostIdPayloads[F] } = {
  custom,
  hubspot: hubspotPayload,
  salesforce: salesforcePayload,
  slack: slackPayload,
  discord: (visitor, options) => ({
    ghost_vid: visitor.ghost_vid,
    score: visitor.score,
    status: visitor.status,
    identified_user_id: visitor.identified_user_id ?? null,
    location: locationOf(visitor),
    engagement: {
      total_sessions: visitor.engagement.total_sessions,
      total_pageviews: visitor.engagement.total_pageviews,
      total_time_seconds: visitor.engagement.total_time_seconds,
    },
    ...(options.includeEvents ? { recent_events: (visitor.recent_events ?? []).map(eventOf) } : {}),
    ...discordPayload(visitor, profileUrl(visitor, options.baseUrl), options.exportedAt),
  }),
}

/** The page of a visitor. */
export function profileUrl({ ghost_vid }: GhostIdVisitor, baseUrl: string): string {
  return `${baseUrl}/visitor/${encodeURIComponent(ghost_vid)}`
}

function custom(visitor: GhostIdVisitor, options: GhostIdExport): GhostIdCustomPayload {
  const { device, engagement } = visitor
  return {
    ghost_vid: visitor.ghost_vid,
    score: visitor.score,
    status: visitor.status,
    identified_user_id: visitor.identified_user_id ?? null,
    location: locationOf(visitor),
    device: { type: device.type ?? null, browser: device.browser ?? null },
    engagement: {
      total_sessions: engagement.total_sessions,
      total_pageviews: engagement.total_pageviews,
      total_time_seconds: engagement.total_time_seconds,
      first_seen: engagement.first_seen,
      last_seen: engagement.last_seen,
    },
    ...(options.includeJourney ? { journey: (visitor.journey ?? []).map(sessionOf) } : {}),
    ...(options.includeEvents ? { recent_events: (visitor.recent_events ?? []).map(eventOf) } : {}),
    links: {
      profile: profileUrl(visitor, options.baseUrl),
      connect: `${options.baseUrl}/talk/incoming?visitor=${encodeURIComponent(visitor.ghost_vid)}`,
    },
    exported_at: isoTime(options.exportedAt),
  }
}

function locationOf({ location }: GhostIdVisitor): GhostIdCustomPayload['location'] {
  return { country: location.country ?? null, city: location.city ?? null }
}

function sessionOf(session: GhostIdSession): NonNullable<GhostIdCustomPayload['journey']>[number] {
  return {
    session_id: session.session_id,
    started_at: session.started_at,
    ended_at: session.ended_at ?? null,
    pageview_count: session.pageview_count,
    entry_page: session.entry_page ?? null,
    exit_page: session.exit_page ?? null,
    referrer: session.referrer ?? null,
  }
}

function eventOf({ type, page, timestamp }: GhostIdVisitorEvent): {
  readonly type: string
  readonly page: string | null
  readonly timestamp: string
} {
  return { type, page: page ?? null, timestamp }
}
