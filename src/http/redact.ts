import { codePointEnd } from './response-text.ts'

const REDACTED = '[redacted]'

/** Shorter ones would blot out words that are no secrets. */
const MIN_SECRET_LENGTH = 4

/** How much shorter than a secret its shortest form is at most. */
const SHORTER = 4

const SLASH = String.raw`(?:\\?\/|%2F)`
const REST = String.raw`[^\s"'<>\\]`

/**
 * Shapes of secrets that are known without knowing the secret. Each starts with a literal and cannot fail after having
 * read far, so that a pass is linear in the text.
 */
const SHAPES: RegExp = new RegExp(
  [
    // Standard Webhooks: symmetric secrets and private keys.
    String.raw`wh(?:sec|sk)_[\w+/=-]+`,
    // Slack: bot, user, app-level, refresh and configuration tokens.
    String.raw`(?:xox[a-z](?:\.xox[a-z])?|xapp)-[\w-]+`,
    String.raw`(?<=\b(?:Bearer|Basic)[ \t]{1,8})[\w.~+/=-]+`,
    // JSON Web Tokens: what Microsoft's access tokens look like.
    String.raw`\beyJ[\w-]{8,}[\w.-]*`,
    String.raw`(?<=hooks\.slack\.com${SLASH}(?:services|workflows|triggers)${SLASH})(?:${REST}|\\\/)+`,
    String.raw`(?<=discord(?:app)?\.com${SLASH}api${SLASH}(?:v\d{1,3}${SLASH})?webhooks${SLASH})(?:${REST}|\\\/)+`,
    String.raw`(?<=\.webhook\.office\.com${SLASH})(?:${REST}|\\\/)+`,
    // The signature in URLs of Teams Workflows.
    String.raw`(?<=(?:\b|\\u0026|%26)sig(?:=|%3D))[^&\s"'<>\\]+`,
    String.raw`(?<="(?:access_token|refresh_token|client_secret)"[ \t]{0,8}:[ \t]{0,8}")[^"\\]+`,
    String.raw`(?<=\b(?:access_token|refresh_token|client_secret)=)[^&\s"'<>\\]+`,
  ].join('|'),
  'gi',
)

/**
 * Takes secrets out of text that is stored or shown: those given, also as JSON, URL-encoded and base64 (as they are and
 * as either side of Basic credentials), and what has a well-known shape. Linear in the text, for each secret.
 */
export function redact(text: string, secrets: readonly string[]): string {
  return redactor(secrets)(text)
}

/** {@link redact} for many texts: the forms of the secrets are made once, when a text is first long enough for one. */
export function redactor(secrets: readonly string[]): (text: string) => string {
  const shortest = Math.min(...secrets.map((secret) => secret.length)) - SHORTER
  let forms: readonly string[] | undefined
  let last: { readonly text: string; readonly result: string } | undefined

  function redacted(text: string): string {
    let result = text
    if (text.length >= shortest) {
      forms ??= formsOf(secrets)
      for (const form of forms) if (form.length <= text.length) result = result.replaceAll(form, REDACTED)
      if (text.length >= MAYBE_CUT_LENGTH) result = withoutCutSecret(result, forms)
    }
    return result.replace(SHAPES, REDACTED)
  }

  return (text) => {
    if (text.length > MAX_REMEMBERED_LENGTH) return redacted(text)
    if (text !== last?.text) last = { text, result: redacted(text) }
    return last.result
  }
}

/** Endpoints give the same short answer again and again. */
const MAX_REMEMBERED_LENGTH = 200

/** Texts of this length and more may have been cut by whoever read them: through the middle of a secret. */
const MAYBE_CUT_LENGTH = 500

/** Takes the beginning of a secret, of at least four characters, off the end. */
function withoutCutSecret(text: string, forms: readonly string[]): string {
  let end = text.length
  for (const form of forms) {
    for (let length = Math.min(form.length - 1, text.length); length >= MIN_SECRET_LENGTH; length--) {
      if (!text.endsWith(form.slice(0, length))) continue
      end = Math.min(end, text.length - length)
      break
    }
  }
  return end === text.length ? text : `${text.slice(0, end)}${REDACTED}`
}

/** Longest first: a secret may be part of another. */
function formsOf(secrets: readonly string[]): readonly string[] {
  const forms = new Set<string>()
  for (const secret of secrets) {
    if (secret.length < MIN_SECRET_LENGTH) continue
    const wellFormed = secret.toWellFormed()
    const json = JSON.stringify(secret).slice(1, -1)
    const base64 = Buffer.from(secret).toString('base64')
    forms.add(secret)
    forms.add(json)
    forms.add(json.replaceAll('/', '\\/'))
    forms.add(encodeURIComponent(wellFormed))
    forms.add(encodeURI(wellFormed))
    forms.add(base64)
    forms.add(base64.replace(/=+$/, ''))
    forms.add(base64.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, ''))
    for (const part of basicForms(secret)) forms.add(part)
  }
  return [...forms].filter((form) => form.length >= MIN_SECRET_LENGTH).sort((a, b) => b.length - a.length)
}

/**
 * What base64 makes of the secret inside of a longer text, `user:secret`, where it may begin at any of three offsets:
 * the characters that depend on the secret alone.
 */
function basicForms(secret: string): readonly string[] {
  const bytes = Buffer.from(secret)
  if (bytes.length < 8) return []
  return [0, 1, 2].map((offset) => {
    const whole = Buffer.concat([Buffer.alloc(offset), bytes])
    const usable = whole.subarray(offset === 0 ? 0 : 3, whole.length - (whole.length % 3))
    return usable.toString('base64')
  })
}

/** What a snippet of a response may take, in bytes of UTF-8. */
const MAX_SNIPPET_BYTES = 2_048

/** The beginning of a text, at most 2 KiB of UTF-8, cut between code points; lone surrogates become U+FFFD. */
export function truncateSnippet(text: string): string {
  // No character of UTF-16 takes more than three bytes …
  if (text.length * 3 <= MAX_SNIPPET_BYTES) return text.toWellFormed()
  // … or less than one.
  const bytes = Buffer.from(text.slice(0, MAX_SNIPPET_BYTES + 1))
  if (bytes.length <= MAX_SNIPPET_BYTES) return bytes.toString()
  return bytes.toString('utf8', 0, codePointEnd(bytes.subarray(0, MAX_SNIPPET_BYTES), MAX_SNIPPET_BYTES))
}

const SHOWN_PATH_LENGTH = 12

/**
 * A URL as settings pages show it: origin and the first 12 characters of the path, then `…`; never the query, never
 * more of a path that may be a secret. `originOnly` where all of the path is one.
 */
export function truncatedUrl(url: string, options: { readonly originOnly?: boolean } = {}): string {
  if (!URL.canParse(url)) return '…'
  const { origin, protocol, host, pathname, search } = new URL(url)
  const start = origin === 'null' ? `${protocol}//${host}` : origin
  const isRoot = pathname === '/' || pathname === ''
  if (options.originOnly === true) return isRoot && search === '' ? start : `${start}/…`
  const isWhole = pathname.length <= SHOWN_PATH_LENGTH && search === ''
  return `${start}${pathname.slice(0, SHOWN_PATH_LENGTH)}${isWhole ? '' : '…'}`
}
