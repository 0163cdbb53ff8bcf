import { isObject, type JsonObject } from './values.ts'

/**
 * The checks of an Adaptive Card for Teams: what the schema of 1.5 requires, and what Teams leaves out
 * (learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/cards-reference). Whether a card is valid in
 * every detail is the business of a full validator.
 */

/** Answers what is wrong, each with its place; empty: nothing. */
export function checkCard(card: unknown): readonly string[] {
  const problems: string[] = []
  const report: Report = (rule, at) => problems.push(`${rule} [${at}]`)
  if (!isObject(card)) return ['must be an object [card]']
  if (card.type !== 'AdaptiveCard') report("must be 'AdaptiveCard'", 'type')
  const version = typeof card.version === 'string' ? /^1\.([0-9])$/.exec(card.version)?.[1] : undefined
  if (version === undefined || Number(version) > 5) report('must be from 1.0 to 1.5', 'version')
  list(card.body, 'body', report, element)
  list(card.actions, 'actions', report, action)
  if (card.body === undefined && card.actions === undefined) report('a card needs a body', 'body')
  return problems
}

type Report = (rule: string, at: string) => void
type Check = (value: JsonObject, at: string, report: Report) => void

const ELEMENTS: Readonly<Record<string, Check>> = {
  TextBlock: (value, at, report) => string(value.text, `${at}.text`, report),
  RichTextBlock(value, at, report) {
    list(value.inlines, `${at}.inlines`, report, inline, true)
  },
  FactSet(value, at, report) {
    list(
      value.facts,
      `${at}.facts`,
      report,
      (fact, where) => {
        string(isObject(fact) ? fact.title : undefined, `${where}.title`, report)
        string(isObject(fact) ? fact.value : undefined, `${where}.value`, report)
      },
      true,
    )
  },
  Image: (value, at, report) => url(value.url, `${at}.url`, report),
  ImageSet: (value, at, report) => list(value.images, `${at}.images`, report, element, true),
  Container: (value, at, report) => list(value.items, `${at}.items`, report, element, true),
  ColumnSet: (value, at, report) => list(value.columns, `${at}.columns`, report, column),
  ActionSet: (value, at, report) => list(value.actions, `${at}.actions`, report, action, true),
  Input: (value, at, report) => string(value.id, `${at}.id`, report),
  Table: (value, at, report) => list(value.rows, `${at}.rows`, report, () => {}),
}

const ACTIONS = ['Action.OpenUrl', 'Action.Submit', 'Action.Execute', 'Action.ShowCard', 'Action.ToggleVisibility']

function element(value: unknown, at: string, report: Report): void {
  if (!isObject(value)) {
    report('must be an object', at)
    return
  }
  const type = String(value.type)
  const check = type.startsWith('Input.') ? ELEMENTS.Input : ELEMENTS[type]
  if (check === undefined) report(`Teams shows no element '${type}'`, `${at}.type`)
  else check(value, at, report)
  if (value.selectAction !== undefined) action(value.selectAction, `${at}.selectAction`, report)
}

function column(value: unknown, at: string, report: Report): void {
  if (!isObject(value)) report('must be an object', at)
  else list(value.items, `${at}.items`, report, element)
}

function inline(value: unknown, at: string, report: Report): void {
  if (typeof value === 'string') return
  if (!isObject(value)) {
    report('must be a string or an object', at)
    return
  }
  if (value.type !== 'TextRun') report("must be 'TextRun'", `${at}.type`)
  string(value.text, `${at}.text`, report)
  if (value.selectAction !== undefined) action(value.selectAction, `${at}.selectAction`, report)
}

function action(value: unknown, at: string, report: Report): void {
  if (!isObject(value)) {
    report('must be an object', at)
    return
  }
  if (!ACTIONS.includes(String(value.type))) report(`Teams knows no action '${String(value.type)}'`, `${at}.type`)
  if (value.type === 'Action.OpenUrl') url(value.url, `${at}.url`, report)
}

function list(
  value: unknown,
  at: string,
  report: Report,
  check: (item: unknown, at: string, report: Report) => void,
  required = false,
): void {
  if (value === undefined && !required) return
  if (!Array.isArray(value)) {
    report('must be an array', at)
    return
  }
  for (const [i, item] of value.entries()) check(item, `${at}[${i}]`, report)
}

function string(value: unknown, at: string, report: Report): void {
  if (typeof value !== 'string') report('must be a string', at)
}

function url(value: unknown, at: string, report: Report): void {
  if (typeof value !== 'string' || !/^https?:\/\/\S+$/i.test(value)) report('must be an http or https URL', at)
}
