import assert from 'node:assert/strict'
import type { Outcome } from '../../contracts/index.ts'
import { isOutcomeCode } from '../../delivery/reasons.ts'

const FIELDS: Readonly<Record<Outcome['kind'], readonly string[]>> = {
  delivered: ['kind', 'status', 'receipt', 'snippet', 'cooldownMs'],
  retry: ['kind', 'code', 'status', 'providerCode', 'detail', 'snippet', 'retryAfterMs', 'ambiguous'],
  rejected: ['kind', 'code', 'status', 'providerCode', 'detail', 'snippet'],
  reauthorize: ['kind', 'code', 'status', 'providerCode', 'detail', 'snippet'],
  gone: ['kind', 'code', 'status', 'providerCode', 'detail', 'snippet'],
}

/** The most that a port hands over of a body: a text that is longer was made by the transport. */
const MAX_TEXT_LENGTH = 4_194_304

/** An outcome is plain data of the documented shape: it is stored, and hosts switch on its literals. */
export function checkOutcome(outcome: Outcome): void {
  assert.ok(typeof outcome === 'object' && outcome !== null, `send answered ${String(outcome)}, which is no outcome`)
  const known = FIELDS[outcome.kind]
  assert.ok(known !== undefined, `"${outcome.kind}" is no kind of an outcome`)
  const { kind, ...rest } = outcome
  for (const [name, value] of Object.entries(rest)) {
    assert.ok(known.includes(name), `a ${kind} outcome has no field ${name}`)
    assert.ok(isValid(name, value), `the field ${name} of a ${kind} outcome is not what it should be: ${typeof value}`)
  }
  if (kind !== 'delivered') assert.ok('code' in outcome, `a ${kind} outcome needs a code`)
}

function isValid(name: string, value: unknown): boolean {
  switch (name) {
    case 'code':
      return isOutcomeCode(value)
    case 'status':
      return Number.isInteger(value) && Number(value) >= 100 && Number(value) <= 599
    case 'retryAfterMs':
    case 'cooldownMs':
      return typeof value === 'number' && Number.isFinite(value) && value >= 0
    case 'ambiguous':
      return typeof value === 'boolean'
    case 'receipt':
      return typeof value === 'object' && value !== null && Object.values(value).every(isText)
    default:
      return isText(value)
  }
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value.length <= MAX_TEXT_LENGTH
}

/** In words, for messages: `retry (http_5xx)`. */
export function told(outcome: Outcome): string {
  const { kind, status } = outcome
  const parts = [kind === 'delivered' ? '' : outcome.code, status === undefined ? '' : `HTTP ${status}`]
  const more = parts.filter((part) => part !== '').join(', ')
  return more === '' ? kind : `${kind} (${more})`
}
