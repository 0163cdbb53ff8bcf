import type { EgressOptions } from 'signalbox'

/**
 * The egress guard refuses everything that is not public HTTPS, and the receivers of these examples are on 127.0.0.1.
 * In production leave `egress` out.
 */
export const loopback: EgressOptions = {
  allow: [{ cidr: '127.0.0.0/8', plainHttp: true }],
}
