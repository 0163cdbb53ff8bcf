/** The JSON that a transport built as text: the payload itself (chat), or its `body` (webhooks). Else `undefined`. */
export function payloadJson(payload: unknown): unknown {
  const body = typeof payload === 'object' && payload !== null && 'body' in payload ? payload.body : payload
  const text = body instanceof Uint8Array ? new TextDecoder().decode(body) : body
  if (typeof text !== 'string') return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
