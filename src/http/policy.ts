import { invalidInput } from '../errors.ts'
import { type Address, type Cidr, inCidr, isPublic, parseAddress, parseCidr } from './address.ts'

/** Opens a range that is blocked by default, for private receivers and for tests. */
export interface EgressAllow {
  /** `10.1.0.0/16`, `fd00::/8`, `127.0.0.1/32`. Addresses are compared as they are: a mapped one is in no IPv4 range. */
  readonly cidr: string
  /** Names that are otherwise refused (`localhost`, `receiver.internal`, single labels). Lifts the rule on names only. */
  readonly hosts?: readonly string[]
  /** Ports that are open in this range. @default any */
  readonly ports?: readonly number[]
  /** Lets `http:` through, to this range only. @default false */
  readonly plainHttp?: boolean
}

/** Where a connection would go, apart from the address. */
export interface Target {
  readonly port: number
  /** `http:`, without TLS. */
  readonly plain: boolean
}

export interface EgressPolicy {
  /** No allow list: public addresses over TLS only, so that a target's port makes no difference. */
  readonly publicOnly: boolean
  /** Names that the rule on names does not hold for; lower case, without trailing dot. */
  readonly hosts: ReadonlySet<string>
  /** `http:` may be right for some address. */
  readonly allowsPlain: boolean
  /** The rule that forbids to connect there, in words, or `undefined`. */
  refusal(address: string, target: Target): string | undefined
}

interface Range {
  readonly cidr: Cidr
  readonly ports: ReadonlySet<number> | undefined
  readonly plainHttp: boolean
}

/** @throws SignalboxError `invalid_input` naming the entry. */
export function egressPolicy(allow: readonly EgressAllow[] = []): EgressPolicy {
  if (!Array.isArray(allow)) throw invalidInput('egress.allow', 'must be a list')
  const hosts = new Set<string>()
  const ranges = allow.map((entry, i) => toRange(entry, `egress.allow[${i}]`, hosts))

  const isAllowed = (address: Address, { port, plain }: Target): boolean =>
    ranges.some(
      (range) =>
        (range.plainHttp || !plain) &&
        (range.ports === undefined || range.ports.has(port)) &&
        inCidr(address, range.cidr),
    )

  return {
    publicOnly: ranges.length === 0,
    hosts,
    allowsPlain: ranges.some((range) => range.plainHttp),
    refusal(text, target) {
      const address = parseAddress(text)
      if (address === undefined) return 'not an IP address'
      if (isAllowed(address, target)) return
      if (!isPublic(address)) return 'the address is not a public one'
      if (target.plain) return 'http: is not allowed there, use https:'
      return
    },
  }
}

function toRange(entry: EgressAllow, field: string, hosts: Set<string>): Range {
  if (typeof entry !== 'object' || entry === null) throw invalidInput(field, 'must be an object with a cidr')
  const cidr = typeof entry.cidr === 'string' ? parseCidr(entry.cidr) : undefined
  if (cidr === undefined) throw invalidInput(`${field}.cidr`, 'must be an address range such as 10.0.0.0/8 or fd00::/8')
  for (const host of listOf(entry.hosts, `${field}.hosts`)) {
    if (typeof host !== 'string' || !/^[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?$/i.test(host))
      throw invalidInput(`${field}.hosts`, 'must be host names, without scheme and port')
    hosts.add(host.toLowerCase().replace(/\.$/, ''))
  }
  const ports = listOf(entry.ports, `${field}.ports`)
  for (const port of ports) {
    if (!Number.isInteger(port) || port < 1 || port > 65535)
      throw invalidInput(`${field}.ports`, 'must be whole numbers from 1 to 65535')
  }
  if (entry.plainHttp !== undefined && typeof entry.plainHttp !== 'boolean')
    throw invalidInput(`${field}.plainHttp`, 'must be true or false')
  return {
    cidr,
    ports: entry.ports === undefined ? undefined : new Set(ports),
    plainHttp: entry.plainHttp ?? false,
  }
}

function listOf<T>(value: readonly T[] | undefined, field: string): readonly T[] {
  if (value === undefined) return []
  if (!Array.isArray(value)) throw invalidInput(field, 'must be a list')
  return value
}
