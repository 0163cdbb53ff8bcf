/** `text` with every lone surrogate as U+FFFD: UTF-8 and strict JSON readers know none. */
export function wellFormed(text: string): string {
  return text.toWellFormed()
}

/**
 * `text`, well-formed, in at most `max` UTF-16 code units (its `length`; no count of characters is higher). A longer one
 * is cut between two code points and ends in `…`, which counts.
 */
export function cutText(text: string, max: number): string {
  const whole = wellFormed(text)
  if (whole.length <= max) return whole
  if (max < 1) return ''
  const last = whole.charCodeAt(max - 2)
  const end = last >= 0xd800 && last <= 0xdbff ? max - 2 : max - 1
  return `${whole.slice(0, end)}…`
}
