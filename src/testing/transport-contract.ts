import type { HttpPort } from '../contracts/http.ts'
import type { Message } from '../contracts/message.ts'
import type { Receipt } from '../contracts/outcome.ts'
import type { Transport } from '../contracts/transport.ts'
import { fetchHttp, type HttpOptions, undiciHttp } from '../http/index.ts'
import { answerCases } from './transport-contract/answers.ts'
import { buildCases } from './transport-contract/builds.ts'
import { configCases } from './transport-contract/configs.ts'
import { dispatcherCases } from './transport-contract/dispatched.ts'
import { networkCases } from './transport-contract/network.ts'
import { sendCases } from './transport-contract/sends.ts'
import type { ServiceAnswer, ServiceRequest } from './transport-contract/service.ts'
import { type Case, createWorld, type ExchangeCase } from './transport-contract/world.ts'

export type { ServiceAnswer, ServiceRequest }

/** How the contract gets at a transport. */
export interface TransportHarness<Input = unknown> {
  readonly transport: Transport<string, Input>
  /**
   * A valid config; nothing may be missing in it. Whatever URL a request names, the contract leads it to a server of its
   * own on 127.0.0.1, path and query kept: only a transport that takes any URL needs `origin`, the others keep the
   * hosts of their service. Nothing leaves the machine. Give secrets values that are found again, not `x`.
   */
  config(origin: string): NoInfer<Input>
  /** Another valid config, as different from the first as can be. Give it where the transport has `variant`. */
  otherConfig?(origin: string): NoInfer<Input>
  /** What the real service answers to a good request; what it answers to a bad one too, where you check that. */
  success(request: ServiceRequest): ServiceAnswer
  /** The receipt that `success` leads to. */
  readonly receipt?: Receipt
  /** How many requests one good send makes. @default 1 */
  readonly exchanges?: number
  /** The access token. Give it if, and only if, the transport has a `provider`. */
  readonly token?: string
  /** What the transport signs with, newest first. @default one `whsec_…` if the transport has `signatures` */
  readonly signingSecrets?: readonly string[]
  /**
   * Further texts that must appear in no label and no outcome. The token, the signing secrets and the values of secret
   * fields are looked for anyway.
   */
  readonly secrets?: readonly string[]
  /** How the service says that the destination no longer exists. */
  readonly gone?: readonly ServiceAnswer[]
  /** How it says that the credentials are dead. */
  readonly reauthorize?: readonly ServiceAnswer[]
  /** How it says that the access token has expired, so that a new one may do: `retry` with `token_expired`. */
  readonly tokenExpired?: readonly ServiceAnswer[]
  /** How it says that it will never take this message. */
  readonly rejected?: readonly ServiceAnswer[]
  /** A message that the transport does not send: `rejected` with `unsupported_message`. */
  readonly unsupported?: Message
  /** The ports to run over; they have to reach 127.0.0.1 by plain HTTP. @default undiciHttp and fetchHttp */
  readonly http?: Readonly<Record<string, () => HttpPort>>
}

export interface TransportContractCase {
  /** Ends with the port it runs over, where it makes requests: `sends: … (fetchHttp)`. */
  readonly name: string
  /** Why this case does not apply; its `run` does nothing then. */
  readonly skip?: string
  /** Rejects with an `AssertionError` where the transport breaks the contract. */
  run(): Promise<void>
}

/**
 * The contract of a {@link Transport} as data, for any test runner: each case starts a service of its own on 127.0.0.1,
 * lets the transport send to it, and rejects where the transport breaks the contract. Deadlines run on the real clock;
 * no case takes longer than a second where the transport keeps it.
 *
 * @example
 * ```ts
 * import { transportContract } from 'signalbox/testing'
 * import { describe, it } from 'vitest'
 * import { pushTransport } from '../src/push-transport.ts'
 *
 * describe('pushTransport', () => {
 *   const cases = transportContract({
 *     transport: pushTransport(),
 *     config: (origin) => ({ url: `${origin}/topics/alerts`, key: 'key_5f0c2a91' }),
 *     success: ({ headers }) => ({ status: headers.authorization === 'Bearer key_5f0c2a91' ? 200 : 401 }),
 *     reauthorize: [{ status: 401 }],
 *   })
 *   for (const { name, skip, run } of cases) {
 *     if (skip === undefined) it(name, run)
 *     else it.skip(`${name} (${skip})`)
 *   }
 * })
 * ```
 */
export function transportContract<Input>(harness: TransportHarness<Input>): readonly TransportContractCase[] {
  const untyped = harness as TransportHarness
  const ports = Object.entries(harness.http ?? PORTS)
  return [
    ...PURE_CASES.map((each) => toCase(each.name, untyped, each, NO_PORT)),
    ...EXCHANGE_CASES.flatMap((each) =>
      ports.map(([port, make]) => toCase(`${each.name} (${port})`, untyped, each, make)),
    ),
  ]
}

const LOOPBACK: HttpOptions = { allow: [{ cidr: '127.0.0.0/8', plainHttp: true }] }

const PORTS: Readonly<Record<string, () => HttpPort>> = {
  undiciHttp: () => undiciHttp(LOOPBACK),
  fetchHttp: () => fetchHttp(LOOPBACK),
}

const PURE_CASES: readonly Case[] = [...configCases, ...buildCases]
const EXCHANGE_CASES: readonly ExchangeCase[] = [...sendCases, ...answerCases, ...networkCases, ...dispatcherCases]

/** Stands where a case must get by without requests. */
const NO_PORT = (): HttpPort => ({
  request: () => Promise.reject(new Error('this case makes no requests')),
  check: () => {},
  close: async () => {},
})

function toCase(
  name: string,
  harness: TransportHarness,
  each: Case | ExchangeCase,
  makePort: () => HttpPort,
): TransportContractCase {
  const skip = each.skip?.(harness)
  if (skip !== undefined) return { name, skip, run: async () => {} }
  return {
    name,
    async run() {
      checkHarness(harness)
      const world = createWorld(harness, makePort())
      try {
        await each.run(world)
      } finally {
        await world.close()
      }
    },
  }
}

/** What a harness leaves out must not hide a promise of the transport. */
function checkHarness({ transport, token, otherConfig, signingSecrets }: TransportHarness): void {
  if (transport.provider !== undefined && token === undefined) {
    throw new Error('a transport with a provider needs harness.token')
  }
  if (transport.provider === undefined && token !== undefined) {
    throw new Error('harness.token: the transport names no provider, so that it would never be given a token')
  }
  if (transport.variant !== undefined && otherConfig === undefined) {
    throw new Error('a transport with variant needs harness.otherConfig')
  }
  if (transport.signatures !== undefined && signingSecrets?.length === 0) {
    throw new Error('a transport with signatures needs one of harness.signingSecrets')
  }
}
