/** A JSON object of an answer, read with care: what it has, not what it should have. */
export type JsonObject = Readonly<Record<string, unknown>>

/** The JSON object that `text` is; `undefined` where it is anything else, or was cut. */
export function jsonObject(text: string): JsonObject | undefined {
  if (!/^\s*\{/.test(text)) return undefined
  try {
    return asObject(JSON.parse(text))
  } catch {
    return undefined
  }
}

export function asObject(value: unknown): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined
}

/** `value` where it is text with something in it. */
export function asText(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value : undefined
}
