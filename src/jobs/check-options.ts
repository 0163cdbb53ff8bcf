import { invalidInput } from '../errors.ts'

/** @throws SignalboxError `invalid_input` */
export function checkQueueName(queue: string): void {
  if (typeof queue !== 'string' || !/^[\w./-]{1,100}$/.test(queue)) {
    throw invalidInput('queue', 'must have 1 to 100 letters, digits or characters of `_-./`')
  }
}

/** @throws SignalboxError `invalid_input` */
export function checkConcurrency(concurrency: number): void {
  if (!(Number.isInteger(concurrency) && concurrency >= 1 && concurrency <= 1000)) {
    throw invalidInput('concurrency', 'must be a whole number from 1 to 1000')
  }
}
