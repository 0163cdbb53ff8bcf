import { isIP } from 'node:net'
import { SignalboxError } from '../errors.ts'
import type { EgressPolicy } from './policy.ts'

/** A URL that passed, in the parts that a request needs. */
export interface CheckedUrl {
  /** Scheme, host and port. */
  readonly origin: string
  /** Path and query. */
  readonly path: string
}

/**
 * Suffixes that mean something local, or nothing: RFC 6761, 6762, 7686, 8375, ICANN's `internal`, and those which ICANN
 * keeps out of the root because private networks use them.
 */
const LOCAL_SUFFIXES: ReadonlySet<string> = new Set([
  'localhost',
  'localdomain',
  'local',
  'internal',
  'intranet',
  'private',
  'lan',
  'corp',
  'home',
  'home.arpa',
  'onion',
])

const BACKSLASH = 0x5c
const MAX_URL_LENGTH = 8192

/** @throws SignalboxError `blocked_url` naming the rule; never the path or query of the URL. */
export function checkUrl(policy: EgressPolicy, text: string): CheckedUrl {
  if (typeof text !== 'string' || text === '') throw blocked('must be an absolute URL')
  if (text.length > MAX_URL_LENGTH) throw blocked(`must have at most ${MAX_URL_LENGTH} characters`)
  // The URL parser drops some of these, and reads others as slashes, without a word; other parsers do not.
  if (hasOddCharacter(text)) throw blocked('must not contain spaces, backslashes or control characters')
  if (!URL.canParse(text)) throw blocked('must be an absolute URL')
  const url = new URL(text)

  const plain = url.protocol === 'http:'
  if (!plain && url.protocol !== 'https:') throw blocked('must use https:')
  if (plain && !policy.allowsPlain) throw blocked('must use https:')
  if (url.username !== '' || url.password !== '') throw blocked('must not contain a user name or password')

  const host = url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname
  const target = { port: url.port === '' ? (plain ? 80 : 443) : Number(url.port), plain }
  if (target.port === 0) throw blocked('port 0 does not exist')
  const rule = isIP(host) === 0 ? nameRefusal(policy, host) : policy.refusal(host, target)
  if (rule !== undefined) throw blocked(rule)
  return { origin: url.origin, path: url.pathname + url.search }
}

function nameRefusal(policy: EgressPolicy, host: string): string | undefined {
  const name = (host.endsWith('.') ? host.slice(0, -1) : host).toLowerCase()
  if (policy.hosts.has(name)) return
  if (name.length > 253) return 'the host name is too long'
  const labels = name.split('.')
  if (labels.some((label) => label === '' || label.length > 63)) return 'the host name is not valid'
  const last = labels.at(-1) ?? ''
  if (LOCAL_SUFFIXES.has(last) || LOCAL_SUFFIXES.has(`${labels.at(-2)}.${last}`)) return 'the host name is a local one'
  if (labels.length === 1) return 'the host name must be fully qualified'
  return
}

function blocked(rule: string): SignalboxError {
  return new SignalboxError('blocked_url', `the URL is blocked: ${rule}`)
}

function hasOddCharacter(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code <= 0x20 || code === 0x7f || code === BACKSLASH) return true
  }
  return false
}
