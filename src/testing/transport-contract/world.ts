import { AssertionError } from 'node:assert/strict'
import type { Socket } from 'node:net'
import type {
  Connection,
  HttpPort,
  HttpRequest,
  Message,
  Outcome,
  SendContext,
  Transport,
} from '../../contracts/index.ts'
import { generateSecret } from '../../signing/generate-secret.ts'
import type { TransportHarness } from '../transport-contract.ts'
import { anEvent, ORG } from './messages.ts'
import { checkOutcome } from './outcomes.ts'
import { checkDiscretion, secretsOf } from './secrets.ts'
import {
  type HttpService,
  type RawService,
  type Service,
  type ServiceAnswer,
  type ServiceRequest,
  startRawService,
  startService,
} from './service.ts'

/** One statement of the contract that needs no network. */
export interface Case {
  readonly name: string
  /** Why it does not apply to this harness. */
  skip?(harness: TransportHarness): string | undefined
  run(world: World): Promise<void>
}

/** One that makes requests: it is run over each port. */
export type ExchangeCase = Case

/** What a case is given. */
export interface World {
  readonly harness: TransportHarness
  readonly transport: Transport
  readonly signingSecrets: readonly string[]
  /** What has gone through `context.http`. */
  readonly requests: readonly HttpRequest[]
  /** @default harness.success */
  service(answer?: (request: ServiceRequest) => ServiceAnswer): Promise<HttpService>
  raw(onRequest: (socket: Socket) => void): Promise<RawService>
  /** A connection of the harness's config for `origin`. */
  connection(origin: string): Promise<Connection>
  /** The port under test; leads every request to `origin`. */
  http(origin: string): HttpPort
  /** Sends, and checks what holds for every exchange: it ends in time, by an outcome that tells no secret. */
  send(origin: string, options?: SendOptions): Promise<Outcome>
  /** The same with nothing checked. */
  begin(origin: string, options?: SendOptions): Promise<Outcome>
  close(): Promise<void>
}

export interface SendOptions {
  readonly message?: Message
  /** Epoch ms: what the transport is told. @default the present */
  readonly now?: number
  /** @default 10_000 */
  readonly deadlineMs?: number
  readonly signal?: AbortSignal
  /** @default harness.token */
  readonly token?: false
}

/** How long after its deadline an exchange is waited for: it is lost, not slow. */
const GRACE_MS = 2_500

export function createWorld(harness: TransportHarness, client: HttpPort): World {
  const { transport } = harness
  const requests: HttpRequest[] = []
  const services = new Set<Service>()
  const signingSecrets = harness.signingSecrets ?? (transport.signatures === undefined ? [] : [generateSecret()])
  const started = <S extends Service>(service: S): S => {
    services.add(service)
    return service
  }

  const world: World = {
    harness,
    transport,
    signingSecrets,
    requests,
    service: async (answer = (request) => harness.success(request)) => started(await startService(answer)),
    raw: async (onRequest) => started(await startRawService(onRequest)),

    async connection(origin) {
      const config = await parseConfig(transport, harness.config(origin))
      return { ...CONNECTION, transport: transport.name, config }
    },

    http: (origin) => ({
      request(request) {
        requests.push(request)
        return client.request({ ...request, url: ledTo(origin, request.url, services) })
      },
      // addresses of this machine are no concern of the transport's
      check: () => {},
      close: async () => {},
    }),

    async begin(origin, options = {}) {
      const {
        message = anEvent(),
        now = Date.now(),
        deadlineMs = 10_000,
        signal = new AbortController().signal,
      } = options
      const connection = await world.connection(origin)
      const token = options.token === false ? undefined : harness.token
      const deadlineAt = Date.now() + deadlineMs
      const violation = Promise.withResolvers<never>()
      const port = world.http(origin)
      const context: SendContext = {
        connection,
        secrets: signingSecrets,
        ...(token === undefined ? {} : { token }),
        http: {
          ...port,
          request(request) {
            // told at once: such a request may take for ever
            if (!(request.deadlineAt <= deadlineAt)) {
              violation.reject(failure('a request is made with a later deadline than context.deadlineAt'))
            }
            return port.request(request)
          },
        },
        deliveryId: 'dlv_1',
        messageId: message.id,
        attempt: 1,
        now,
        deadlineAt,
        signal,
      }
      return Promise.race([transport.send(transport.build(message, connection), context), violation.promise])
    },

    async send(origin, options = {}) {
      const { deadlineMs = 10_000 } = options
      const sent = world.begin(origin, options).catch((error: unknown) => {
        if (error instanceof AssertionError) throw error
        throw failure(`what a destination does is an outcome, but the transport threw ${nameOf(error)}`, error)
      })
      const outcome = await within(deadlineMs + GRACE_MS, sent, 'the send did not end by context.deadlineAt')
      checkOutcome(outcome)
      const { config } = await world.connection(origin)
      checkDiscretion({ ...outcome, snippet: undefined }, secretsOf(harness, config, signingSecrets), 'an outcome')
      return outcome
    },

    async close() {
      await client.close()
      for (const service of services) await service.close()
    },
  }
  return world
}

const CONNECTION: Connection = {
  id: 'con_1',
  orgId: ORG,
  transport: '',
  label: 'Label',
  config: undefined,
  categories: [],
  eventTypes: [],
}

export async function parseConfig(transport: Transport, input: unknown): Promise<unknown> {
  const result = await transport.config['~standard'].validate(input)
  if (result.issues) throw failure(`harness.config is refused: ${result.issues[0]?.message ?? 'no message'}`)
  return result.value
}

/** Requests to a server of this case stay as they are; all others go to `origin`, with their path and query. */
function ledTo(origin: string, url: string, services: ReadonlySet<Service>): string {
  if (!URL.canParse(url)) return url
  const { origin: own, pathname, search } = new URL(url)
  if (own === origin || [...services].some((service) => service.origin === own)) return url
  return `${origin}${pathname}${search}`
}

/** Rejects with `words` when `promise` has not settled after `ms`: a case that hangs should say why. */
export async function within<T>(ms: number, promise: Promise<T>, words: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(failure(words)), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

export function failure(message: string, cause?: unknown): AssertionError {
  const error = new AssertionError({ message })
  if (cause !== undefined) error.cause = cause
  return error
}

function nameOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error)
}
