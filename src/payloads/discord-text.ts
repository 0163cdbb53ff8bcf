import { graphemeStart, httpsUrl, oneLine } from './display-text.ts'
import { wellFormed } from './text.ts'

/** Invisible; a mention or a link with one inside is none. */
const ZERO_WIDTH_SPACE = '\u200b'
const MAX_LINK_TEXT = 256
/** Of the `url` of an embed. */
export const MAX_DISCORD_URL = 2048

/**
 * `text` with its Markdown, mentions and timestamps escaped, for descriptions, titles and field values of embeds that you
 * write yourself: it is shown as it was written. At most `max` UTF-16 code units, escapes counted; a longer one is cut
 * between graphemes, never inside an escape, and ends in `…`.
 *
 * Markup gets a backslash before it; `@everyone`, `@here`, `<@…>` and `<#…>` get a zero-width space inside. In a bare
 * URL, which Discord makes a link, markup is percent-encoded: a backslash would lead elsewhere.
 * @example
 * escapeDiscordText('**@everyone**') // '\\*\\*@\u200beveryone\\*\\*'
 */
export function escapeDiscordText(text: string, max: number = Number.POSITIVE_INFINITY): string {
  return escapeTo(text, max, 'text')
}

/**
 * `text` as a link in Markdown to `href`, or in bold where `href` is no absolute https URL of at most `maxUrl`
 * characters. The text is put on one line and cut to `maxText` UTF-16 code units, escapes counted; square brackets in it
 * become round ones, as Discord ignores backslashes where it looks for the end of a link's text.
 * @example
 * discordLink('Breach logged', 'https://app.example.com/1') // '[Breach logged](https://app.example.com/1)'
 */
export function discordLink(
  text: string,
  href: string,
  maxText: number = MAX_LINK_TEXT,
  maxUrl: number = MAX_DISCORD_URL,
): string {
  const line = oneLine(text, maxText) || 'Link'
  const url = discordUrl(href, maxUrl)
  return url === undefined ? `**${escapeTo(line, maxText, 'bold')}**` : `[${escapeTo(line, maxText, 'link')}](${url})`
}

/** `text` where Discord reads no Markdown (footers, authors): only mentions are broken up. */
export function plainDiscordText(text: string): string {
  return text.replace(/@(?=everyone|here)|<(?=[@#])/gi, `$&${ZERO_WIDTH_SPACE}`)
}

/** `href` where an embed may link to it, without a character that ends a link in Markdown or is markup around it. */
export function discordUrl(href: string, max: number): string | undefined {
  const url = httpsUrl(href, max)
    ?.replace(/[()[\]*~|`]/g, percentEncoded)
    .replace(/@(?=everyone|here)/gi, '%40')
  // Brackets around an IPv6 address can't be encoded.
  return url === undefined || url.length > max || !URL.canParse(url) ? undefined : url
}

/** What the text is written into. */
type Place = 'text' | 'bold' | 'link'
/** What came before on the line: only spaces, then only digits, or more. Lists, headings and quotes begin there. */
type Line = 'start' | 'number' | 'text'

function escapeTo(text: string, max: number, place: Place): string {
  // An escaped text is never shorter: what is behind `max` needs no look.
  const source = wellFormed(text.slice(0, max + 1))
  const whole = escaped(source, max, place)
  if (whole.out !== undefined) return whole.out
  if (max < 1) return ''
  const start = source.slice(0, graphemeStart(source, whole.fits))
  return `${escaped(start, max, place).out ?? ''}…`
}

/**
 * One pass over `source`. Without `out`, it takes more than `max`: its first `fits` units, and a `…`, do not.
 */
function escaped(source: string, max: number, place: Place): { out?: string; fits: number } {
  let out = ''
  let fits = 0
  let inUrl = false
  let line: Line = 'start'
  for (let index = 0; index < source.length; index++) {
    if (out.length < max) fits = index
    const character = source.charAt(index)
    if (inUrl && URL_END.test(character)) {
      inUrl = false
      // A backslash right behind a URL would belong to it.
      if (character === '<' || character === '>') out += ' '
    }
    if (inUrl) {
      out += escapedInUrl(character, source, index)
    } else if (character === 'h' && URL_START.test(source.slice(index, index + 8))) {
      // Discord shows no link whose text looks like another URL, and a URL would take the end of bold text for its own.
      if (place !== 'text') {
        const end = source.indexOf(':', index)
        out += `${source.slice(index, end + 1)}${ZERO_WIDTH_SPACE}`
        index = end
      } else {
        inUrl = true
        out += character
      }
      line = 'text'
    } else {
      out += escapedCharacter(character, source, index, line, place)
      line = lineAfter(line, character)
    }
    if (out.length > max) return { fits }
  }
  return { out, fits }
}

const SPACE = /\s/
const URL_START = /^https?:\/\//
const URL_END = /[\s<>]/
const MENTION = /^(?:everyone|here)/i

function lineAfter(line: Line, character: string): Line {
  if (character === '\n') return 'start'
  if (line === 'text') return 'text'
  if (character >= '0' && character <= '9') return 'number'
  return line === 'start' && SPACE.test(character) ? 'start' : 'text'
}

function escapedCharacter(character: string, source: string, index: number, line: Line, place: Place): string {
  switch (character) {
    case '\\':
    case '*':
    case '_':
    case '~':
    case '`':
    case '|':
    case '>':
      return `\\${character}`
    case '<':
      return isMentionMark(source.charAt(index + 1)) ? `\\<${ZERO_WIDTH_SPACE}` : '\\<'
    case '[':
      return place === 'link' ? '(' : '\\['
    case ']':
      if (place === 'link') return ')'
      // Behind a link of ours, `](` would end its text here.
      return source.charAt(index + 1) === '(' ? `\\]${ZERO_WIDTH_SPACE}` : '\\]'
    case '@':
      return isMention(source, index) ? `@${ZERO_WIDTH_SPACE}` : '@'
    case '#':
    case '-':
    case '+':
      return line === 'start' ? `\\${character}` : character
    case '.':
    case ')':
      return line === 'number' ? `\\${character}` : character
    default:
      return character
  }
}

/** Square brackets: `]` ends no URL, but would end it encoded; an opening one is markup. */
function escapedInUrl(character: string, source: string, index: number): string {
  switch (character) {
    case '\\':
    case '*':
    case '_':
    case '~':
    case '`':
    case '|':
    case '[':
      return percentEncoded(character)
    case ']':
      return source.charAt(index + 1) === '(' ? `]${ZERO_WIDTH_SPACE}` : ']'
    case '@':
      return isMention(source, index) ? '%40' : '@'
    default:
      return character
  }
}

function isMention(source: string, at: number): boolean {
  return MENTION.test(source.slice(at + 1, at + 9))
}

function isMentionMark(character: string): boolean {
  return character === '@' || character === '#'
}

function percentEncoded(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`
}
