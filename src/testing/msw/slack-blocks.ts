import { isObject, type JsonObject } from './values.ts'

/**
 * The checks of Block Kit that matter to messages, with the limits of docs.slack.dev/reference/block-kit and the words
 * in which Slack reports them. Lengths are counted in UTF-16 units, the strictest reading.
 */

/** Beyond this many characters of blocks Slack answers `msg_blocks_too_long`; undocumented, measured (bolt-js issue 2509). */
export const MAX_BLOCKS_LENGTH = 13_200

/** Answers what Slack would put into `errors`; empty: the blocks are valid. */
export function checkBlocks(blocks: readonly unknown[]): readonly string[] {
  const problems: string[] = []
  const report: Report = (rule, pointer) => problems.push(`${rule} [json-pointer:${pointer}]`)
  if (blocks.length > 50) report('no more than 50 items allowed', '/blocks')
  const blockIds = new Set<string>()
  const actionIds = new Set<string>()
  for (const [i, block] of blocks.entries()) {
    const at = `/blocks/${i}`
    if (!isObject(block)) {
      report('must be an object', at)
      continue
    }
    const check = typeof block.type === 'string' ? BLOCKS[block.type] : undefined
    if (block.type === undefined) report('missing required field: type', at)
    else if (check === undefined) report(`unsupported type: ${String(block.type)}`, `${at}/type`)
    else check(block, at, { report, actionIds })
    unique(block.block_id, 'block_id', blockIds, `${at}/block_id`, report)
  }
  return problems
}

type Report = (rule: string, pointer: string) => void

interface Context {
  readonly report: Report
  readonly actionIds: Set<string>
}

type Check = (value: JsonObject, at: string, context: Context) => void

const anything: Check = () => {}

const button: Check = (value, at, { report, actionIds }) => {
  known(value, ['type', 'text', 'action_id', 'url', 'value', 'style', 'confirm', 'accessibility_label'], at, report)
  text(value, 'text', at, { types: ['plain_text'], max: 75 }, report)
  unique(value.action_id, 'action_id', actionIds, `${at}/action_id`, report)
  if (value.url !== undefined) url(value.url, `${at}/url`, report)
  optional(value.value, 2000, `${at}/value`, report)
  optional(value.accessibility_label, 75, `${at}/accessibility_label`, report)
  if (value.style !== undefined && value.style !== 'primary' && value.style !== 'danger') {
    report('must be a valid enum value', `${at}/style`)
  }
}

const image: Check = (value, at, { report }) => {
  known(value, ['type', 'block_id', 'image_url', 'slack_file', 'alt_text', 'title'], at, report)
  if (value.slack_file === undefined) url(value.image_url, `${at}/image_url`, report)
  required(value.alt_text, 2000, `${at}/alt_text`, 'alt_text', at, report)
  if (value.title !== undefined) text(value, 'title', at, { types: ['plain_text'], max: 2000 }, report)
}

/** Elements that carry no text of ours are taken as they are. */
const ELEMENTS: Readonly<Record<string, Check>> = {
  button,
  image,
  overflow: anything,
  datepicker: anything,
  datetimepicker: anything,
  timepicker: anything,
  checkboxes: anything,
  radio_buttons: anything,
  static_select: anything,
  external_select: anything,
  users_select: anything,
  conversations_select: anything,
  channels_select: anything,
  multi_static_select: anything,
  multi_external_select: anything,
  multi_users_select: anything,
  multi_conversations_select: anything,
  multi_channels_select: anything,
  workflow_button: anything,
}

const BLOCKS: Readonly<Record<string, Check>> = {
  header(block, at, { report }) {
    known(block, ['type', 'block_id', 'text', 'level'], at, report)
    text(block, 'text', at, { types: ['plain_text'], max: 150 }, report)
  },
  section(block, at, context) {
    const { report } = context
    known(block, ['type', 'block_id', 'text', 'fields', 'accessory', 'expand'], at, report)
    if (block.text === undefined && block.fields === undefined) report('missing required field: text', at)
    if (block.text !== undefined) text(block, 'text', at, { types: ANY_TEXT, max: 3000 }, report)
    if (block.fields !== undefined) {
      for (const [item, pointer] of items(block.fields, 10, `${at}/fields`, report)) {
        textObject(item, pointer, { types: ANY_TEXT, max: 2000 }, report)
      }
    }
    if (block.accessory !== undefined) element(block.accessory, `${at}/accessory`, context)
  },
  divider(block, at, { report }) {
    known(block, ['type', 'block_id'], at, report)
  },
  context(block, at, context) {
    known(block, ['type', 'block_id', 'elements'], at, context.report)
    for (const [item, pointer] of items(block.elements, 10, `${at}/elements`, context.report)) {
      if (isObject(item) && item.type === 'image') image(item, pointer, context)
      else textObject(item, pointer, { types: ANY_TEXT, max: 3000 }, context.report)
    }
  },
  actions(block, at, context) {
    known(block, ['type', 'block_id', 'elements'], at, context.report)
    for (const [item, pointer] of items(block.elements, 25, `${at}/elements`, context.report)) {
      element(item, pointer, context)
    }
  },
  image,
  markdown(block, at, { report }) {
    required(block.text, 12_000, `${at}/text`, 'text', at, report)
  },
  rich_text(block, at, { report }) {
    if (!Array.isArray(block.elements)) report('missing required field: elements', at)
  },
  video: anything,
  file: anything,
  input: anything,
  table: anything,
}

const ANY_TEXT = ['plain_text', 'mrkdwn'] as const

function element(value: unknown, at: string, context: Context): void {
  if (!isObject(value)) {
    context.report('must be an object', at)
    return
  }
  const check = typeof value.type === 'string' ? ELEMENTS[value.type] : undefined
  if (check === undefined) context.report(`unsupported type: ${String(value.type)}`, `${at}/type`)
  else check(value, at, context)
}

interface TextRule {
  readonly types: readonly ('plain_text' | 'mrkdwn')[]
  readonly max: number
}

function text(owner: JsonObject, name: string, at: string, rule: TextRule, report: Report): void {
  if (owner[name] === undefined) report(`missing required field: ${name}`, at)
  else textObject(owner[name], `${at}/${name}`, rule, report)
}

function textObject(value: unknown, at: string, { types, max }: TextRule, report: Report): void {
  if (!isObject(value)) {
    report('must be an object', at)
    return
  }
  if (!types.some((type) => type === value.type)) report('must be a valid enum value', `${at}/type`)
  known(value, value.type === 'mrkdwn' ? ['type', 'text', 'verbatim'] : ['type', 'text', 'emoji'], at, report)
  required(value.text, max, `${at}/text`, 'text', at, report)
}

function required(value: unknown, max: number, at: string, name: string, owner: string, report: Report): void {
  if (value === undefined) report(`missing required field: ${name}`, owner)
  else if (value === '') report('must be more than 0 characters', at)
  else optional(value, max, at, report)
}

function optional(value: unknown, max: number, at: string, report: Report): void {
  if (value === undefined) return
  if (typeof value !== 'string') report('must be a string', at)
  else if (value.length > max) report(`must be less than ${max + 1} characters`, at)
}

function url(value: unknown, at: string, report: Report): void {
  optional(value, 3000, at, report)
  if (typeof value !== 'string' || !/^[a-z][a-z0-9+.-]*:\/?\/?\S+$/i.test(value)) report('invalid url', at)
}

function items(value: unknown, max: number, at: string, report: Report): readonly (readonly [unknown, string])[] {
  if (!Array.isArray(value)) {
    report('must be an array', at)
    return []
  }
  if (value.length === 0) report('no less than 1 items allowed', at)
  if (value.length > max) report(`no more than ${max} items allowed`, at)
  return value.map((item: unknown, i) => [item, `${at}/${i}`] as const)
}

function known(value: JsonObject, names: readonly string[], at: string, report: Report): void {
  for (const name of Object.keys(value)) {
    if (!names.includes(name)) report(`invalid additional property: ${name}`, at)
  }
}

function unique(value: unknown, name: string, seen: Set<string>, at: string, report: Report): void {
  if (value === undefined) return
  optional(value, 255, at, report)
  if (typeof value !== 'string') return
  if (seen.has(value)) report(`\`${name}\` "${value}" already exists for another ${name.replace('_id', '')}`, at)
  seen.add(value)
}
