import net, { isIP, type LookupFunction, Socket } from 'node:net'
import tls from 'node:tls'
import { vi } from 'vitest'

export interface FakeNetwork {
  /** Addresses and ports that would have been connected to. Nothing ever is. */
  readonly attempts: string[]
  restore(): void
}

/**
 * Stands in for `net.connect` and `tls.connect`: literals are connected to without asking anyone, names ask the lookup
 * that was passed. Whatever it comes to is written down and refused.
 */
export function fakeNetwork(): FakeNetwork {
  const attempts: string[] = []
  const connect = (...args: unknown[]): Socket => {
    const { host, port, lookup } = args[0] as { host: string; port: number | string; lookup?: LookupFunction }
    const socket = new Socket()
    const fail = (error: Error): void => void process.nextTick(() => socket.destroy(error))
    const attempt = (addresses: readonly string[]): void => {
      attempts.push(...addresses.map((address) => `${address} ${port}`))
      fail(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }))
    }
    if (isIP(host) !== 0) attempt([host])
    else if (lookup === undefined) attempt([`unguarded lookup of ${host}`])
    else
      lookup(host, { all: true }, (error, addresses) => {
        if (error !== null) fail(error)
        else attempt(Array.isArray(addresses) ? addresses.map(({ address }) => address) : [addresses])
      })
    return socket
  }
  const spies = [
    vi.spyOn(net, 'connect').mockImplementation(connect as typeof net.connect),
    vi.spyOn(tls, 'connect').mockImplementation(connect as unknown as typeof tls.connect),
  ]
  return {
    attempts,
    restore() {
      for (const spy of spies) spy.mockRestore()
    },
  }
}
