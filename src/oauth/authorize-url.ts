import type { AuthorizeUrlOptions } from '../contracts/oauth.ts'
import { checkOptions, invalidInput } from '../errors.ts'
import { checkParameter } from './provider-options.ts'

const OPTIONS: readonly string[] = [
  'state',
  'codeChallenge',
  'nonce',
  'scopes',
  'parameters',
] satisfies (keyof AuthorizeUrlOptions)[]

/**
 * Adds `own` and the caller's further parameters to the URL of an authorization endpoint.
 *
 * @throws SignalboxError `invalid_input` for a further parameter that is one of the provider's own.
 */
export function authorizeUrlOf(
  endpoint: string,
  own: Readonly<Record<string, string>>,
  parameters: AuthorizeUrlOptions['parameters'] = {},
): string {
  const url = new URL(endpoint)
  const query = new URLSearchParams(url.search)
  for (const [name, value] of Object.entries(parameters)) {
    if (Object.hasOwn(own, name)) throw invalidInput(`parameters.${name}`, 'is set by the provider')
    if (typeof value !== 'string') throw invalidInput(`parameters.${name.slice(0, 64)}`, 'must be a string')
    query.set(name, value)
  }
  for (const [name, value] of Object.entries(own)) query.set(name, value)
  // Not every server reads a plus sign as a space; each one reads %20.
  url.search = query.toString().replaceAll('+', '%20')
  return url.href
}

/** What every provider asks of the call. @throws SignalboxError `invalid_input` */
export function checkAuthorizeCall(options: AuthorizeUrlOptions): void {
  checkOptions(options, OPTIONS)
  checkParameter(options.state, 'state')
}
