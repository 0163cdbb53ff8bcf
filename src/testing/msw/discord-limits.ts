import { isObject, type JsonObject } from './values.ts'

/**
 * The limits of a message (discord.com/developers/docs/resources/message, "Embed limits"), in the words in which Discord
 * reports them. Lengths are counted in UTF-16 units, the strictest reading.
 */

/** One rule that a field breaks. */
interface FieldError {
  readonly code: string
  readonly message: string
}

/** Discord's `errors`: the body's own tree, with `_errors` at each place that breaks a rule. */
export interface ErrorTree {
  readonly [name: string]: ErrorTree | readonly FieldError[]
}

/** Answers the tree, or `undefined` where nothing is wrong. */
export function checkDiscordMessage(body: JsonObject): ErrorTree | undefined {
  const found: [path: string, error: FieldError][] = []
  const report: Report = (path, code, message) => found.push([path, { code, message }])
  text(body.content, 2000, 'content', report)
  text(body.username, 80, 'username', report)
  if (typeof body.username === 'string') {
    if (body.username.trim() === '') report('username', 'BASE_TYPE_BAD_LENGTH', 'Must be between 1 and 80 in length.')
    if (/clyde|discord/i.test(body.username)) {
      report('username', 'USERNAME_INVALID_CONTAINS', 'Username cannot contain "clyde" or "discord"')
    }
  }
  if (body.embeds !== undefined && body.embeds !== null) embeds(body.embeds, report)
  if (body.allowed_mentions !== undefined && !isObject(body.allowed_mentions)) {
    report('allowed_mentions', 'DICT_TYPE_CONVERT', 'Only dictionaries may be used in a DictType')
  }
  return found.length === 0 ? undefined : treeOf(found)
}

type Report = (path: string, code: string, message: string) => void

function embeds(value: unknown, report: Report): void {
  if (!Array.isArray(value)) {
    report('embeds', 'LIST_TYPE_CONVERT', 'Only iterables may be used in a ListType')
    return
  }
  if (value.length > 10) report('embeds', 'BASE_TYPE_MAX_LENGTH', 'Must be 10 or fewer in length.')
  let total = 0
  for (const [i, embed] of value.entries()) {
    const at = `embeds.${i}`
    if (!isObject(embed)) report(at, 'MODEL_TYPE_CONVERT', 'Only dictionaries may be used in a ModelType')
    else total += oneEmbed(embed, at, report)
  }
  if (total > 6000) report('embeds', 'MAX_EMBED_SIZE_EXCEEDED', 'Embed size exceeds maximum size of 6000')
}

/** Answers how many characters count towards the limit over all embeds. */
function oneEmbed(embed: JsonObject, at: string, report: Report): number {
  let total = text(embed.title, 256, `${at}.title`, report) + text(embed.description, 4096, `${at}.description`, report)
  url(embed.url, `${at}.url`, report)
  if (embed.timestamp !== undefined && Number.isNaN(Date.parse(String(embed.timestamp)))) {
    report(`${at}.timestamp`, 'DATE_TIME_TYPE_PARSE', `Could not parse ${String(embed.timestamp)}. Should be ISO8601.`)
  }
  if (embed.color !== undefined && !(Number.isInteger(embed.color) && Number(embed.color) <= 0xffffff)) {
    report(`${at}.color`, 'NUMBER_TYPE_MAX', 'int value should be less than or equal to 16777215.')
  }
  if (isObject(embed.footer)) total += requiredText(embed.footer.text, 2048, `${at}.footer.text`, report)
  if (isObject(embed.author)) {
    total += requiredText(embed.author.name, 256, `${at}.author.name`, report)
    url(embed.author.url, `${at}.author.url`, report)
  }
  for (const name of ['image', 'thumbnail']) {
    const media = embed[name]
    if (isObject(media)) url(media.url, `${at}.${name}.url`, report)
  }
  if (Array.isArray(embed.fields)) {
    if (embed.fields.length > 25) report(`${at}.fields`, 'BASE_TYPE_MAX_LENGTH', 'Must be 25 or fewer in length.')
    for (const [i, field] of embed.fields.entries()) {
      const { name, value } = isObject(field) ? field : { name: undefined, value: undefined }
      total += requiredText(name, 256, `${at}.fields.${i}.name`, report)
      total += requiredText(value, 1024, `${at}.fields.${i}.value`, report)
    }
  }
  return total
}

function text(value: unknown, max: number, at: string, report: Report): number {
  if (value === undefined || value === null) return 0
  if (typeof value !== 'string') {
    report(at, 'STRING_TYPE_CONVERT', `Could not interpret "${String(value)}" as string.`)
    return 0
  }
  if (value.length > max) report(at, 'BASE_TYPE_MAX_LENGTH', `Must be ${max} or fewer in length.`)
  return value.trim().length
}

function requiredText(value: unknown, max: number, at: string, report: Report): number {
  if (value === undefined || value === null || (typeof value === 'string' && value.trim() === '')) {
    report(at, 'BASE_TYPE_REQUIRED', 'This field is required')
    return 0
  }
  return text(value, max, at, report)
}

function url(value: unknown, at: string, report: Report): void {
  if (value === undefined || value === null) return
  if (typeof value !== 'string' || !URL.canParse(value)) report(at, 'URL_TYPE_INVALID_URL', 'Not a well formed URL.')
  else if (!/^https?:/i.test(value)) {
    report(at, 'URL_TYPE_INVALID_SCHEME', "Scheme is not supported. Scheme must be one of ('http', 'https').")
  } else if (value.length > 2048) report(at, 'BASE_TYPE_MAX_LENGTH', 'Must be 2048 or fewer in length.')
}

interface Branch {
  readonly below: Map<string, Branch>
  readonly errors: FieldError[]
}

function treeOf(found: readonly (readonly [path: string, error: FieldError])[]): ErrorTree {
  const root: Branch = { below: new Map(), errors: [] }
  for (const [path, error] of found) {
    let branch = root
    for (const name of path.split('.')) {
      const next = branch.below.get(name) ?? { below: new Map(), errors: [] }
      branch.below.set(name, next)
      branch = next
    }
    branch.errors.push(error)
  }
  return plain(root)
}

function plain({ below, errors }: Branch): ErrorTree {
  const children = [...below].map(([name, branch]) => [name, plain(branch)] as const)
  return { ...(errors.length === 0 ? {} : { _errors: errors }), ...Object.fromEntries(children) }
}
