import type { MrkdwnElement, PlainTextElement } from '@slack/types'

/**
 * Limits of Block Kit, in characters; UTF-16 code units are counted, which are never fewer.
 * @see https://docs.slack.dev/reference/block-kit/blocks
 */
export const SLACK_LIMITS = {
  header: 150,
  section: 3000,
  buttonText: 75,
  url: 3000,
  /**
   * The JSON of all blocks. Slack documents no limit for them together; about 13,200 characters were measured, with a
   * share for the blocks around the text (https://github.com/slackapi/bolt-js/issues/2509), so that the whole JSON is
   * kept below it.
   */
  blocks: 13_000,
} as const

/**
 * `text` with `&`, `<` and `>` as entities, for top-level `text` and `mrkdwn` that you write yourself: no mention
 * (`<!channel>`, `<@U…>`, `<#C…>`, `<!subteam^…>`) and no link of somebody else's text comes alive.
 *
 * Cut before you escape, or a cut may split an entity. `*`, `_`, `~` and backticks can't be escaped: they format, no
 * more. Set `verbatim: true` on `mrkdwn` elements, or Slack links names and URLs by itself; use `plain_text` where no
 * markup is needed (and no escaping is).
 * @see https://docs.slack.dev/messaging/formatting-message-text
 * @example
 * escapeSlackText('<!channel> R&D') // '&lt;!channel&gt; R&amp;D'
 */
export function escapeSlackText(text: string): string {
  return MARKUP.test(text) ? text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;') : text
}

const MARKUP = /[&<>]/

/** Text without markup. `emoji: false`: a `:shortcode:` in it stays as it was written, and so do its emoji. */
export function plainText(text: string): PlainTextElement {
  return { type: 'plain_text', text, emoji: false }
}

/** Markup of ours, without any text of an event. */
export function importanceMark(word: 'Urgent' | 'Important'): MrkdwnElement {
  const emoji = word === 'Urgent' ? ':red_circle:' : ':large_orange_circle:'
  return { type: 'mrkdwn', text: `${emoji} *${word}*`, verbatim: true }
}

/** What `value` takes of {@link SLACK_LIMITS}.blocks. */
export function jsonLength(value: object): number {
  return JSON.stringify(value).length
}
