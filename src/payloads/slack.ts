import type { ActionsBlock, ContextBlock, HeaderBlock, KnownBlock } from '@slack/types'
import type { DigestMessage, EventMessage, Message, TestMessage } from '../contracts/message.ts'
import { checkOptions, invalidInput } from '../errors.ts'
import { countLeftOut, importanceWord } from './display-message.ts'
import { httpsUrl, oneLine } from './display-text.ts'
import { bodyBlocks } from './slack-body.ts'
import { listBlocks, titleOf } from './slack-list.ts'
import { escapeSlackText, importanceMark, jsonLength, plainText, SLACK_LIMITS } from './slack-text.ts'

/** What `chat.postMessage` and incoming webhooks take beside the channel. */
export interface SlackMessage {
  /** What notifications and screen readers get, escaped. At most 4000 characters. */
  readonly text: string
  readonly blocks: readonly KnownBlock[]
}

export interface SlackMessageOptions {
  /** On the button that leads to the message's `href`: 1–75 characters. @default 'Open' */
  readonly buttonText?: string
}

/** Of the body, or the first titles of a digest, in `text`; escaping makes a character five at most. */
const MAX_TEXT_BODY = 300
const TEXT_TITLES = 5
const MAX_TEXT_TITLE = 80

/**
 * A message in Block Kit, within Slack's limits; what had to be left out is said.
 *
 * - event and test: header, the mark of `high` and `urgent` importance, the body, a button, the organisation's name
 * - digest: header, a list of linked titles, the count of what is not listed, a button, the organisation's name
 *
 * No text of the host's is read as markup: blocks hold it as `plain_text` and `rich_text`, the top-level `text` escaped,
 * so no mention in it reaches anybody. Without an absolute https `href` (at most 3000 characters; 1000 of an item) there
 * is no button, and an item has no link. The button's `action_id` is `signalbox_open`: an app with interactivity gets
 * a request for it too, and answers 200.
 *
 * @throws SignalboxError `invalid_input` for options that break a rule; no message is refused.
 * @see https://docs.slack.dev/reference/block-kit/blocks
 * @example
 * const { text, blocks } = slackMessage(message, { buttonText: 'Open in Acme' })
 */
export function slackMessage(message: Message, options: SlackMessageOptions = {}): SlackMessage {
  checkOptions(options, OPTIONS)
  const buttonText = options.buttonText === undefined ? 'Open' : checkedButtonText(options.buttonText)
  return message.kind === 'digest' ? digest(message, buttonText) : single(message, buttonText)
}

const OPTIONS: readonly string[] = ['buttonText'] satisfies (keyof SlackMessageOptions)[]

function checkedButtonText(text: string): string {
  if (typeof text === 'string' && text !== '' && oneLine(text, SLACK_LIMITS.buttonText) === text) return text
  throw invalidInput('buttonText', 'must be 1–75 characters on one line, without spaces at the ends')
}

function single(message: EventMessage | TestMessage, buttonText: string): SlackMessage {
  const { body, href } = message.kind === 'event' ? message.event : message
  const title = message.kind === 'event' ? titleOf(message.event) : titleOr(message.title, 'Notification')
  const mark = message.kind === 'event' ? importanceWord(message.event.importance) : undefined
  const short = oneLine(body, MAX_TEXT_BODY)
  return {
    text: escapeSlackText(`${mark === undefined ? '' : `${mark}: `}${title}${short === '' ? '' : `\n${short}`}`),
    blocks: fill(
      [header(title), ...(mark === undefined ? [] : [context(importanceMark(mark))])],
      (budget) => bodyBlocks(body, budget),
      [...button(href, buttonText), ...organisation(message.orgName)],
    ),
  }
}

function digest(message: DigestMessage, buttonText: string): SlackMessage {
  const { events, total } = message
  const subject = titleOr(message.subject, 'Notifications')
  const titles = events.slice(0, TEXT_TITLES).map((event) => `\n• ${oneLine(titleOf(event), MAX_TEXT_TITLE)}`)
  const others = countLeftOut(total, events.length, titles.length)
  return {
    text: escapeSlackText(`${subject}${titles.join('')}${others > 0 ? `\nand ${others} more` : ''}`),
    blocks: fill([header(subject)], (budget) => listBlocks(events, total, budget()), [
      ...button(message.href, buttonText),
      ...organisation(message.orgName),
    ]),
  }
}

/** The middle gets what the others leave of the limit for all blocks, which it counts where it may need it. */
function fill(
  head: readonly KnownBlock[],
  middle: (budget: () => number) => readonly KnownBlock[],
  tail: readonly KnownBlock[],
): readonly KnownBlock[] {
  return [...head, ...middle(() => SLACK_LIMITS.blocks - jsonLength([...head, ...tail])), ...tail]
}

function titleOr(text: string, otherwise: string): string {
  return oneLine(text, SLACK_LIMITS.header) || otherwise
}

function header(title: string): HeaderBlock {
  return { type: 'header', text: plainText(title) }
}

function button(href: string, text: string): ActionsBlock[] {
  const url = httpsUrl(href, SLACK_LIMITS.url)
  if (url === undefined) return []
  const element = { type: 'button', action_id: 'signalbox_open', text: plainText(text), url } as const
  return [{ type: 'actions', elements: [element] }]
}

function organisation(orgName: string): ContextBlock[] {
  const name = oneLine(orgName, SLACK_LIMITS.header)
  return name === '' ? [] : [context(plainText(name))]
}

function context(element: ContextBlock['elements'][number]): ContextBlock {
  return { type: 'context', elements: [element] }
}
