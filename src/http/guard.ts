import type { LookupAddress } from 'node:dns'
import { isIP, type LookupFunction, type Socket } from 'node:net'
import { Agent, buildConnector, type Dispatcher, Pool } from 'undici'
import { invalidInput } from '../errors.ts'
import { type CheckedUrl, checkUrl } from './check-url.ts'
import { httpError } from './http-error.ts'
import { type EgressAllow, type EgressPolicy, egressPolicy, type Target } from './policy.ts'
import { createResolver, type ResolverOptions } from './resolver.ts'

export interface EgressOptions extends ResolverOptions {
  /** Ranges that are open beside the public addresses. @default none */
  readonly allow?: readonly EgressAllow[]
}

export interface EgressGuardOptions extends EgressOptions {
  /** Sockets a destination (scheme, host and port). @default 64 */
  readonly connections?: number
  /** How long a connection may take, name lookup and TLS included, in ms. @default 10_000 */
  readonly connectTimeoutMs?: number
  /** Certificate authorities in place of the system's, PEM: for private receivers. */
  readonly ca?: string | readonly string[]
}

export interface EgressGuard {
  /** Checks a URL without any I/O. @throws SignalboxError `blocked_url` naming the rule, never the path or query. */
  check(url: string): void
  /**
   * An undici dispatcher that connects to nothing but permitted addresses, for requests of your own. Run `check` on the
   * URL before each: the dispatcher knows addresses, not the rules on names.
   */
  readonly agent: Dispatcher
  /** Destroys all sockets, those that are connecting included. */
  close(): Promise<void>
}

/** For the ports: also answers the parts of the URL. */
export interface InternalGuard extends EgressGuard {
  parse(url: string): CheckedUrl
  /** What the agent would hand a request for this origin to, where that is known: a good part of a request's way. */
  dispatcherOf(origin: string): Dispatcher
}

/**
 * Keeps requests to URLs that customers supply away from everything that is not public (server-side request forgery).
 * The URL is checked as a text; the address is checked at the connection, when it is known, and is the one connected to.
 *
 * @throws SignalboxError `invalid_input` when the allow list is malformed.
 * @example
 * const guard = egressGuard({ allow: [{ cidr: '10.20.0.0/16', ports: [443] }] })
 * guard.check('https://169.254.169.254/') // throws SignalboxError blocked_url
 */
export function egressGuard(options: EgressGuardOptions = {}): EgressGuard {
  return createGuard(options)
}

export function createGuard(options: EgressGuardOptions = {}): InternalGuard {
  checkNumbers(options)
  const policy = egressPolicy(options.allow)
  const sockets = new Set<Socket>()
  const pools = new Map<string, Pool>()
  const agent = new Agent({
    factory(origin, options) {
      const pool = new Pool(origin, options)
      const key = String(origin)
      pools.set(key, pool)
      // the agent, which hears of it next, closes a pool whose last connection has gone
      const forget = (): void =>
        queueMicrotask(() => {
          if (pool.closed && pools.get(key) === pool) pools.delete(key)
        })
      return pool.on('disconnect', forget).on('connectionError', forget)
    },
    connections: options.connections ?? 64,
    pipelining: 1,
    allowH2: false,
    maxHeaderSize: 16_384,
    keepAliveMaxTimeout: 60_000,
    connect: guardedConnector(policy, options, sockets),
  })
  return {
    agent,
    check: (url) => void checkUrl(policy, url),
    parse: (url) => checkUrl(policy, url),
    dispatcherOf(origin) {
      const pool = pools.get(origin)
      return pool === undefined || pool.closed || pool.destroyed ? agent : pool
    },
    async close() {
      const done = agent.destroy()
      for (const socket of sockets) socket.destroy()
      await done
    },
  }
}

function checkNumbers(options: EgressGuardOptions): void {
  for (const field of ['connections', 'connectTimeoutMs', 'maxLookups', 'lookupTimeoutMs'] as const) {
    const value = options[field]
    if (value !== undefined && !(Number.isSafeInteger(value) && value > 0))
      throw invalidInput(field, 'must be a positive whole number')
  }
  if (options.lookup !== undefined && typeof options.lookup !== 'function')
    throw invalidInput('lookup', 'must be a function')
}

/** Ports are the caller's choice: what is kept for them is bounded. */
const MAX_CONNECTORS = 256

function guardedConnector(
  policy: EgressPolicy,
  options: EgressGuardOptions,
  sockets: Set<Socket>,
): buildConnector.connector {
  const resolve = createResolver(options)
  const connectors = new Map<string, buildConnector.connector>()

  const connectorFor = (target: Target): buildConnector.connector => {
    const key = policy.publicOnly ? String(target.plain) : `${target.plain}:${target.port}`
    const known = connectors.get(key)
    if (known !== undefined) return known
    if (connectors.size >= MAX_CONNECTORS) connectors.clear()
    const connector = buildConnector({
      allowH2: false,
      timeout: options.connectTimeoutMs ?? 10_000,
      rejectUnauthorized: true,
      ...(options.ca === undefined ? {} : { ca: typeof options.ca === 'string' ? options.ca : [...options.ca] }),
      lookup: guardedLookup((address) => policy.refusal(address, target), resolve),
    })
    connectors.set(key, connector)
    return connector
  }

  return (to, callback) => {
    const plain = to.protocol === 'http:'
    const target: Target = { port: to.port === '' ? (plain ? 80 : 443) : Number(to.port), plain }
    // `net.connect` asks no lookup about a literal.
    const rule = isIP(to.hostname) === 0 ? undefined : policy.refusal(to.hostname, target)
    if (rule !== undefined) return callback(blockedAddress(rule), null)
    const socket: unknown = connectorFor(target)(to, callback)
    if (isSocket(socket)) {
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
    }
  }
}

/** One address that fails refuses the whole answer: which of them is connected to is not ours to say. */
function guardedLookup(
  refusal: (address: string) => string | undefined,
  resolve: (hostname: string) => Promise<readonly LookupAddress[]>,
): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname).then(
      (answer) => {
        const [first] = answer
        if (first === undefined)
          return callback(httpError({ code: 'dns_error', written: false, message: 'the name has no address' }), '', 0)
        for (const { address } of answer) {
          const rule = refusal(address)
          if (rule !== undefined) return callback(blockedAddress(rule), '', 0)
        }
        // The family is of what was checked, whatever the resolver says.
        const checked = answer.map(({ address }) => ({ address, family: isIP(address) }))
        if (options.all === true) return callback(null, checked)
        callback(null, first.address, isIP(first.address))
      },
      (error: Error) => callback(error, '', 0),
    )
  }
}

function blockedAddress(rule: string): Error {
  return httpError({ code: 'blocked_address', written: false, message: `the address is blocked: ${rule}` })
}

function isSocket(value: unknown): value is Socket {
  return typeof value === 'object' && value !== null && 'destroy' in value && 'once' in value
}
