import type { Importance, StoredEvent } from '../contracts/event.ts'
import type { Message } from '../contracts/message.ts'
import { checkOptions, invalidInput } from '../errors.ts'
import { discordLink, discordUrl, escapeDiscordText, MAX_DISCORD_URL, plainDiscordText } from './discord-text.ts'
import type { DiscordEmbed, DiscordMessage } from './discord-types.ts'
import { countLeftOut, eventTitle, importanceWord } from './display-message.ts'
import { cutGraphemes, multiLine, oneLine } from './display-text.ts'
import { isoTime } from './json.ts'

export interface DiscordMessageOptions {
  /** In place of the webhook's name: 1–80 characters. */
  readonly username?: string
}

/**
 * Of one embed, in characters; UTF-16 code units are counted, which are never fewer.
 * @see https://discord.com/developers/docs/resources/message#embed-object-embed-limits
 */
const LIMITS = { title: 256, description: 4096, footer: 2048, username: 80, total: 6000 } as const

const COLORS: Readonly<Record<Importance, number>> = {
  low: 0x99aab5,
  normal: 0x5865f2,
  high: 0xf0b232,
  urgent: 0xed4245,
}

const MAX_ITEM_TITLE = 150
const MAX_ITEM_URL = 1000
/** An item shows at most so much of its body, and nothing where its share of the room is smaller than the minimum. */
const MAX_EXCERPT = 300
const MIN_EXCERPT = 40
const SEPARATOR = ' — '

/**
 * A message as one embed of a Discord webhook, within Discord's limits; what had to be left out is said.
 *
 * - event and test: title (a link), body, the mark of `high` and `urgent` importance
 * - digest: subject (a link), a list of linked titles with the beginning of each body, the count of what is not listed
 *
 * Each has the organisation's name, the time, and the colour of its importance, a digest that of its most important
 * event. Text is escaped and mentions nobody: `allowed_mentions` is empty, and nothing looks like a mention. Only absolute
 * https URLs (at most 2048 characters; 1000 of an item) become links.
 *
 * @throws SignalboxError `invalid_input` for options that break a rule; no message is refused.
 * @see https://discord.com/developers/docs/resources/webhook#execute-webhook
 * @example
 * const { embeds } = discordMessage(message, { username: 'Acme' })
 */
export function discordMessage(message: Message, options: DiscordMessageOptions = {}): DiscordMessage {
  checkOptions(options, OPTIONS)
  const { username } = options
  if (username !== undefined) checkUsername(username)
  return {
    ...(username === undefined ? {} : { username }),
    embeds: [embedOf(message)],
    allowed_mentions: { parse: [] },
  }
}

const OPTIONS: readonly string[] = ['username'] satisfies (keyof DiscordMessageOptions)[]

function checkUsername(username: unknown): void {
  if (typeof username !== 'string' || username === '' || oneLine(username, LIMITS.username) !== username) {
    throw invalidInput('username', 'must be 1–80 characters on one line, without spaces at the ends')
  }
}

function embedOf(message: Message): DiscordEmbed {
  const importance = importanceOf(message)
  const title = escapeDiscordText(titleOf(message), LIMITS.title)
  const url = discordUrl(message.kind === 'event' ? message.event.href : message.href, MAX_DISCORD_URL)
  const mark = message.kind === 'event' ? importanceWord(importance) : undefined
  const footer = footerOf(message.orgName)
  const room = Math.min(LIMITS.description, LIMITS.total - title.length - (mark?.length ?? 0) - footer.length)
  const description = descriptionOf(message, room)
  return {
    ...(mark === undefined ? {} : { author: { name: mark } }),
    title,
    ...(url === undefined ? {} : { url }),
    ...(description === '' ? {} : { description }),
    color: COLORS[importance],
    ...(footer === '' ? {} : { footer: { text: footer } }),
    timestamp: isoTime(message.timestamp),
  }
}

function titleOf(message: Message): string {
  switch (message.kind) {
    case 'event':
      return eventTitle(message.event, LIMITS.title)
    case 'digest':
      return oneLine(message.subject, LIMITS.title) || 'Notifications'
    case 'test':
      return oneLine(message.title, LIMITS.title) || 'Notification'
  }
}

function descriptionOf(message: Message, room: number): string {
  if (message.kind === 'digest') return listOf(message.events, message.total, room)
  return escapeDiscordText(multiLine(message.kind === 'event' ? message.event.body : message.body, room), room)
}

function footerOf(orgName: string): string {
  const name = plainDiscordText(oneLine(orgName, LIMITS.footer))
  return name.length > LIMITS.footer ? cutGraphemes(name, LIMITS.footer) : name
}

function importanceOf(message: Message): Importance {
  if (message.kind === 'event') return message.event.importance
  if (message.kind === 'test') return 'normal'
  return message.events.reduce<Importance>((most, event) => higher(most, event.importance), 'low')
}

const RANKS: readonly Importance[] = ['low', 'normal', 'high', 'urgent']

function higher(one: Importance, other: Importance): Importance {
  return RANKS.indexOf(other) > RANKS.indexOf(one) ? other : one
}

/** The events as a list in at most `room` characters, in their order, and a line that counts those left out. */
function listOf(events: readonly StoredEvent[], total: number, room: number): string {
  const lines: string[] = []
  let left = room - noteOf(Number.MAX_SAFE_INTEGER).length
  for (const event of events) {
    // Each gets an equal share of what is left, so that long bodies at the top push no titles out.
    const share = Math.floor(left / (events.length - lines.length))
    const line = itemOf(event, share)
    if (line.length >= left) break
    lines.push(line)
    left -= line.length + 1
  }
  const others = countLeftOut(total, events.length, lines.length)
  return [...lines, ...(others > 0 ? [noteOf(others)] : [])].join('\n')
}

/** A line of at most `share` characters where the title and the link alone take no more. */
function itemOf(event: StoredEvent, share: number): string {
  const word = importanceWord(event.importance)
  const link = discordLink(eventTitle(event, MAX_ITEM_TITLE), event.href, MAX_ITEM_TITLE, MAX_ITEM_URL)
  const item = `- ${word === undefined ? '' : `${word}: `}${link}`
  const room = Math.min(MAX_EXCERPT, share - item.length - SEPARATOR.length - 1)
  const excerpt = room < MIN_EXCERPT ? '' : escapeDiscordText(oneLine(event.body, room), room)
  return excerpt === '' ? item : `${item}${SEPARATOR}${excerpt}`
}

function noteOf(others: number): string {
  return `and ${others} more`
}
