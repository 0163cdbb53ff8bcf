import { Temporal } from 'temporal-polyfill'
import { invalidInput } from '../errors.ts'

/** @throws SignalboxError `invalid_input` unless it is a named time zone, e.g. `Europe/Dublin`. */
export function checkTimeZone(value: unknown, field: string): string {
  // offsets like `+02:00` are zones too, but none that knows when summer begins
  if (typeof value === 'string' && /^[A-Za-z]/.test(value)) {
    try {
      Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(value)
      return value
    } catch {
      // told below
    }
  }
  throw invalidInput(field, 'must be an IANA time zone, e.g. Europe/Dublin')
}
