import { isObject, type JsonObject } from './values.ts'

/** What people read on an Adaptive Card, from top to bottom: a line for each text, fact and button. */
export function cardText(card: JsonObject): string {
  return linesOf(card).join('\n')
}

/** What people read of a Discord message: its content, then of each embed author, title, description, fields, footer. */
export function discordText(content: string, embeds: readonly JsonObject[]): string {
  const parts = embeds.flatMap(({ author, title, description, fields, footer }) => [
    isObject(author) ? author.name : undefined,
    readable(title),
    readable(description),
    ...objects(fields).flatMap(({ name, value }) => [readable(name), readable(value)]),
    isObject(footer) ? footer.text : undefined,
  ])
  return [readable(content), ...parts].flatMap(shown).join('\n')
}

/** Where elements and actions have others, in the order in which they are shown. */
const CHILDREN = ['items', 'columns', 'rows', 'cells', 'images', 'body', 'actions']

function linesOf(node: unknown): readonly string[] {
  if (!isObject(node) || node.isVisible === false) return []
  return [...ownLines(node), ...CHILDREN.flatMap((name) => list(node[name]).flatMap(linesOf))]
}

function ownLines({ type, text, inlines, facts, title }: JsonObject): readonly string[] {
  switch (type) {
    case 'TextBlock':
      return shown(readable(text))
    case 'RichTextBlock':
      return shown(
        list(inlines)
          .map((run) => (isObject(run) ? run.text : run))
          .join(''),
      )
    case 'FactSet':
      return objects(facts).flatMap(({ title: name, value }) => shown(`${readable(name)}: ${readable(value)}`))
    default:
      return String(type).startsWith('Action.') ? shown(title) : []
  }
}

/** An escape, the ends of bold text, or a link. */
const MARKUP = /\\([^A-Za-z0-9\s])|\*\*|\[((?:\\.|[^\]\\])*)\]\([^)\s]*\)/g

/** Markdown without the markup that the library itself writes, and without what nobody sees. */
function readable(markdown: unknown): string {
  if (typeof markdown !== 'string') return ''
  return markdown
    .replace(MARKUP, (_markup, escaped?: string, link?: string) => escaped ?? readable(link))
    .replaceAll('\u200b', '')
}

function shown(text: unknown): readonly string[] {
  return typeof text === 'string' && text.trim() !== '' ? [text.replaceAll('\u200b', '')] : []
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function objects(value: unknown): readonly JsonObject[] {
  return list(value).filter(isObject)
}
