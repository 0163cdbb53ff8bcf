import type { EventMessage, Message, TestMessage } from '../contracts/message.ts'
import { checkOptions, invalidInput } from '../errors.ts'
import { bodyBlocks, importanceColor, itemBlocks, textBlock } from './adaptive-card-blocks.ts'
import { cardUrl, cardWireBytes, escapeCardText, MAX_CARD_WIRE_BYTES } from './adaptive-card-text.ts'
import type { AdaptiveCard, OpenUrlAction, RichTextBlock } from './adaptive-card-types.ts'
import { eventTitle, importanceWord } from './display-message.ts'
import { oneLine } from './display-text.ts'

export interface AdaptiveCardOptions {
  /** On the button that leads to the message's `href`: 1–75 characters. @default 'Open' */
  readonly buttonText?: string
}

const MAX_BUTTON_TEXT = 75
const MAX_TITLE = 300
const MAX_ORGANISATION = 150
const MAX_URL = 2048

/**
 * A message as an Adaptive Card 1.5 for Teams; what had to be left out is said.
 *
 * - event and test: the mark of `high` and `urgent` importance, title, body, the organisation's name, a button
 * - digest: subject, linked titles with the beginning of each body, the count of what is not listed, the organisation's
 *   name, a button
 *
 * The whole message stays within 24,000 bytes of UTF-8, whether the card travels as a JSON string inside JSON (Graph) or
 * as an object (Workflows). No text of the host's is read as markup or as a mention. Without an absolute https `href` (at
 * most 2048 characters; 1000 of an item) there is no button, and an item has no link. There is no `fallbackText`: it is
 * read as Markdown, and Teams shows version 1.5.
 *
 * @throws SignalboxError `invalid_input` for options that break a rule; no message is refused.
 * @see https://learn.microsoft.com/en-us/microsoftteams/platform/task-modules-and-cards/cards/cards-reference
 * @example
 * const content = JSON.stringify(adaptiveCard(message, { buttonText: 'Open in Acme' }))
 */
export function adaptiveCard(message: Message, options: AdaptiveCardOptions = {}): AdaptiveCard {
  checkOptions(options, OPTIONS)
  const buttonText = options.buttonText === undefined ? 'Open' : checkedButtonText(options.buttonText)
  const head = message.kind === 'digest' ? [heading(message.subject, 'Notifications')] : headOf(message)
  const tail = organisation(message.orgName)
  const frame = cardOf([...head, ...tail], buttonTo(hrefOf(message), buttonText))
  const room = () => MAX_CARD_WIRE_BYTES - cardWireBytes(frame)
  const middle =
    message.kind === 'digest'
      ? itemBlocks(message.events, message.total, room())
      : bodyBlocks(message.kind === 'event' ? message.event.body : message.body, room)
  return { ...frame, body: [...head, ...middle, ...tail] }
}

const OPTIONS: readonly string[] = ['buttonText'] satisfies (keyof AdaptiveCardOptions)[]

function checkedButtonText(text: string): string {
  if (typeof text === 'string' && text !== '' && oneLine(text, MAX_BUTTON_TEXT) === text) return text
  throw invalidInput('buttonText', 'must be 1–75 characters on one line, without spaces at the ends')
}

function cardOf(body: readonly RichTextBlock[], actions: readonly OpenUrlAction[]): AdaptiveCard {
  return {
    type: 'AdaptiveCard',
    $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
    version: '1.5',
    body,
    ...(actions.length === 0 ? {} : { actions }),
  }
}

function headOf(message: EventMessage | TestMessage): RichTextBlock[] {
  if (message.kind === 'test') return [heading(message.title, 'Notification')]
  const { event } = message
  const color = importanceColor(event.importance)
  const word = importanceWord(event.importance)
  const title = textBlock(escapeCardText(eventTitle(event, MAX_TITLE)), { size: 'Large', weight: 'Bolder', ...color })
  return word === undefined ? [title] : [textBlock(word, { size: 'Small', weight: 'Bolder', ...color }), title]
}

function heading(title: string, otherwise: string): RichTextBlock {
  return textBlock(escapeCardText(oneLine(title, MAX_TITLE) || otherwise), { size: 'Large', weight: 'Bolder' })
}

function organisation(orgName: string): RichTextBlock[] {
  const name = escapeCardText(oneLine(orgName, MAX_ORGANISATION))
  return name === '' ? [] : [textBlock(name, { size: 'Small', isSubtle: true }, 'Medium')]
}

function hrefOf(message: Message): string {
  return message.kind === 'event' ? message.event.href : message.href
}

function buttonTo(href: string, title: string): OpenUrlAction[] {
  const url = cardUrl(href, MAX_URL)
  return url === undefined ? [] : [{ type: 'Action.OpenUrl', title: escapeCardText(title), url }]
}
