/** An escape of a lone surrogate, or an escaped backslash (matched so that what follows it is not taken for one). */
const ESCAPES = /\\(?:\\|ud[89a-f][0-9a-f]{2})/g

/**
 * JSON text with every lone surrogate, in keys too, as U+FFFD. `JSON.stringify` writes it as an escape, which strict
 * readers refuse; it writes no other escape that starts with `\ud`, so that ordinary text costs one search.
 */
export function toJson(value: object): string {
  const text = JSON.stringify(value)
  return text.includes('\\ud') ? text.replace(ESCAPES, (found) => (found === '\\\\' ? found : '\ufffd')) : text
}

/** ISO 8601 in UTC with milliseconds, of epoch ms. */
export function isoTime(timestamp: number): string {
  return new Date(timestamp).toISOString()
}
