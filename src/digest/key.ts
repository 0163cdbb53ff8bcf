import type { DigestKeys } from '../contracts/catalog.ts'
import type { StoredEvent } from '../contracts/event.ts'

const FIELDS: ReadonlySet<string> = new Set(['type', 'category', 'importance'])
const MAX_KEY_LENGTH = 256

/** Whether `key` names something that every event may have. */
export function isEventField(key: string): boolean {
  return FIELDS.has(key) || /^metadata(?:\.[^.\s]{1,128}){1,8}$/.test(key)
}

/**
 * The group of a digest that an event belongs to: the text of the field that `key` names, at most 256 characters; `''`
 * where there is none. A function of the catalog that throws gives `''`: an event is not lost for its group.
 */
export function digestKeyOf(key: string | undefined, event: StoredEvent, computed: DigestKeys | undefined): string {
  if (key === undefined || key === '') return ''
  const own = computed !== undefined && Object.hasOwn(computed, key) ? computed[key] : undefined
  return asKey(own === undefined ? fieldOf(event, key) : attempt(() => own(event)))
}

function fieldOf(event: StoredEvent, key: string): unknown {
  const [head = '', ...path] = key.split('.')
  if (head !== 'metadata') return FIELDS.has(key) ? event[key as 'type' | 'category' | 'importance'] : undefined
  let value: unknown = event.metadata
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined
    value = (value as Record<string, unknown>)[part]
  }
  return value
}

function asKey(value: unknown): string {
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') return ''
  // half a character at the cut is left out
  return String(value)
    .slice(0, MAX_KEY_LENGTH)
    .replace(/[\uD800-\uDBFF]$/, '')
    .toWellFormed()
    .replaceAll('\0', '')
}

function attempt(call: () => unknown): unknown {
  try {
    return call()
  } catch {
    return undefined
  }
}
