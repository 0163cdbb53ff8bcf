import type { EventSummary } from '../../contracts/catalog.ts'
import { invalidInput } from '../../errors.ts'

/** Where events lead that name no URL of their own, unless the host says where its site is. */
const DOCUMENTATION = 'https://ghost.org/docs/webhooks/'

interface Change {
  readonly current?: unknown
  readonly previous?: unknown
}

/** Words for people: what happened to what; its excerpt, address or description; what changed; a link. */
export type Summarise = (label: string, change: Change) => EventSummary

/** @throws SignalboxError `invalid_input` when `siteUrl` is no absolute http or https URL. */
export function summarising(siteUrl: string | undefined): Summarise {
  const link = siteUrl === undefined ? DOCUMENTATION : linkOf(siteUrl)
  if (link === undefined) throw invalidInput('siteUrl', 'must be an absolute http or https URL')
  return (label, change) => {
    const [current, previous] = [fieldsOf(change.current), fieldsOf(change.previous)]
    const isGone = Object.keys(current).length === 0
    const subject = isGone ? previous : current
    const name = textOf(subject, ['title', 'name', 'email', 'slug', 'id'])
    const about = textOf(subject, ['custom_excerpt', 'excerpt', 'email', 'description'])
    const lines = [about === name ? '' : about, isGone ? '' : changesOf(current, previous)]
    return {
      title: name === '' ? label : `${label}: ${name}`,
      body: lines.filter((line) => line !== '').join('\n'),
      href: linkOf(subject.url) ?? link,
    }
  }
}

type Fields = Readonly<Record<string, unknown>>

function changesOf(current: Fields, previous: Fields): string {
  const changed = Object.keys(previous).filter((field) => field !== 'updated_at')
  if (changed.length !== 1 || changed[0] !== 'tags') return changed.length === 0 ? '' : `Changed: ${changed.join(', ')}`
  const [now, before] = [namesOf(current.tags), namesOf(previous.tags)]
  const attached = now.filter((name) => !before.includes(name))
  const detached = before.filter((name) => !now.includes(name))
  const line = (word: string, names: readonly string[]) => (names.length === 0 ? '' : `${word}: ${names.join(', ')}`)
  return [line('Attached', attached), line('Detached', detached)].filter((text) => text !== '').join('\n')
}

function namesOf(tags: unknown): readonly string[] {
  if (!Array.isArray(tags)) return []
  return tags.map((tag) => textOf(fieldsOf(tag), ['name', 'slug', 'id'])).filter((name) => name !== '')
}

/** The first of these fields that holds visible text. */
function textOf(fields: Fields, names: readonly string[]): string {
  for (const name of names) {
    const value = fields[name]
    if (typeof value === 'string' && value.trim() !== '') return value
  }
  return ''
}

function linkOf(value: unknown): string | undefined {
  return typeof value === 'string' && /^https?:\/\//i.test(value) && URL.canParse(value) ? value : undefined
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {}
}
