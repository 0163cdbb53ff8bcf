import type { Call } from './fake.ts'
import { isObject, type JsonObject, mediaType, parseJson } from './values.ts'

/** The arguments of a Web API call: of its query, and of a form or a JSON object in its body. */
export type SlackArguments =
  | { readonly ok: true; readonly args: JsonObject; readonly warning?: 'missing_charset' }
  | { readonly ok: false; readonly error: string }

/** Reads them as docs.slack.dev/apis/web-api says: a JSON body needs its content type, and should name its charset. */
export function readArguments(call: Call): SlackArguments {
  const query = Object.fromEntries(call.url.searchParams)
  if (call.method !== 'POST' || call.text === '') return { ok: true, args: query }
  const type = mediaType(call.headers)
  if (type === undefined) return { ok: false, error: 'missing_post_type' }
  if (type === 'application/x-www-form-urlencoded') {
    return { ok: true, args: { ...query, ...Object.fromEntries(new URLSearchParams(call.text)) } }
  }
  if (type !== 'application/json') return { ok: false, error: 'invalid_post_type' }
  const body = parseJson(call.text)
  if (body === undefined) return { ok: false, error: 'invalid_json' }
  if (!isObject(body)) return { ok: false, error: 'json_not_object' }
  const charset = /;\s*charset=/i.test(call.headers.get('content-type') ?? '')
  return { ok: true, args: { ...query, ...body }, ...(charset ? {} : { warning: 'missing_charset' }) }
}

export type SlackContent =
  | { readonly ok: true; readonly text: string; readonly blocks: readonly unknown[] }
  | { readonly ok: false; readonly error: string }

/** `text` and `blocks` of a message; a form carries blocks as JSON text. */
export function readContent({ text, blocks, attachments }: JsonObject): SlackContent {
  const list = typeof blocks === 'string' ? (parseJson(blocks) ?? null) : blocks
  if (list !== undefined && !Array.isArray(list)) return { ok: false, error: 'invalid_blocks_format' }
  const words = typeof text === 'string' ? text : ''
  const attached = Array.isArray(attachments) && attachments.length > 0
  if (words === '' && (list === undefined || list.length === 0) && !attached) return { ok: false, error: 'no_text' }
  if (words.length > MAX_TEXT_LENGTH) return { ok: false, error: 'msg_too_long' }
  return { ok: true, text: words, blocks: list ?? [] }
}

/** docs.slack.dev/reference/methods/chat.postMessage, "Truncating content". */
const MAX_TEXT_LENGTH = 40_000
