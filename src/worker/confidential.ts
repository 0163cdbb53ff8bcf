import type { Transport } from '../contracts/transport.ts'

/** Shorter parts of a secret URL are words of its service, `services` or `v10`. */
const MIN_PART_LENGTH = 9

/**
 * What of a connection must not appear in anything that is recorded: its signing secrets, and the values of its secret
 * fields, with the parts in which endpoints repeat them: the path, segments and query of a URL, the credentials of an
 * `Authorization` header without its scheme.
 */
export function confidentialOf(
  transport: Transport,
  config: Readonly<Record<string, unknown>>,
  signingSecrets: readonly string[],
): readonly string[] {
  const values = new Set(signingSecrets)
  for (const field of transport.fields) {
    if (field.secret) for (const value of texts(config[field.name])) for (const part of partsOf(value)) values.add(part)
  }
  return [...values]
}

function texts(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(texts) : []
}

function partsOf(value: string): string[] {
  return [value, ...urlParts(value), ...credentialParts(value)]
}

function urlParts(value: string): string[] {
  if (!/^https?:/i.test(value) || !URL.canParse(value)) return []
  const { pathname, search, searchParams, username, password } = new URL(value)
  const segments = [...pathname.split('/'), ...search.slice(1).split(/[&=]/), ...searchParams.values()]
  const parts = [...segments, ...segments.map(decoded), username, password]
  return [`${pathname}${search}`, pathname, ...parts].filter((part) => part.length >= MIN_PART_LENGTH)
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** `Bearer token`, `Basic base64(user:password)`. */
function credentialParts(value: string): string[] {
  const [, scheme, credentials] = /^([\w-]+) +(\S+)$/.exec(value) ?? []
  if (scheme === undefined || credentials === undefined) return []
  if (scheme.toLowerCase() !== 'basic') return [credentials]
  const pair = Buffer.from(credentials, 'base64').toString()
  return [credentials, pair, pair.slice(pair.indexOf(':') + 1)]
}
