import { badBody } from './errors.ts'

/**
 * What a verified body holds: JSON; of a form the JSON in its `payload` (as GitHub and Slack send it), else its fields.
 * Content types are not judged where the body is JSON: senders get them wrong.
 *
 * @throws ReceiveError `invalid_input`, status 400 or 415; never with anything of the body.
 */
export function parsePayload(body: Uint8Array, contentType: string | undefined): unknown {
  const media = contentType?.split(';')[0]?.trim().toLowerCase() ?? ''
  const text = decode(body)
  if (media === 'application/x-www-form-urlencoded' && text !== undefined) {
    const fields = new URLSearchParams(text)
    const payload = fields.get('payload')
    return payload === null ? Object.fromEntries(fields) : parseJson(payload, media)
  }
  return parseJson(text, media)
}

function decode(body: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch {
    return undefined
  }
}

function parseJson(text: string | undefined, media: string): unknown {
  try {
    if (text !== undefined) return JSON.parse(text)
  } catch {
    // Its message would quote the body.
  }
  const otherwise = media !== '' && !/[/+]json$/.test(media) && media !== 'application/x-www-form-urlencoded'
  throw otherwise ? badBody(415, 'must be JSON or a form') : badBody(400, 'must be valid JSON')
}
