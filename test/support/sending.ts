import type { Connection } from '../../src/contracts/connection.ts'
import type { HttpPort } from '../../src/contracts/http.ts'
import type { Message } from '../../src/contracts/message.ts'
import type { Outcome } from '../../src/contracts/outcome.ts'
import type { Transport } from '../../src/contracts/transport.ts'
import { fetchHttp, type HttpOptions, undiciHttp } from '../../src/http/index.ts'
import type { Answer } from './receiver.ts'

/** Both ways to the network, for `describe.each`. */
export const PORTS: readonly (readonly [string, (options: HttpOptions) => HttpPort])[] = [
  ['undiciHttp', undiciHttp],
  ['fetchHttp', fetchHttp],
]

export function connectionOf<Config>(transport: string, config: Config): Connection<Config> {
  return { id: 'con_1', orgId: 'org_1', transport, label: 'L', config, categories: [], eventTypes: [] }
}

/** One exchange, as the core makes it. */
export function sendOnce<Config, Payload>(
  transport: Transport<string, unknown, Config, Payload>,
  options: {
    readonly http: HttpPort
    readonly config: Config
    readonly message: Message
    readonly token?: string
    readonly signal?: AbortSignal
    readonly deadlineMs?: number
  },
): Promise<Outcome> {
  const { http, message, token, signal = new AbortController().signal, deadlineMs = 10_000 } = options
  const connection = connectionOf(transport.name, options.config)
  const now = Date.now()
  return transport.send(transport.build(message, connection), {
    connection,
    secrets: [],
    ...(token === undefined ? {} : { token }),
    http,
    deliveryId: 'dlv_1',
    messageId: message.id,
    attempt: 1,
    now,
    deadlineAt: now + deadlineMs,
    signal,
  })
}

export function json(code: number, body: object, headers: Readonly<Record<string, string>> = {}): Answer {
  return (_request, response) => {
    response.writeHead(code, { 'content-type': 'application/json', ...headers })
    response.end(JSON.stringify(body))
  }
}

/** Reads the request and drops the connection. */
export const hangUp: Answer = (_request, response) => {
  response.socket?.destroy()
}
