import type { EgressOptions } from 'signalbox'

/** This machine and private networks (RFC 1918, RFC 4193); no link-local addresses: clouds serve metadata there. */
const NEAR: readonly string[] = ['127.0.0.0/8', '::1/128', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7']

/**
 * What a URL that a person has typed may lead to, beside the public Internet over HTTPS: what is near, at the port that
 * was typed. The guard exists for URLs that customers type into a form; whoever types here is at this machine already.
 */
export function egressFor(typed: string): EgressOptions {
  const { protocol, hostname, port } = new URL(typed)
  const ports = [port === '' ? (protocol === 'http:' ? 80 : 443) : Number(port)]
  const isName = /^[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?$/i.test(hostname)
  return {
    allow: NEAR.map((cidr) => ({ cidr, ports, plainHttp: true, ...(isName ? { hosts: [hostname] } : {}) })),
  }
}
