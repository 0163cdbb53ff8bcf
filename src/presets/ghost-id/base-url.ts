import { invalidInput } from '../../errors.ts'

/** What links are made from. @throws SignalboxError `invalid_input` */
export function checkBaseUrl(value: unknown): string {
  if (typeof value === 'string' && /^https?:\/\/[^?#\s]+$/i.test(value) && URL.canParse(value)) {
    return value.replace(/\/+$/, '')
  }
  throw invalidInput('baseUrl', 'must be an absolute http or https URL without query and fragment')
}
