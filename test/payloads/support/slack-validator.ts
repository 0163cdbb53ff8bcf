import { fileURLToPath } from 'node:url'
import type { KnownBlock } from '@slack/types'
import { Ajv } from 'ajv'
import { createGenerator, type Schema } from 'ts-json-schema-generator'
import type { SlackMessage } from '../../../src/payloads/slack.ts'

/** What Slack would refuse in a message; empty where it takes it. */
export type SlackValidator = (message: SlackMessage) => readonly string[]

/**
 * Judges by what others wrote: the schema of `@slack/types`, made strict (no unknown property) and with the limits that
 * its comments state. Making it takes about two seconds. What types can't say is checked by hand below.
 */
export function slackValidator(): SlackValidator {
  const types = fileURLToPath(new URL('../../../node_modules/@slack/types/dist/index.d.ts', import.meta.url))
  const schema = createGenerator({
    path: types,
    type: 'KnownBlock',
    skipTypeCheck: true,
    additionalProperties: false,
  }).createSchema('KnownBlock')
  const limits = Object.values(schema.definitions ?? {}).reduce((sum, one) => sum + (isSchema(one) ? limit(one) : 0), 0)
  if (limits < 40) throw new Error(`only ${limits} limits read from the comments of @slack/types: have they changed?`)
  const ajv = new Ajv({ allErrors: true, strict: false })
  const ofKind = new Map<string, ReturnType<typeof ajv.compile>>()
  ajv.addSchema({ definitions: schema.definitions }, 'slack')
  for (const [name, definition] of Object.entries(schema.definitions ?? {})) {
    const kind = isSchema(definition) ? definition.properties?.type : undefined
    if (!name.endsWith('Block') || !isSchema(kind) || typeof kind.const !== 'string') continue
    ofKind.set(kind.const, ajv.compile({ $ref: `slack#/definitions/${name}` }))
  }

  return ({ text, blocks }) => {
    const problems = byHand(text, blocks)
    blocks.forEach((block, index) => {
      const validate = ofKind.get(block.type)
      if (validate === undefined) problems.push(`blocks/${index}: no block is called ${block.type}`)
      else if (!validate(block)) problems.push(`blocks/${index}: ${ajv.errorsText(validate.errors)}`)
    })
    return problems
  }
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null
}

/** Writes the limits that the descriptions below `schema` state into it. Returns how many. */
function limit(schema: Schema): number {
  let found = 0
  for (const property of Object.values(schema.properties ?? {})) {
    if (!isSchema(property)) continue
    const said = (property.description ?? '').replace(/\s+/g, ' ')
    const max = /maximum length (?:for [^.]{0,60}? )?is ([\d,]+) characters/i.exec(said)?.[1]
    const min = /minimum length (?:for [^.]{0,60}? )?is (\d+)/i.exec(said)?.[1]
    const items = /maximum (?:of|number of items is) (\d+)/i.exec(said)?.[1]
    const lengths = {
      ...(max === undefined ? {} : { maxLength: Number(max.replace(',', '')) }),
      ...(min === undefined ? {} : { minLength: Number(min) }),
    }
    found += Object.keys(lengths).length
    if (property.type === 'string') Object.assign(property, lengths)
    else if (property.$ref !== undefined) property.properties = { text: lengths }
    else if (isSchema(property.items) && !Array.isArray(property.items)) property.items.properties = { text: lengths }
    if (items !== undefined && property.type === 'array') {
      property.maxItems = Number(items)
      found += 1
    }
  }
  return found
}

function byHand(text: string, blocks: readonly KnownBlock[]): string[] {
  const problems: string[] = []
  if (text.trim() === '') problems.push('text: empty')
  if (text.length > 4000) problems.push(`text: ${text.length} characters`)
  if (blocks.length === 0 || blocks.length > 50) problems.push(`blocks: ${blocks.length} of them`)
  const size = JSON.stringify(blocks).length
  if (size > 13_200) problems.push(`blocks: ${size} characters of JSON in all`)
  const ids = new Set<string>()
  blocks.forEach((block, index) => {
    const { block_id: id } = block
    if (id !== undefined && ids.has(id)) problems.push(`blocks/${index}: block_id ${id} twice`)
    if (id !== undefined) ids.add(id)
    if (block.type === 'section' && block.text === undefined && (block.fields ?? []).length === 0) {
      problems.push(`blocks/${index}: a section without text and fields`)
    }
    problems.push(...emptyParts(block, `blocks/${index}`))
  })
  return problems
}

/** Texts without anything in them, lists without elements, links that are not https. */
function emptyParts(value: unknown, path: string): string[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]: [string, unknown]) => {
    const here = `${path}/${key}`
    if (key === 'text' && typeof inner === 'string' && inner.trim() === '') return [`${here}: empty`]
    if (key === 'elements' && Array.isArray(inner) && inner.length === 0) return [`${here}: no elements`]
    if (key === 'url' && !/^https:\/\/[^\s"<>\\]+$/.test(String(inner))) return [`${here}: ${String(inner)}`]
    return emptyParts(inner, here)
  })
}

/**
 * What would notify somebody, link or format in Slack although none of it is markup that signalbox writes: an unescaped
 * `<`, `>` or `&` where Slack reads markup, markup in blocks beside the two marks of importance, elements that mention.
 */
export function liveMarkup({ text, blocks }: SlackMessage): string[] {
  return [...unescaped(text, 'text'), ...blocks.flatMap((block, index) => markupIn(block, `blocks/${index}`))]
}

const OURS = [':red_circle: *Urgent*', ':large_orange_circle: *Important*']

function markupIn(value: unknown, path: string): string[] {
  if (typeof value !== 'object' || value === null) return []
  const { type, text, emoji, verbatim } = value as {
    type?: unknown
    text?: unknown
    emoji?: unknown
    verbatim?: unknown
  }
  const found = Object.entries(value).flatMap(([key, inner]: [string, unknown]) => markupIn(inner, `${path}/${key}`))
  if (type === 'mrkdwn') {
    found.push(...unescaped(String(text), path))
    if (!OURS.includes(String(text))) found.push(`${path}: mrkdwn ${String(text)}`)
    if (verbatim !== true) found.push(`${path}: mrkdwn that Slack links names in`)
  }
  if (type === 'plain_text' && emoji !== false) found.push(`${path}: plain_text with shortcodes read`)
  if (['broadcast', 'user', 'usergroup', 'channel', 'team', 'emoji', 'markdown'].includes(String(type))) {
    found.push(`${path}: ${String(type)}`)
  }
  return found
}

function unescaped(text: string, path: string): string[] {
  return [...text.matchAll(/[<>]|&(?!(?:amp|lt|gt);)/g)].map(({ 0: sign, index }) => `${path}: ${sign} at ${index}`)
}
