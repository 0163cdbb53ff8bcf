const SECONDS = /^\d+(?:\.\d+)?$/
// RFC 9110, 5.6.7: IMF-fixdate, and the obsolete RFC 850 and asctime forms that recipients must accept.
const ZONED = /^(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*, \d{2}(?: [a-z]{3} \d{4}|-[a-z]{3}-\d{2}) \d{2}:\d{2}:\d{2} gmt$/i
const ASCTIME = /^(?:mon|tue|wed|thu|fri|sat|sun) [a-z]{3} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/i

/**
 * Reads a `Retry-After` header (RFC 9110, 10.2.3): seconds, also fractional ones as some services send, or an HTTP date.
 *
 * @param now epoch ms.
 * @returns ms from `now`, 0 for a date that has passed, `undefined` where there is none or it cannot be read.
 */
export function parseRetryAfter(value: string | undefined, now: number): number | undefined {
  if (value === undefined || value.length > 64) return undefined
  const text = value.trim()
  if (SECONDS.test(text)) return Math.min(Math.ceil(Number(text) * 1000), Number.MAX_SAFE_INTEGER)
  // An asctime date has no zone: it is GMT, and must not be read as local time.
  const at = ZONED.test(text) ? Date.parse(text) : ASCTIME.test(text) ? Date.parse(`${text} GMT`) : Number.NaN
  return Number.isNaN(at) ? undefined : Math.max(0, at - now)
}
