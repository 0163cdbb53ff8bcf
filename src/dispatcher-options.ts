import { type CatalogIndex, catalogIndex } from './catalog/index.ts'
import type { Authorize } from './connections/authorize.ts'
import type { Organisation } from './connections/deps.ts'
import type { Catalog } from './contracts/catalog.ts'
import type { Clock, Ids, Logger } from './contracts/clock.ts'
import type { Encryption } from './contracts/encryption.ts'
import type { Engine } from './contracts/engine.ts'
import type { EventBase, EventInput } from './contracts/event.ts'
import type { HttpPort } from './contracts/http.ts'
import type { RetryPolicy } from './contracts/outcome.ts'
import type { Store } from './contracts/store.ts'
import type { AttachableTokenSource, TokenSource } from './contracts/tokens.ts'
import type { Transport } from './contracts/transport.ts'
import { resolveRetryPolicy } from './delivery/policy.ts'
import { resolveSuspensionPolicy, type SuspensionPolicy } from './delivery/suspension.ts'
import { checkOptions, invalidInput } from './errors.ts'
import type { EgressOptions } from './http/guard.ts'
import { undiciHttp } from './http/undici-http.ts'
import { defaultDigestSubject } from './payloads/digest-subject.ts'
import { systemClock } from './runtime/clock.ts'
import { createIds } from './runtime/ids.ts'
import { silentLogger } from './runtime/logger.ts'
import type { DigestFacts } from './worker/messages.ts'

export interface WorkerOptions {
  /**
   * Sends at once in this process: 1 to 10,000. A send that takes longer than 250 ms makes way for others, up to four
   * times as many sends in all: endpoints that hang do not hold up the rest. @default 64
   */
  readonly concurrency?: number
  /**
   * Sends at once to one connection, over all processes: 1 to 10,000. While it has failed five times in a row or more it
   * is one, until a send succeeds.
   * @default 8
   */
  readonly perConnection?: number
  /**
   * How long a claimed delivery is this worker's, in ms: 1000 to 3,600,000. Renewed while its send runs; past it,
   * another worker takes over what a dead one held. At least three renewals (of a third each) plus the largest
   * difference between the clocks of the workers. @default 30_000
   */
  readonly leaseMs?: number
  /** How often the built-in engine asks the store for the work of other processes, in ms. @default 1000 */
  readonly pollMs?: number
}

export interface DispatcherOptions<
  E extends EventBase = EventInput,
  K extends string = string,
  T extends Transport = Transport,
> {
  readonly store: Store
  readonly transports: readonly T[]
  /** The host's event types. Without one, any type is accepted. */
  readonly catalog?: Catalog<E, K>
  /** Where access tokens come from, for transports that need them. */
  readonly tokens?: TokenSource | AttachableTokenSource
  /** What wakes the worker. @default pollingEngine() */
  readonly engine?: Engine
  readonly worker?: WorkerOptions
  /** For transports that bring none. @default see RetryPolicy */
  readonly retry?: RetryPolicy
  /** When a failing connection is suspended. @default after 5 days and at least 10 attempts */
  readonly health?: Partial<SuspensionPolicy>
  readonly limits?: {
    /** Text and metadata of one event, in UTF-8 bytes: 1024 to 16 MiB. @default 262_144 (256 KiB) */
    readonly maxEventBytes?: number
    /** How long events are kept for replay and duplicates, in ms. @default 2_592_000_000 (30 days) */
    readonly retainEventsMs?: number
  }
  /** Which attempts are recorded. @default 'all' */
  readonly attempts?: 'all' | 'failures'
  readonly digests?: {
    /** The subject line of a digest. @default e.g. `3 updates from Acme` */
    subject?(digest: DigestFacts): string
  }
  /** Seals secrets. Required with a durable store; `false` stores them in clear. */
  readonly encryption?: Encryption | false
  /** What the built-in HTTP client may reach beside public HTTPS. Not with `http`. */
  readonly egress?: EgressOptions
  /** Another HTTP client, with the same `clock` as the dispatcher; it takes over `egress`. The caller closes it. */
  readonly http?: HttpPort
  /** Names and links of organisations. */
  readonly organisation?: Organisation
  /** Asked before every managing call that changes something. @default everything is allowed */
  readonly authorize?: Authorize
  readonly clock?: Clock
  /** 0 ≤ x < 1, for jitter. @default Math.random */
  readonly random?: () => number
  readonly ids?: Ids
  /** @default silent */
  readonly logger?: Logger
}

/** Options that were checked, with every default filled in. */
export interface ResolvedOptions {
  readonly store: Store
  readonly transports: ReadonlyMap<string, Transport>
  readonly catalog: CatalogIndex | undefined
  readonly worker: Required<WorkerOptions>
  readonly suspension: SuspensionPolicy
  readonly maxEventBytes: number
  readonly retainEventsMs: number
  readonly attempts: 'all' | 'failures'
  readonly digestSubject: (digest: DigestFacts) => string
  readonly encryption: Encryption | false
  readonly http: HttpPort
  readonly ownsHttp: boolean
  readonly organisation: Organisation
  readonly clock: Clock
  readonly random: () => number
  readonly ids: Ids
  readonly logger: Logger
}

const OPTIONS: readonly string[] = [
  'store',
  'transports',
  'catalog',
  'tokens',
  'engine',
  'worker',
  'retry',
  'health',
  'limits',
  'attempts',
  'digests',
  'encryption',
  'egress',
  'http',
  'organisation',
  'authorize',
  'clock',
  'random',
  'ids',
  'logger',
] satisfies (keyof DispatcherOptions)[]

const DAY_MS = 86_400_000

/** @throws SignalboxError `invalid_input` naming the option and the rule. */
export function resolveOptions<E extends EventBase, K extends string, T extends Transport>(
  options: DispatcherOptions<E, K, T>,
): ResolvedOptions {
  if (typeof options !== 'object' || options === null) throw invalidInput('options', 'must be an object')
  checkOptions(options, OPTIONS)
  checkOptions(options.worker ?? {}, ['concurrency', 'perConnection', 'leaseMs', 'pollMs'], 'worker.')
  checkOptions(options.digests ?? {}, ['subject'], 'digests.')
  checkOptions(options.limits ?? {}, ['maxEventBytes', 'retainEventsMs'], 'limits.')
  const { store, clock = systemClock(), worker = {}, limits = {}, attempts = 'all' } = options
  if (typeof store !== 'object' || store === null || typeof store.setup !== 'function') {
    throw invalidInput('store', 'must be a store, e.g. memoryStore()')
  }
  if (options.http !== undefined && options.egress !== undefined) {
    throw invalidInput('egress', '`http` takes over the egress rules: give one of the two')
  }
  // its deadlines would have passed before they began, or never pass
  if (options.clock !== undefined && (options.http?.clock ?? options.clock) !== options.clock) {
    throw invalidInput('http', 'has another clock than the dispatcher: give it the same, e.g. fetchHttp({ clock })')
  }
  if (store.capabilities.durable && options.encryption === undefined) {
    throw invalidInput(
      'encryption',
      `the ${store.name} store is durable: give aesGcm({ keys }), or false to store secrets in clear`,
    )
  }
  if (attempts !== 'all' && attempts !== 'failures') throw invalidInput('attempts', "must be 'all' or 'failures'")
  resolveRetryPolicy(options.retry)
  return {
    store,
    transports: byName(options.transports),
    catalog: options.catalog === undefined ? undefined : catalogIndex(options.catalog),
    worker: {
      concurrency: whole(worker.concurrency ?? 64, 1, 10_000, 'worker.concurrency'),
      perConnection: whole(worker.perConnection ?? 8, 1, 10_000, 'worker.perConnection'),
      leaseMs: whole(worker.leaseMs ?? 30_000, 1000, 3_600_000, 'worker.leaseMs'),
      pollMs: whole(worker.pollMs ?? 1000, 10, 3_600_000, 'worker.pollMs'),
    },
    suspension: resolveSuspensionPolicy(options.health),
    maxEventBytes: whole(limits.maxEventBytes ?? 262_144, 1024, 16_777_216, 'limits.maxEventBytes'),
    retainEventsMs: whole(limits.retainEventsMs ?? 30 * DAY_MS, 0, 3650 * DAY_MS, 'limits.retainEventsMs'),
    attempts,
    digestSubject: digestSubject(options.digests?.subject),
    encryption: options.encryption ?? false,
    http: options.http ?? undiciHttp({ ...options.egress, clock }),
    ownsHttp: options.http === undefined,
    organisation: options.organisation ?? (() => ({})),
    clock,
    random: options.random ?? Math.random,
    ids: options.ids ?? createIds(clock),
    logger: options.logger ?? silentLogger,
  }
}

/** A host's function that throws, or answers no text, must not keep a digest from going out. */
function digestSubject(own: ((digest: DigestFacts) => string) | undefined): (digest: DigestFacts) => string {
  const usual = ({ total, orgName }: DigestFacts): string => defaultDigestSubject(total, orgName)
  if (own === undefined) return usual
  if (typeof own !== 'function') throw invalidInput('digests.subject', 'must be a function')
  return (digest) => {
    try {
      const subject: unknown = own(digest)
      return typeof subject === 'string' && subject !== '' ? subject.toWellFormed() : usual(digest)
    } catch {
      return usual(digest)
    }
  }
}

function byName(transports: readonly Transport[]): Map<string, Transport> {
  if (!Array.isArray(transports) || transports.length === 0) {
    throw invalidInput('transports', 'must name at least one transport')
  }
  const map = new Map<string, Transport>()
  transports.forEach((transport: Transport, index) => {
    const field = `transports[${index}]`
    if (typeof transport?.name !== 'string' || typeof transport.send !== 'function') {
      throw invalidInput(field, 'must be a transport, e.g. webhookTransport()')
    }
    if (map.has(transport.name))
      throw invalidInput(field, `the name "${transport.name}" is taken: give another \`name\``)
    resolveRetryPolicy(transport.retry, `${field}.retry`)
    map.set(transport.name, transport)
  })
  return map
}

function whole(value: number, least: number, most: number, field: string): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw invalidInput(field, `must be a whole number from ${least} to ${most}`)
}
