import { type LookupAddress, lookup as systemLookup } from 'node:dns'
import { isIP } from 'node:net'
import { type HttpError, httpError } from './http-error.ts'

/**
 * Resolves a name, with the signature of `dns.lookup`; it is asked for all addresses, and may answer one. A function that
 * returns a promise of the addresses will do too, e.g. `dns.promises.lookup`.
 */
export type Lookup = (
  hostname: string,
  options: { readonly all: true },
  callback: (error: Error | null, address: string | readonly LookupAddress[], family?: number) => void,
) => unknown

export interface ResolverOptions {
  /** @default the system's resolver, `dns.lookup` */
  readonly lookup?: Lookup
  /** How many lookups run at once: each of the system's takes one of the four threads that files and crypto share. @default 3 */
  readonly maxLookups?: number
  /** How long a name may take to resolve, waiting included, in ms. @default 5_000 */
  readonly lookupTimeoutMs?: number
}

/** Rejects with an {@link HttpError} of the code `dns_error`. */
export type Resolve = (hostname: string) => Promise<readonly LookupAddress[]>

/** A lookup that never ends gives its place back after this long. */
const ABANDON_MS = 30_000

/** Bounds how many lookups run at once and how long each may take; connections to one name share a lookup in flight. */
export function createResolver({
  lookup = systemLookup,
  maxLookups = 3,
  lookupTimeoutMs = 5_000,
}: ResolverOptions): Resolve {
  const inFlight = new Map<string, Promise<readonly LookupAddress[]>>()
  const waiting: (() => void)[] = []
  let running = 0

  const release = (): void => {
    const next = waiting.shift()
    if (next === undefined) running -= 1
    else next()
  }

  const run = async (hostname: string, isWanted: () => boolean): Promise<readonly LookupAddress[]> => {
    if (running < maxLookups) running += 1
    else await new Promise<void>((resolve) => waiting.push(resolve))
    if (!isWanted()) {
      release()
      return []
    }
    // The place is held until the lookup itself ends, not until nobody waits for it: the thread is busy until then.
    let held = true
    const leave = (): void => {
      if (held) release()
      held = false
    }
    const timer = setTimeout(leave, ABANDON_MS)
    timer.unref()
    try {
      return await lookedUp(lookup, hostname)
    } finally {
      clearTimeout(timer)
      leave()
    }
  }

  const resolve = (hostname: string): Promise<readonly LookupAddress[]> =>
    new Promise((done, fail) => {
      let wanted = true
      const timer = setTimeout(() => {
        wanted = false
        fail(dnsError('the name could not be resolved in time'))
      }, lookupTimeoutMs)
      run(hostname, () => wanted)
        .then(done, () => fail(dnsError('the name could not be resolved')))
        .finally(() => clearTimeout(timer))
    })

  return (hostname) => {
    const known = inFlight.get(hostname)
    if (known !== undefined) return known
    const answer = resolve(hostname).finally(() => inFlight.delete(hostname))
    inFlight.set(hostname, answer)
    return answer
  }
}

function lookedUp(lookup: Lookup, hostname: string): Promise<readonly LookupAddress[]> {
  return new Promise((resolve, reject) => {
    const returned = lookup(hostname, { all: true }, (error, address, family) => {
      if (error) reject(error)
      else resolve(typeof address === 'string' ? [{ address, family: family ?? isIP(address) }] : address)
    })
    if (returned instanceof Promise) returned.then(resolve, reject)
  })
}

function dnsError(message: string): HttpError {
  return httpError({ code: 'dns_error', written: false, message })
}
