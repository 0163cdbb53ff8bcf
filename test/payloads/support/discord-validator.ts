import { EmbedBuilder, embedLength } from '@discordjs/builders'
import type { APIEmbed, RESTPostAPIWebhookWithTokenJSONBody } from 'discord-api-types/v10'
import type { DiscordMessage } from '../../../src/payloads/discord-types.ts'

type Mutable<T> = T extends object ? { -readonly [K in keyof T]: Mutable<T[K]> } : T

/** A copy with the type of Discord's API: compiles as long as ours fits it. */
export function apiBody(message: DiscordMessage): RESTPostAPIWebhookWithTokenJSONBody {
  const copy: Mutable<DiscordMessage> = structuredClone(message) as Mutable<DiscordMessage>
  return copy
}

/** What discord.js would refuse in a message, by the setters of its builder. Empty where it takes it. */
export function discordProblems(body: RESTPostAPIWebhookWithTokenJSONBody): readonly string[] {
  const embeds = body.embeds ?? []
  const problems = embeds.flatMap(embedProblems)
  const total = embeds.reduce((sum, embed) => sum + embedLength(embed), 0)
  if (embeds.length === 0 || embeds.length > 10) problems.push(`${embeds.length} embeds`)
  if (total > 6000) problems.push(`${total} characters in all`)
  return problems
}

function embedProblems(embed: APIEmbed): string[] {
  const { title, description, url, color, timestamp, footer, author, ...others } = embed
  const builder = new EmbedBuilder()
  const steps: Record<string, () => unknown> = {
    title: () => title === undefined || builder.setTitle(title),
    description: () => description === undefined || builder.setDescription(description),
    url: () => url === undefined || builder.setURL(url),
    color: () => color === undefined || builder.setColor(color),
    timestamp: () => timestamp === undefined || builder.setTimestamp(new Date(timestamp)),
    footer: () => footer === undefined || builder.setFooter(footer),
    author: () => author === undefined || builder.setAuthor(author),
  }
  const problems = Object.keys(others).map((key) => `${key}: not checked`)
  for (const [name, set] of Object.entries(steps)) {
    try {
      set()
    } catch (error) {
      problems.push(`${name}: ${String(error)}`)
    }
  }
  // Discord trims, and refuses an embed that has nothing to show.
  if (`${title ?? ''}${description ?? ''}`.trim() === '') problems.push('empty')
  if (problems.length === 0 && JSON.stringify(sorted(builder.toJSON())) !== JSON.stringify(sorted(embed))) {
    problems.push('not read as it was written')
  }
  return problems
}

function sorted(embed: APIEmbed): [string, unknown][] {
  return Object.entries(embed).sort(([one], [other]) => (one < other ? -1 : 1))
}

/**
 * The rules of simple-markdown, from which Discord's clients made their parser: a backslash escapes punctuation, a bare
 * URL is taken whole, and the text of a link may hold brackets, where backslashes do not count.
 * @see https://github.com/ariabuckles/simple-markdown/blob/master/src/index.js
 */
const ESCAPE = /\\[^0-9A-Za-z\s]/y
const URL = /https?:\/\/[^\s<]+[^<.,:;"'\]\s]/y
const LINK =
  /\[((?:\[[^\]]*\]|[^[\]]|\](?=[^[]*\]))*)\]\(\s*<?((?:\([^)]*\)|[^\s\\]|\\.)*?)>?(?:\s+['"]([\s\S]*?)['"])?\s*\)/y
const MARKUP = /[*_~`|<]/y
const LINE_MARKUP = /(?<=^|\n)[ \t]*(?:#{1,3} |-# |>|[*+-] |\d+\. )/y

/** The markup that Discord would act on in `text`: links as `[href]`, everything else as it stands. */
export function liveMarkup(text: string): string[] {
  const found: string[] = []
  let index = 0
  const match = (rule: RegExp): RegExpExecArray | null => {
    rule.lastIndex = index
    const result = rule.exec(text)
    if (result !== null) index = rule.lastIndex
    return result
  }
  while (index < text.length) {
    const lineMarkup = match(LINE_MARKUP)
    if (lineMarkup !== null) found.push(lineMarkup[0])
    if (match(ESCAPE) !== null || match(URL) !== null) continue
    const link = match(LINK)
    if (link !== null) found.push(`[${link[2]}]`)
    else {
      const markup = match(MARKUP)
      if (markup !== null) found.push(markup[0])
      else index++
    }
  }
  return found
}
