import type { ContextBlock, SectionBlock } from '@slack/types'
import { cutGraphemes, graphemeStart, tidyLines } from './display-text.ts'
import { jsonLength, plainText, SLACK_LIMITS } from './slack-text.ts'

/** Sections are closed at a line end or a space of their second half, so that no text needs more of them. */
const MOST_SECTIONS = 9
const SECTION_JSON = jsonLength(section('')) + 1
/** Of the line that says how much was left out. */
const NOTE_JSON = jsonLength(note(Number.MAX_SAFE_INTEGER)) + 1

/**
 * A body as sections of plain text, in at most `budget` characters of JSON. Of a longer one as much is shown as fits,
 * and a line says how many characters were left out. None for a body without visible text.
 */
export function bodyBlocks(body: string, budget: () => number): (SectionBlock | ContextBlock)[] {
  // One section has room beside the longest title, link and name: at most 6,000 characters beside 4,500 of 13,000.
  if (body.length <= SLACK_LIMITS.section) return pieces(tidyLines(body, SLACK_LIMITS.section).text).map(section)
  const room = budget() - NOTE_JSON - MOST_SECTIONS * SECTION_JSON
  const { text, more } = tidyLines(body, room)
  const fits = unitsIn(text, room)
  if (!more && fits === text.length) return pieces(text).map(section)
  const shown = cutGraphemes(text, fits)
  return [...pieces(shown).map(section), note(body.length - shown.length)]
}

function section(text: string): SectionBlock {
  return { type: 'section', text: plainText(text) }
}

function note(leftOut: number): ContextBlock {
  const more = leftOut === 1 ? '1 more character' : `${leftOut} more characters`
  return { type: 'context', elements: [plainText(`Shortened to fit: ${more}`)] }
}

/** How many units of `text` fit into `room` as JSON, where quotes, backslashes, tabs and line ends take two. */
function unitsIn(text: string, room: number): number {
  if (text.length * 2 <= room) return text.length
  let used = 0
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    used += unit === 0x22 || unit === 0x5c || unit === 0x0a || unit === 0x09 ? 2 : 1
    if (used > room) return index
  }
  return text.length
}

function pieces(text: string): string[] {
  const found: string[] = []
  let rest = text
  while (rest.length > SLACK_LIMITS.section) {
    const end = closingPoint(rest)
    found.push(rest.slice(0, end).trimEnd())
    rest = rest.slice(end).trimStart()
  }
  return rest === '' ? found : [...found, rest]
}

function closingPoint(text: string): number {
  const { section: max } = SLACK_LIMITS
  for (const separator of ['\n', ' ']) {
    const at = text.lastIndexOf(separator, max)
    if (at > max / 2) return at
  }
  return graphemeStart(text, max)
}
