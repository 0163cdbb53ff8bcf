import { graphemeStart, httpsUrl } from './display-text.ts'

/**
 * Bytes of UTF-8 that a whole message to Teams may take, as `adaptiveCard` counts them: Teams refuses messages above
 * about 28 KB, the card included.
 * @see https://learn.microsoft.com/en-us/microsoftteams/limits-specifications-teams
 */
export const MAX_CARD_WIRE_BYTES = 24_000
/** Of these, what the request around the card may take: Graph's has two ids and the content type, below 300 bytes. */
const ENVELOPE_BYTES = 600

const ZERO_WIDTH_SPACE = '\u200b'
/** `{{DATE(…)}}` and `{{TIME(…)}}`, which clients replace in every text, and `<at>` mentions; one look ahead each. */
const COMMANDS = /\{(?=\{\s*(?:DATE|TIME))|<(?=[\s/]*at)/gi

/**
 * `text` with a zero-width space inside whatever clients of Adaptive Cards would act on even where no Markdown is read:
 * `{{DATE(…)}}`, `{{TIME(…)}}` and `<at>` mentions, in any case. For cards that you write yourself; put the result into
 * a `TextRun`, as a `TextBlock` reads Markdown.
 * @see https://learn.microsoft.com/en-us/adaptive-cards/authoring-cards/text-features
 * @example
 * { type: 'TextRun', text: escapeCardText(event.title) }
 */
export function escapeCardText(text: string): string {
  return text.includes('{') || text.includes('<') ? text.replace(COMMANDS, `$&${ZERO_WIDTH_SPACE}`) : text
}

/**
 * Bytes of UTF-8 that a message to Teams takes with this card, in the larger of its two forms: Graph takes the card as
 * a JSON string inside JSON, so that quotes and backslashes are escaped twice; Workflows takes it as an object. Room for
 * the request around it is counted. Compare a card of your own with `MAX_CARD_WIRE_BYTES`.
 */
export function cardWireBytes(card: object): number {
  return ENVELOPE_BYTES + nestedBytes(card)
}

/** What `value` takes as JSON inside a JSON string. */
export function nestedBytes(value: object): number {
  const json = JSON.stringify(value)
  let bytes = 0
  for (let index = 0; index < json.length; index++) {
    const unit = json.charCodeAt(index)
    bytes += unit === QUOTE || unit === BACKSLASH ? 2 : utf8Bytes(unit)
  }
  return bytes
}

/** `text` in at most `max` bytes as `nestedBytes` counts them, a longer one cut between graphemes with `…`; `max` ≥ 3. */
export function cutNested(text: string, max: number): string {
  let bytes = 0
  let end = 0
  for (let index = 0; index < text.length; index++) {
    if (bytes <= max - ELLIPSIS_BYTES) end = index
    bytes += textBytes(text.charCodeAt(index))
    if (bytes > max) return `${text.slice(0, graphemeStart(text, end)).trimEnd()}…`
  }
  return text
}

const ELLIPSIS_BYTES = 3
const QUOTE = 0x22
const BACKSLASH = 0x5c

/** One UTF-16 code unit of text, escaped twice: `"` and `\` take four bytes, `\n` and `\t` three. */
function textBytes(unit: number): number {
  if (unit === QUOTE || unit === BACKSLASH) return 4
  return unit < 0x20 ? 3 : utf8Bytes(unit)
}

/** Half a surrogate pair has half of its four bytes. */
function utf8Bytes(unit: number): number {
  if (unit < 0x80) return 1
  return unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff) ? 2 : 3
}

/** `href` where a card may link to it. Braces are encoded: clients look for their commands in URLs too. */
export function cardUrl(href: string, max: number): string | undefined {
  const url = httpsUrl(href, max)?.replaceAll('{', '%7B').replaceAll('}', '%7D')
  return url === undefined || url.length > max ? undefined : url
}
