import { wellFormed } from './text.ts'

/** What ends a line besides LF: CRLF, CR, vertical tab, form feed, NEL, line and paragraph separators. */
const LINE_ENDS = /\r\n?|[\v\f\u0085\u2028\u2029]/g
/** White space that is not one space already. */
const SPACES = /[\s\u0085]{2,}|[^\S ]|\u0085/g
const CONTROLS = /[\p{Cc}--[\n\t]]/gv
/** What one of the two finds in a line. Most titles hold none of it: one look, and nothing is written anew. */
const UNTIDY = /[[\s\p{Cc}]--[ ]]| {2}/v
/** A character that leaves ink; a field without one looks empty, and chat services refuse some of them as empty. */
const VISIBLE = /[^\s\p{Cc}\p{Cf}\p{DI}\u2800]/u

/** How many times its limit of a text is read, at most: CRLF line ends alone may halve it. */
const READ = 2
/** No emoji is longer, in UTF-16 code units; a longer cluster is combining marks without end. */
const LONGEST_GRAPHEME = 64

const graphemes = /* @__PURE__ */ new Intl.Segmenter('en', { granularity: 'grapheme' })

/**
 * `text` as one line of at most `max` UTF-16 code units: white space collapsed and trimmed, control characters removed,
 * a longer one cut between graphemes, with `…`. `''` when nothing would be visible. What the cut drops is not read.
 */
export function oneLine(text: string, max: number): string {
  return cutTo(max, tidied(text, max, inOneLine))
}

/** The same over several lines: every line end becomes `\n`; tabs and inner spaces stay. */
export function multiLine(text: string, max: number): string {
  return cutTo(max, tidyLines(text, max))
}

export interface TidyText {
  /** Tidied, `''` when nothing would be visible; may be longer than the limit. */
  readonly text: string
  /** Whether there is more that was not read. */
  readonly more: boolean
}

/** The same before the cut, for callers that cut by a measure of their own. */
export function tidyLines(text: string, max: number): TidyText {
  return tidied(text, max, inLines)
}

function inOneLine(part: string): string {
  return UNTIDY.test(part) ? part.replace(SPACES, ' ').replace(CONTROLS, '') : part
}

function inLines(part: string): string {
  return part.replace(LINE_ENDS, '\n').replace(CONTROLS, '')
}

function tidied(raw: string, max: number, tidy: (part: string) => string): TidyText {
  const start = raw.trimStart()
  const more = start.length > max * READ
  const text = tidy(wellFormed(more ? start.slice(0, codePointStart(start, max * READ)) : start)).trim()
  return { text: more || VISIBLE.test(text) ? text : '', more }
}

function cutTo(max: number, { text, more }: TidyText): string {
  return more || text.length > max ? cutGraphemes(text, max) : text
}

/** The beginning of `text` and `…`, together at most `max` UTF-16 code units, cut between graphemes. */
export function cutGraphemes(text: string, max: number): string {
  if (max < 1) return ''
  return `${text.slice(0, graphemeStart(text, max - 1)).trimEnd()}…`
}

/** The last boundary between graphemes at or before `index`; where one is endless, between code points. */
export function graphemeStart(text: string, index: number): number {
  if (index >= text.length) return text.length
  const end = codePointStart(text, index)
  const from = codePointStart(text, Math.max(0, end - LONGEST_GRAPHEME))
  // two units behind `end`: whether the next code point belongs to the grapheme before it
  const found = graphemes.segment(text.slice(from, end + 2)).containing(end - from)
  return found === undefined || (found.index === 0 && from > 0) ? end : from + found.index
}

function codePointStart(text: string, index: number): number {
  const before = text.charCodeAt(index - 1)
  const after = text.charCodeAt(index)
  return before >= 0xd800 && before <= 0xdbff && after >= 0xdc00 && after <= 0xdfff ? index - 1 : index
}

/**
 * `href` as an absolute https URL of at most `max` characters: ASCII without quotes, angle brackets, backslashes and
 * spaces (they are percent-encoded). `undefined` for anything else, e.g. `javascript:`, and for URLs with a user name or password.
 */
export function httpsUrl(href: string, max: number): string | undefined {
  if (href.length > max) return undefined
  const url = URL.parse(href)
  // a name and a password in a link would be shown to a whole channel
  if (url?.protocol !== 'https:' || url.username !== '' || url.password !== '') return undefined
  const encoded = url.href.replaceAll('\\', '%5C')
  return encoded.length > max ? undefined : encoded
}
