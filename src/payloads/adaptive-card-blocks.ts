import type { Importance, StoredEvent } from '../contracts/event.ts'
import { cardUrl, cutNested, escapeCardText, nestedBytes } from './adaptive-card-text.ts'
import type { RichTextBlock, TextRun } from './adaptive-card-types.ts'
import { countLeftOut, eventTitle, importanceWord } from './display-message.ts'
import { oneLine, tidyLines } from './display-text.ts'

const MAX_ITEM_TITLE = 150
const MAX_ITEM_URL = 1000
/** An item shows at most so much of its body, and nothing where its share of the room is smaller than the minimum. */
const MAX_EXCERPT = 300
const MIN_EXCERPT_BYTES = 60

/**
 * A body that has room beside the longest title, link and name, so that nothing need be counted: with four bytes a
 * character at most 11,000 bytes, beside 5,500 of 24,000.
 */
const SHORT_BODY = 2000
const SHORT_BODY_PARAGRAPHS = 40

const COMMA = 1
const PARAGRAPH_BYTES = blockBytes(paragraph(''))
/** Kept free for the `…` where even the first character of a paragraph has no room. */
const ELLIPSIS_BYTES = PARAGRAPH_BYTES + 3
const EXCERPT_BYTES = blockBytes(excerpt(''))
const NOTE_BYTES = blockBytes(note(Number.MAX_SAFE_INTEGER))

/** One block of one run; `text` has been escaped. */
export function textBlock(
  text: string,
  style: Omit<TextRun, 'type' | 'text'> = {},
  spacing?: RichTextBlock['spacing'],
): RichTextBlock {
  const inlines: readonly TextRun[] = [{ type: 'TextRun', text, ...style }]
  return { type: 'RichTextBlock', inlines, ...(spacing === undefined ? {} : { spacing }) }
}

/** Colour of titles: `high` and `urgent` stand out. */
export function importanceColor(importance: Importance): Pick<TextRun, 'color'> {
  if (importance === 'urgent') return { color: 'Attention' }
  return importance === 'high' ? { color: 'Warning' } : {}
}

/**
 * A body in at most `room` bytes, one block a paragraph. Line ends stay inside a run, where clients show them, but not at
 * its ends, where Teams for Android shows none (https://github.com/microsoft/AdaptiveCards/issues/4914). Of a longer body
 * the beginning is shown, with `…`.
 */
export function bodyBlocks(body: string, roomFor: () => number): RichTextBlock[] {
  if (body.length <= SHORT_BODY) {
    const found = paragraphs(escapeCardText(tidyLines(body, SHORT_BODY).text))
    if (found.length <= SHORT_BODY_PARAGRAPHS) return found.map(paragraph)
  }
  const room = roomFor()
  // No character takes less than a byte: half of the room, as twice the limit is read.
  const { text, more } = tidyLines(body, Math.floor(room / 2))
  if (text === '') return []
  const found = paragraphs(escapeCardText(more ? `${text}…` : text))
  const blocks: RichTextBlock[] = []
  let left = room - ELLIPSIS_BYTES
  for (const [index, text] of found.entries()) {
    const block = paragraph(text)
    const bytes = blockBytes(block)
    if (bytes > left) {
      const rest = index === found.length - 1 ? text : `${text}…`
      return [...blocks, paragraph(cutNested(rest, left + ELLIPSIS_BYTES - PARAGRAPH_BYTES))]
    }
    blocks.push(block)
    left -= bytes
  }
  return blocks
}

/** What stands between empty lines. */
function paragraphs(text: string): string[] {
  const found: string[] = []
  let lines: string[] = []
  for (const line of text.split('\n')) {
    if (line.trim() !== '') lines.push(line)
    else if (lines.length > 0) {
      found.push(lines.join('\n'))
      lines = []
    }
  }
  return lines.length > 0 ? [...found, lines.join('\n')] : found
}

/** Events as linked titles with the beginning of their bodies, in at most `room` bytes, and a count of the others. */
export function itemBlocks(events: readonly StoredEvent[], total: number, room: number): RichTextBlock[] {
  const blocks: RichTextBlock[] = []
  let left = room - NOTE_BYTES
  let shown = 0
  for (const event of events) {
    // Each gets an equal share of what is left, so that long bodies at the top push no titles out.
    const share = Math.floor(left / (events.length - shown))
    const title = itemTitle(event)
    const titleBytes = blockBytes(title)
    if (titleBytes > left) break
    blocks.push(title)
    left -= titleBytes
    shown += 1
    const bytes = share - titleBytes - EXCERPT_BYTES
    const text = bytes < MIN_EXCERPT_BYTES ? '' : oneLine(event.body, Math.min(bytes, MAX_EXCERPT))
    if (text === '') continue
    const block = excerpt(cutNested(escapeCardText(text), bytes))
    blocks.push(block)
    left -= blockBytes(block)
  }
  const others = countLeftOut(total, events.length, shown)
  return others > 0 ? [...blocks, note(others)] : blocks
}

function itemTitle(event: StoredEvent): RichTextBlock {
  const word = importanceWord(event.importance)
  const title = escapeCardText(eventTitle(event, MAX_ITEM_TITLE))
  const text = word === undefined ? title : `${word}: ${title}`
  return textBlock(text, { weight: 'Bolder', ...importanceColor(event.importance), ...linkTo(event.href) }, 'Medium')
}

function linkTo(href: string): Pick<TextRun, 'selectAction'> {
  const url = cardUrl(href, MAX_ITEM_URL)
  return url === undefined ? {} : { selectAction: { type: 'Action.OpenUrl', url } }
}

function excerpt(text: string): RichTextBlock {
  return textBlock(text, { isSubtle: true }, 'None')
}

function note(others: number): RichTextBlock {
  return textBlock(`and ${others} more`, { isSubtle: true }, 'Medium')
}

function paragraph(text: string): RichTextBlock {
  return textBlock(text, {}, 'Medium')
}

function blockBytes(block: RichTextBlock): number {
  return nestedBytes(block) + COMMA
}
