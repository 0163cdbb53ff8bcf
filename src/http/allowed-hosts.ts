import { invalidInput } from '../errors.ts'

const HOST = /^(?:\*\.)?(?:[a-z0-9-]+(?:\.[a-z0-9-]+)*|\[[0-9a-f:.]+\])(?::\d{1,5})?$/

/**
 * Whether a URL is at one of `hosts`: each is a host as `URL.host` gives it, in lower case and with the port where that
 * is not the scheme's own, or `*.` and a domain for any name below that domain (not the domain itself).
 *
 * @param field how errors name the option.
 * @throws SignalboxError `invalid_input` naming the entry that is neither.
 */
export function allowedHosts(hosts: readonly string[], field = 'hosts'): (url: URL) => boolean {
  if (!Array.isArray(hosts) || hosts.length === 0) throw invalidInput(field, 'must name at least one host')
  const exact = new Set<string>()
  const suffixes: string[] = []
  hosts.forEach((host: unknown, index) => {
    if (typeof host !== 'string' || !HOST.test(host)) {
      throw invalidInput(`${field}[${index}]`, 'must be a host in lower case, with a port or not, or *. and a domain')
    }
    if (host.startsWith('*.')) suffixes.push(host.slice(1))
    else exact.add(host)
  })
  // A host never starts with a dot, so that whatever ends in a suffix is longer than it.
  return ({ host }) => exact.has(host) || suffixes.some((suffix) => host.endsWith(suffix))
}
