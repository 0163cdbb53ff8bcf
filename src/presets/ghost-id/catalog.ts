import { defineCatalog } from '../../catalog/define.ts'
import type { Catalog, EventSummary, EventsOf } from '../../contracts/catalog.ts'
import { checkOptions } from '../../errors.ts'
import { GHOST_ID_BASE_URL, profileUrl } from '../../payloads/ghost-id.ts'
import type { GhostIdVisitor } from '../../payloads/ghost-id-visitor.ts'
import { checkBaseUrl } from './base-url.ts'
import { type GhostIdVisitorSchema, visitorSchema } from './visitor.ts'

/** For a catalog of your own: `defineCatalog({ categories: { ...ghostId.categories, … } })`. */
export type GhostIdCategories = {
  readonly visitors: {
    readonly label: string
    readonly events: {
      readonly visitor_exported: {
        readonly label: string
        readonly description: string
        readonly metadata: GhostIdVisitorSchema
        summary(visitor: GhostIdVisitor): EventSummary
      }
    }
  }
}

/** Its title, body and link follow from the visitor. */
export type GhostIdEvent = EventsOf<GhostIdCategories>

export interface GhostIdCatalogOptions {
  /** Where the visitors' pages are: absolute http or https URL. @default 'https://analytics.ghostid.ai' */
  readonly baseUrl?: string
}

/** @throws SignalboxError `invalid_input` when `baseUrl` is no absolute http or https URL. */
export function ghostIdCatalogFor(options: GhostIdCatalogOptions): Catalog<GhostIdEvent, 'visitors'> {
  checkOptions(options, ['baseUrl'] satisfies (keyof GhostIdCatalogOptions)[])
  const baseUrl = checkBaseUrl(options.baseUrl ?? GHOST_ID_BASE_URL)
  return defineCatalog({ categories: categoriesOf(baseUrl) })
}

/** The one category of Ghost ID, with its one event. */
export const ghostIdCategories: GhostIdCategories = categoriesOf(GHOST_ID_BASE_URL)

/** What an export says to people. */
export function summarise(visitor: GhostIdVisitor, baseUrl: string): EventSummary {
  const { location, engagement, score } = visitor
  const place = [location.city, location.country].filter((part) => part !== undefined && part !== null && part !== '')
  const lines = [
    `Score ${score}/100, ${engagement.total_sessions} sessions, ${engagement.total_pageviews} pageviews`,
    ...(place.length === 0 ? [] : [place.join(', ')]),
  ]
  return {
    title: `Visitor exported: ${visitor.ghost_vid}`,
    body: lines.join('\n'),
    href: profileUrl(visitor, baseUrl),
  }
}

function categoriesOf(baseUrl: string): GhostIdCategories {
  return {
    visitors: {
      label: 'Visitors',
      events: {
        visitor_exported: {
          label: 'Visitor exported',
          description: 'The profile of a visitor is sent to a CRM, a chat or a webhook',
          metadata: visitorSchema,
          summary: (visitor) => summarise(visitor, baseUrl),
        },
      },
    },
  }
}
