import { checkOptions, invalidInput } from '../../errors.ts'

export interface FailOptions<Operation extends string = string> {
  /** How many requests fail: a whole number above 0, or `Infinity` until `reset`. @default 1 */
  readonly times?: number
  /** Which requests fail. @default those that post a message */
  readonly on?: Operation
  /** The `Retry-After` of the answer, in seconds; a fraction where the service sends fractions. */
  readonly retryAfter?: number
  /** The message arrives all the same, only the answer is a failure: what an ambiguous outcome looks like. @default false */
  readonly afterPosting?: boolean
}

/** A failure that was ordered by `fail`. */
export interface Fault<Failure> {
  readonly failure: Failure
  readonly retryAfter: number | undefined
  readonly afterPosting: boolean
}

export interface Faults<Failure, Operation extends string> {
  add(failure: Failure, options?: FailOptions<Operation>): void
  /** The oldest that is meant for this operation; used up once. */
  take(operation: Operation): Fault<Failure> | undefined
  clear(): void
}

/** The failures that a test ordered, in their order. `isMessage`: what is meant where `on` is left out. */
export function createFaults<Failure, Operation extends string>(
  isMessage: (operation: Operation) => boolean,
): Faults<Failure, Operation> {
  let waiting: (Fault<Failure> & { readonly on: Operation | undefined; left: number })[] = []
  return {
    add(failure, options = {}) {
      checkOptions(options, ['times', 'on', 'retryAfter', 'afterPosting'])
      const { times = 1, on, retryAfter, afterPosting = false } = options
      if (times !== Number.POSITIVE_INFINITY && (!Number.isInteger(times) || times < 1)) {
        throw invalidInput('times', 'must be a whole number above 0, or Infinity')
      }
      if (retryAfter !== undefined && !(retryAfter >= 0)) throw invalidInput('retryAfter', 'must be seconds, 0 or more')
      waiting.push({ failure, on, retryAfter, afterPosting, left: times })
    },
    take(operation) {
      const fault = waiting.find((one) => (one.on === undefined ? isMessage(operation) : one.on === operation))
      if (fault === undefined) return undefined
      fault.left -= 1
      if (fault.left === 0) waiting = waiting.filter((one) => one !== fault)
      return fault
    },
    clear() {
      waiting = []
    },
  }
}
