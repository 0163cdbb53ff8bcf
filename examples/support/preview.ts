import type { DiscordReceived, SlackReceived, TeamsReceived } from 'signalbox/testing/msw'

/** The parts that Block Kit and Adaptive Cards have in common: texts, and lists of further parts. */
interface Part {
  readonly type: string
  readonly text?: string | Part
  readonly title?: string
  readonly url?: string
  readonly elements?: readonly Part[]
  readonly fields?: readonly Part[]
  readonly accessory?: Part
  readonly inlines?: readonly Part[]
}

const WIDTH = 38

/** What a Slack channel shows of a message, as text in a box: header, body, buttons, context. */
export function slackPreview({ channelName, blocks }: Pick<SlackReceived, 'channelName' | 'blocks'>): string {
  return box(
    `Slack · #${channelName}`,
    (blocks as readonly Part[]).flatMap((block) => {
      if (block.type === 'actions') return (block.elements ?? []).map((element) => button(textOf(element), element.url))
      if (block.type === 'rich_text') return (block.elements ?? []).flatMap(listOf)
      const texts = block.fields?.map(textOf) ?? [textOf(block)]
      return block.accessory === undefined ? texts : [...texts, button(textOf(block.accessory), block.accessory.url)]
    }),
  )
}

/** What a Teams channel shows of a card: its texts, then its actions. */
export function teamsPreview({
  channelName = 'by a workflow',
  card,
}: Pick<TeamsReceived, 'channelName' | 'card'>): string {
  const { body = [], actions = [] } = card as { readonly body?: readonly Part[]; readonly actions?: readonly Part[] }
  return box(`Teams · ${channelName}`, [
    ...body.map(textOf),
    ...actions.map(({ title = '', url }) => button(title, url)),
  ])
}

/** What a Discord channel shows of a message: its embeds. */
export function discordPreview({ content, embeds }: Pick<DiscordReceived, 'content' | 'embeds'>): string {
  const lines = embeds.flatMap(({ author, title, url, description, footer }) => [
    Object(author).name,
    title,
    url === undefined ? '' : `→ ${shortUrl(url)}`,
    String(description ?? '').replaceAll(/\[([^\]]*)\]\([^)]*\)|\\(?=\W)/g, '$1'),
    Object(footer).text,
  ])
  return box('Discord', [content, ...lines].filter((line) => line !== undefined && line !== '').map(String))
}

/** Boxes in rows, as many as the terminal has room for. */
export function sideBySide(boxes: readonly string[], columns: number = process.stdout.columns ?? 80): string {
  const perRow = Math.max(1, Math.floor((columns + 2) / (WIDTH + 2)))
  const rows: string[] = []
  for (let from = 0; from < boxes.length; from += perRow) {
    const row = boxes.slice(from, from + perRow).map((one) => one.split('\n'))
    const height = Math.max(...row.map((lines) => lines.length))
    for (let line = 0; line < height; line++) {
      rows.push(
        row
          .map((lines) => lines[line] ?? ' '.repeat(WIDTH))
          .join('  ')
          .trimEnd(),
      )
    }
  }
  return rows.join('\n')
}

/** All text in it, without the markup that signalbox writes itself. */
function textOf(part: Part): string {
  const { text, elements, inlines } = part
  if (typeof text === 'object') return textOf(text)
  if (text !== undefined)
    return part.type === 'mrkdwn' ? text.replaceAll(/:\w+_circle:/g, '●').replaceAll('*', '') : text
  return [...(elements ?? []), ...(inlines ?? [])].map(textOf).join('')
}

function listOf(part: Part): string[] {
  return part.type === 'rich_text_list' ? (part.elements ?? []).map((item) => `• ${textOf(item)}`) : [textOf(part)]
}

function button(text: string, url: string | undefined): string {
  return `[ ${text} ] ${url === undefined ? '' : shortUrl(url)}`
}

function shortUrl(url: unknown): string {
  return String(url).replace(/^https:\/\/(app\.example\.com)?/, '')
}

function box(title: string, texts: readonly string[]): string {
  const inner = WIDTH - 4
  const lines = texts.flatMap((text) => text.split('\n')).flatMap((line) => wrap(line, inner))
  return [
    `┌ ${title} ${'─'.repeat(Math.max(0, WIDTH - 4 - title.length))}┐`,
    ...lines.map((line) => `│ ${line.padEnd(inner)} │`),
    `└${'─'.repeat(WIDTH - 2)}┘`,
  ].join('\n')
}

function wrap(text: string, width: number): string[] {
  const lines = ['']
  for (const word of text.split(' ').flatMap((long) => long.match(new RegExp(`.{1,${width}}`, 'gu')) ?? [''])) {
    const line = lines.at(-1) ?? ''
    if (line === '') lines[lines.length - 1] = word
    else if (line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`
    else lines.push(word)
  }
  return lines
}
