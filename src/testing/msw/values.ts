import { randomBytes } from 'node:crypto'

/** JSON that arrived: an object, of which nothing is known yet. */
export type JsonObject = Readonly<Record<string, unknown>>

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The value of JSON text, or `undefined` where it is none (JSON itself has no `undefined`). */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export function stringOr<T>(value: unknown, otherwise: T): string | T {
  return typeof value === 'string' ? value : otherwise
}

/** Hex characters that no other fake has: a token of one is unknown to the next. */
export function randomHex(characters: number): string {
  return randomBytes(Math.ceil(characters / 2))
    .toString('hex')
    .slice(0, characters)
}

/** The form in a request's body; empty where the body is none. */
export function formOf(text: string): URLSearchParams {
  return new URLSearchParams(text)
}

/** The media type of a request, lower case, without parameters; `undefined` where it names none. */
export function mediaType(headers: Headers): string | undefined {
  return headers.get('content-type')?.split(';')[0]?.trim().toLowerCase()
}

/** The token of `Authorization: Bearer …`, or `undefined`. */
export function bearerToken(headers: Headers): string | undefined {
  return /^Bearer +(\S+)$/i.exec(headers.get('authorization') ?? '')?.[1]
}

/** Who calls a token endpoint: HTTP Basic, else `client_id` and `client_secret` of the form. */
export function clientCredentials(
  headers: Headers,
  form: URLSearchParams,
): { id: string | null; secret: string | null } {
  const basic = /^Basic +(\S+)$/i.exec(headers.get('authorization') ?? '')?.[1]
  if (basic === undefined) return { id: form.get('client_id'), secret: form.get('client_secret') }
  const [id = '', ...rest] = Buffer.from(basic, 'base64').toString('utf8').split(':')
  return { id: percentDecoded(id), secret: percentDecoded(rest.join(':')) }
}

/** RFC 6749, 2.3.1: both parts are form-encoded before they are joined. */
function percentDecoded(value: string): string {
  try {
    return decodeURIComponent(value.replaceAll('+', ' '))
  } catch {
    return value
  }
}
