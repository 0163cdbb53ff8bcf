import { invalidInput } from '../errors.ts'
import { checkPace } from './check-pace.ts'

const NAME = /^[a-z][a-z0-9-]{0,63}$/

/** @throws SignalboxError `invalid_input` for what cannot be the `name` of a transport. */
export function checkTransportName(name: unknown): void {
  if (typeof name === 'string' && NAME.test(name)) return
  throw invalidInput('name', 'must be 1–64 characters: lower-case letters, digits and -, beginning with a letter')
}

/** @throws SignalboxError `invalid_input` for what cannot be the `deadlineMs` of a transport. */
export function checkDeadlineMs(deadlineMs: unknown): void {
  if (typeof deadlineMs === 'number' && deadlineMs >= 100 && deadlineMs <= 60_000) return
  throw invalidInput('deadlineMs', 'must be from 100 to 60,000 ms')
}

/** @throws SignalboxError `invalid_input` for what cannot be the `pace` of a transport; `false`: none. */
export function checkPaceOption(pace: unknown): void {
  if (pace !== false) checkPace(pace)
}
