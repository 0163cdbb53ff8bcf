import { invalidInput } from '../errors.ts'

/** The client as it was registered at the provider. */
export interface OAuthClientOptions {
  readonly clientId: string
  /** Sent to the token endpoint only; in no URL, error or outcome. */
  readonly clientSecret: string
  /** Where the provider sends the browser back: absolute, without fragment, exactly as it was registered. */
  readonly redirectUri: string
}

/** RFC 6749, appendix A: what client ids, secrets and codes consist of. */
const VISIBLE = /^[\x20-\x7e]+$/
/** RFC 6749, section 3.3, without the comma, which separates Slack's. */
const SCOPE = /^[\x21\x23-\x2b\x2d-\x5b\x5d-\x7e]{1,256}$/
const MAX_LENGTH = 1024

/** @throws SignalboxError `invalid_input` naming the option, never its value. */
export function checkClient(options: OAuthClientOptions): void {
  for (const field of ['clientId', 'clientSecret'] as const) {
    const value: unknown = options[field]
    if (typeof value !== 'string' || value.length > MAX_LENGTH || !VISIBLE.test(value)) {
      throw invalidInput(field, `must be 1 to ${MAX_LENGTH} characters of printable ASCII`)
    }
  }
  // In HTTP Basic the first colon ends the name (RFC 7617, section 2).
  if (options.clientId.includes(':')) throw invalidInput('clientId', 'must not contain a colon')
  checkUrl(options.redirectUri, 'redirectUri')
}

/** An absolute http or https URL, without fragment (RFC 6749, sections 3.1, 3.1.2 and 3.2) and credentials. */
export function checkUrl(value: unknown, field: string): string {
  if (typeof value === 'string' && /^https?:\/\//i.test(value) && !value.includes('#') && URL.canParse(value)) {
    const { username, password } = new URL(value)
    if (username === '' && password === '') return value
  }
  throw invalidInput(field, 'must be an absolute http or https URL, without fragment and credentials')
}

/** What paths are appended to: no query, and no slash at its end. */
export function checkBaseUrl(value: unknown, field: string): string {
  const url = checkUrl(value, field)
  if (url.includes('?')) throw invalidInput(field, 'must not have a query')
  return url.replace(/\/+$/, '')
}

export function checkScopes(value: unknown, field = 'scopes'): readonly string[] {
  if (!Array.isArray(value) || value.length === 0) throw invalidInput(field, 'must be a list of at least one scope')
  value.forEach((scope: unknown, i) => {
    if (typeof scope !== 'string' || !SCOPE.test(scope)) {
      throw invalidInput(`${field}[${i}]`, 'must be one scope: no spaces, commas, quotes or backslashes')
    }
  })
  return [...new Set<string>(value)]
}

/** The code of a redirect, or another value of that kind, as it came from a browser. */
export function checkParameter(value: unknown, field: string, maxLength = 8192): string {
  if (typeof value === 'string' && value.length <= maxLength && VISIBLE.test(value)) return value
  throw invalidInput(field, `must be 1 to ${maxLength} characters of printable ASCII`)
}
