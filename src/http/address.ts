import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

export type Address = ipaddr.IPv4 | ipaddr.IPv6
export type Cidr = readonly [Address, number]

/** Reads one of the two standard forms; the other forms that `ipaddr.js` knows (`0x7f.1`) are no addresses to us. */
export function parseAddress(text: string): Address | undefined {
  return isIP(text) === 0 ? undefined : ipaddr.parse(text)
}

export function parseCidr(text: string): Cidr | undefined {
  const [address = '', bits = ''] = text.split('/')
  if (isIP(address) === 0 || address.includes('%') || !/^\d{1,3}$/.test(bits) || !ipaddr.isValidCIDR(text)) return
  return ipaddr.parseCIDR(text)
}

/** Compares like with like: an IPv4-mapped address is in no IPv4 range. */
export function inCidr(address: Address, [base, bits]: Cidr): boolean {
  return address.kind() === base.kind() && address.match(base, bits)
}

/** Azure's host agent: a public address by number, a metadata service by use. */
const NEVER_PUBLIC: readonly Cidr[] = [ipaddr.parseCIDR('168.63.129.16/32')]

/** All that is assigned for global unicast: https://www.iana.org/assignments/ipv6-address-space */
const GLOBAL_UNICAST: Cidr = ipaddr.parseCIDR('2000::/3')

/**
 * Whether the whole Internet means the same host by this address. Addresses that carry an IPv4 address inside (mapped,
 * NAT64, 6to4, Teredo) are not unwrapped: they are not public.
 */
export function isPublic(address: Address): boolean {
  if (address.range() !== 'unicast') return false
  if (address.kind() === 'ipv6' && !inCidr(address, GLOBAL_UNICAST)) return false
  return !NEVER_PUBLIC.some((cidr) => inCidr(address, cidr))
}
