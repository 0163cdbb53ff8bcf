import type { ContextBlock, RichTextBlock, RichTextElement, RichTextSection } from '@slack/types'
import type { StoredEvent } from '../contracts/event.ts'
import { countLeftOut, eventTitle, importanceWord } from './display-message.ts'
import { httpsUrl, oneLine } from './display-text.ts'
import { jsonLength, plainText, SLACK_LIMITS } from './slack-text.ts'

/** Of an item; the digest's button takes longer ones. Whatever else a message holds, one item has room. */
const MAX_ITEM_URL = 1000
/** An item shows up to 300 characters of its body; of many items each shows less, so that more of them fit. */
const MAX_ITEM_BODY = 300
const MIN_ITEM_BODY = 60
const ALL_ITEM_BODIES = 4000

const LIST_JSON = jsonLength(list([])) + 1
const NOTE_JSON = jsonLength(note(Number.MAX_SAFE_INTEGER)) + 1

/**
 * The events of a digest as a bulleted list in at most `budget` characters of JSON, in their order, and a line that
 * counts what was left out of `total`. It is a `rich_text` block: its links and texts are data, nothing in them is read
 * as markup.
 */
export function listBlocks(
  events: readonly StoredEvent[],
  total: number,
  budget: number,
): (RichTextBlock | ContextBlock)[] {
  const maxBody = Math.max(MIN_ITEM_BODY, Math.min(MAX_ITEM_BODY, Math.floor(ALL_ITEM_BODIES / events.length)))
  const items: RichTextSection[] = []
  let room = budget - LIST_JSON - NOTE_JSON
  for (const event of events) {
    const item = itemOf(event, maxBody)
    room -= jsonLength(item) + 1
    if (room < 0) break
    items.push(item)
  }
  const leftOut = countLeftOut(total, events.length, items.length)
  return [...(items.length > 0 ? [list(items)] : []), ...(leftOut > 0 ? [note(leftOut)] : [])]
}

/** What an event is called. */
export function titleOf(event: StoredEvent): string {
  return eventTitle(event, SLACK_LIMITS.header)
}

function itemOf(event: StoredEvent, maxBody: number): RichTextSection {
  const title = titleOf(event)
  const url = httpsUrl(event.href, MAX_ITEM_URL)
  const mark = importanceWord(event.importance)
  const body = oneLine(event.body, maxBody)
  const elements: RichTextElement[] = []
  if (mark !== undefined) elements.push({ type: 'text', text: `${mark}: `, style: { bold: true } })
  elements.push(url === undefined ? { type: 'text', text: title } : { type: 'link', url, text: title })
  if (body !== '') elements.push({ type: 'text', text: ` · ${body}` })
  return { type: 'rich_text_section', elements }
}

function list(items: RichTextSection[]): RichTextBlock {
  return { type: 'rich_text', elements: [{ type: 'rich_text_list', style: 'bullet', elements: items }] }
}

function note(leftOut: number): ContextBlock {
  return { type: 'context', elements: [plainText(`and ${leftOut} more`)] }
}
