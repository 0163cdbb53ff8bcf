import { discordUrl, escapeDiscordText, MAX_DISCORD_URL } from './discord-text.ts'
import { oneLine } from './display-text.ts'
import type { GhostIdDiscordPayload, GhostIdSlackPayload } from './ghost-id-types.ts'
import type { GhostIdVisitor } from './ghost-id-visitor.ts'
import { isoTime } from './json.ts'
import { escapeSlackText } from './slack-text.ts'

const TITLE = 'New Lead from GHOST'
const COLOR = 0x5865f2
/** Before escaping, which makes a character five at most: a field of Slack takes 2000. */
const MAX_TEXT = 300
/** Of the value of an embed's field. */
const MAX_FIELD_VALUE = 1024

/** Block Kit: what a visitor says of itself stays text, and mentions nobody. */
export function slackPayload(visitor: GhostIdVisitor): GhostIdSlackPayload {
  const fields = linesOf(visitor).map(
    ([name, value]) => ({ type: 'mrkdwn', text: `*${name}:*\n${escapeSlackText(value)}` }) as const,
  )
  return {
    blocks: [
      { type: 'header', text: { type: 'plain_text', text: TITLE } },
      { type: 'section', fields },
    ],
  }
}

/** What Discord shows: it ignores fields that it does not know, and refuses a message without an embed (50006). */
export function discordPayload(
  visitor: GhostIdVisitor,
  profile: string,
  exportedAt: number,
): Pick<GhostIdDiscordPayload, 'embeds' | 'allowed_mentions'> {
  const url = discordUrl(profile, MAX_DISCORD_URL)
  const fields = linesOf(visitor).map(
    ([name, value]) => ({ name, value: escapeDiscordText(value, MAX_FIELD_VALUE), inline: true }) as const,
  )
  return {
    embeds: [
      { title: TITLE, ...(url === undefined ? {} : { url }), color: COLOR, fields, timestamp: isoTime(exportedAt) },
    ],
    allowed_mentions: { parse: [] },
  }
}

function linesOf(visitor: GhostIdVisitor): readonly (readonly [name: string, value: string])[] {
  return [
    ['Visitor ID', oneLine(visitor.ghost_vid, MAX_TEXT) || '—'],
    ['Score', `${visitor.score}/100`],
    ['Location', locationText(visitor)],
    ['Sessions', String(visitor.engagement.total_sessions)],
  ]
}

/** `Austin, United States`; of what is unknown nothing. */
function locationText({ location }: GhostIdVisitor): string {
  const parts = [location.city, location.country].map((part) => oneLine(part ?? '', MAX_TEXT / 2))
  return parts.filter((part) => part !== '').join(', ') || 'Unknown'
}
