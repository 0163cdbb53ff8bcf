import { AssertionError } from 'node:assert/strict'
import { inspect } from 'node:util'
import type { TransportHarness } from '../transport-contract.ts'

/** Shorter texts are found in words that are no secrets. */
const MIN_SECRET_LENGTH = 6

/**
 * What must not be told: the token, the signing secrets, the harness's own list, and of the config the values of secret
 * fields and the query of every URL.
 */
export function secretsOf(
  harness: TransportHarness,
  config: unknown,
  signingSecrets: readonly string[],
): readonly string[] {
  const secrets = new Set([...signingSecrets, ...(harness.secrets ?? [])])
  if (harness.token !== undefined) secrets.add(harness.token)
  for (const { name, secret } of harness.transport.fields) {
    for (const text of textsIn(fieldOf(config, name))) {
      if (secret) for (const part of secretParts(text)) secrets.add(part)
      secrets.add(queryOf(text))
    }
  }
  return [...secrets].filter((text) => text.length >= MIN_SECRET_LENGTH)
}

export function fieldOf(config: unknown, name: string): unknown {
  return typeof config === 'object' && config !== null
    ? Object.entries(config).find(([key]) => key === name)?.[1]
    : undefined
}

export function textsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : []
}

/** Of a URL also its path, of `Bearer …` also what follows the word: either may be quoted alone. */
function secretParts(text: string): readonly string[] {
  if (URL.canParse(text) && /^https?:/i.test(text)) {
    const { pathname, search } = new URL(text)
    return [text, `${pathname}${search}`, pathname]
  }
  return [text, text.replace(/^(?:Bearer|Basic) +/i, '')]
}

function queryOf(text: string): string {
  return /^https?:/i.test(text) && URL.canParse(text) ? new URL(text).search.slice(1) : ''
}

/** Looks in all that could print `value`, whatever the case of the letters. */
export function checkDiscretion(value: unknown, secrets: readonly string[], what: string): void {
  const shown = typeof value === 'string' ? value : `${JSON.stringify(value)}\n${inspect(value, SHOW_ALL)}`
  const text = shown.toLowerCase()
  const found = secrets.findIndex((secret) => text.includes(secret.toLowerCase()))
  if (found === -1) return
  const secret = secrets[found] ?? ''
  // the whole would be printed by whoever runs the tests
  throw new AssertionError({ message: `${what} tells a secret, the one that begins with ${secret.slice(0, 4)}…` })
}

const SHOW_ALL = {
  depth: Number.POSITIVE_INFINITY,
  showHidden: true,
  maxArrayLength: null,
  maxStringLength: null,
  breakLength: Number.POSITIVE_INFINITY,
} as const
