import { invalidInput } from '../errors.ts'

const ISO = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})$/
/** 9999-12-31T23:59:59.999Z: later instants have no four-digit year. */
const LAST = 253_402_300_799_999

/** An event's `timestamp` as epoch ms. @throws SignalboxError `invalid_input` */
export function parseTimestamp(value: unknown): number {
  if (typeof value === 'number') {
    if (!Number.isInteger(value) || value < 0 || value > LAST) {
      throw invalidInput('timestamp', 'must be whole epoch milliseconds from 1970 to 9999')
    }
    return value
  }
  if (typeof value === 'string' && ISO.test(value)) {
    const at = Date.parse(value)
    if (!Number.isNaN(at) && at >= 0 && at <= LAST) return at
  }
  throw invalidInput('timestamp', 'must be epoch milliseconds, or ISO 8601 with Z or an offset')
}
