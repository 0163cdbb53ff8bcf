import type { GhostIdSession, GhostIdVisitorEvent } from './ghost-id-visitor.ts'

type Nullable<T> = { readonly [K in keyof T]-?: Exclude<T[K], undefined> }

/** `webhook_type: "custom"`. */
export interface GhostIdCustomPayload {
  readonly ghost_vid: string
  readonly score: number
  readonly status: string
  readonly identified_user_id: string | null
  readonly location: { readonly country: string | null; readonly city: string | null }
  readonly device: { readonly type: string | null; readonly browser: string | null }
  readonly engagement: {
    readonly total_sessions: number
    readonly total_pageviews: number
    readonly total_time_seconds: number
    readonly first_seen: string
    readonly last_seen: string
  }
  /** Left out with `include_journey: false`. */
  readonly journey?: readonly Nullable<GhostIdSession>[]
  /** Left out with `include_events: false`. */
  readonly recent_events?: readonly Nullable<GhostIdVisitorEvent>[]
  readonly links: { readonly profile: string; readonly connect: string }
  /** ISO 8601. */
  readonly exported_at: string
}

/** `webhook_type: "hubspot"`: numbers are text. What is unknown is left out. */
export interface GhostIdHubspotPayload {
  readonly properties: {
    readonly ghost_visitor_id: string
    readonly email?: string
    readonly city?: string
    readonly country?: string
    readonly hs_analytics_source: 'GHOST'
    readonly ghost_score: string
    readonly ghost_sessions: string
    readonly ghost_pageviews: string
    readonly ghost_first_seen: string
    readonly ghost_last_seen: string
  }
}

/** `webhook_type: "salesforce"`: a Lead. What is unknown is left out. */
export interface GhostIdSalesforcePayload {
  readonly Ghost_Visitor_ID__c: string
  readonly Email?: string
  readonly City?: string
  readonly Country?: string
  readonly LeadSource: 'GHOST Visitor Intelligence'
  readonly Ghost_Score__c: number
  readonly Ghost_Sessions__c: number
  readonly Ghost_Pageviews__c: number
}

/** `webhook_type: "slack"`: Block Kit, as `@slack/types` has it. */
export interface GhostIdSlackPayload {
  readonly blocks: readonly [
    { readonly type: 'header'; readonly text: { readonly type: 'plain_text'; readonly text: string } },
    { readonly type: 'section'; readonly fields: { readonly type: 'mrkdwn'; readonly text: string }[] },
  ]
}

/** `webhook_type: "discord"`: the documented fields, and the embed without which Discord refuses the message. */
export interface GhostIdDiscordPayload {
  readonly ghost_vid: string
  readonly score: number
  readonly status: string
  readonly identified_user_id: string | null
  readonly location: { readonly country: string | null; readonly city: string | null }
  readonly engagement: {
    readonly total_sessions: number
    readonly total_pageviews: number
    readonly total_time_seconds: number
  }
  /** Left out with `include_events: false`. */
  readonly recent_events?: readonly Nullable<GhostIdVisitorEvent>[]
  readonly embeds: readonly [GhostIdEmbed]
  /** Empty: no mention in any text reaches anybody. */
  readonly allowed_mentions: { readonly parse: readonly [] }
}

/** @see https://discord.com/developers/docs/resources/message#embed-object */
export interface GhostIdEmbed {
  readonly title: string
  readonly url?: string
  readonly color: number
  readonly fields: readonly { readonly name: string; readonly value: string; readonly inline: true }[]
  readonly timestamp: string
}

/** What each `webhook_type` is sent. */
export interface GhostIdPayloads {
  readonly custom: GhostIdCustomPayload
  readonly hubspot: GhostIdHubspotPayload
  readonly salesforce: GhostIdSalesforcePayload
  readonly slack: GhostIdSlackPayload
  readonly discord: GhostIdDiscordPayload
}

/** A `webhook_type`. */
export type GhostIdFormat = keyof GhostIdPayloads
