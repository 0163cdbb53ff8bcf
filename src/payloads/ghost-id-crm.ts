import type { GhostIdHubspotPayload, GhostIdSalesforcePayload } from './ghost-id-types.ts'
import type { GhostIdVisitor } from './ghost-id-visitor.ts'

/** A contact, as text. */
export function hubspotPayload(visitor: GhostIdVisitor): GhostIdHubspotPayload {
  const { location, engagement } = visitor
  return {
    properties: {
      ghost_visitor_id: visitor.ghost_vid,
      ...known('email', emailOf(visitor)),
      ...known('city', location.city),
      ...known('country', location.country),
      hs_analytics_source: 'GHOST',
      ghost_score: String(visitor.score),
      ghost_sessions: String(engagement.total_sessions),
      ghost_pageviews: String(engagement.total_pageviews),
      ghost_first_seen: engagement.first_seen,
      ghost_last_seen: engagement.last_seen,
    },
  }
}

/** A Lead. */
export function salesforcePayload(visitor: GhostIdVisitor): GhostIdSalesforcePayload {
  const { location, engagement } = visitor
  return {
    Ghost_Visitor_ID__c: visitor.ghost_vid,
    ...known('Email', emailOf(visitor)),
    ...known('City', location.city),
    ...known('Country', location.country),
    LeadSource: 'GHOST Visitor Intelligence',
    Ghost_Score__c: visitor.score,
    Ghost_Sessions__c: engagement.total_sessions,
    Ghost_Pageviews__c: engagement.total_pageviews,
  }
}

/** In a CRM an empty value is one that overwrites: what is unknown is left out. */
function known<K extends string>(key: K, value: string | null | undefined): { readonly [P in K]?: string } {
  // A computed key of a generic type is an index signature to the compiler.
  return (value === undefined || value === null || value === '' ? {} : { [key]: value }) as {
    readonly [P in K]?: string
  }
}

const MAX_EMAIL_LENGTH = 254
/** What browsers take for an address (HTML, `input type=email`), with at least one dot in the domain. */
const EMAIL = /^[\w.!#$%&'*+/=?^`{|}~-]{1,64}@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$/i

function emailOf({ identified_user_id: id }: GhostIdVisitor): string | undefined {
  return typeof id === 'string' && id.length <= MAX_EMAIL_LENGTH && EMAIL.test(id) ? id : undefined
}
