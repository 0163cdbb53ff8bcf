import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { SCHEMES } from './settings.ts'

/** One request that arrived whole. */
export interface Receipt {
  /** The path that it came to: one a connection. */
  readonly path: string
  /** `webhook-id` */
  readonly messageId: string
  /** From the body. */
  readonly eventId: string
  readonly bodyHash: string
  /** Every scheme verifies it. */
  readonly verified: boolean
  /** The receiver took it: it answered, or wanted to answer, 2xx. */
  readonly taken: boolean
  /** Epoch ms. */
  readonly at: number
}

export interface ReceiverOptions {
  readonly random: () => number
  /** How long an answer takes, in ms. */
  readonly delayMs: () => number
  /** No answer before this resolves. @default at once */
  readonly until?: Promise<void>
  /** Share of requests that are answered with 503. @default 0 */
  readonly refuse?: number
  /** Share of requests whose connection is cut without an answer. @default 0 */
  readonly cut?: number
}

export interface ChaosReceiver {
  /** `http://127.0.0.1:port`, two of them: a process opens at most 64 connections to one. */
  readonly origins: readonly string[]
  readonly receipts: readonly Receipt[]
  /** Requests that arrived and are not answered yet. */
  open(): number
  /** From now on it answers otherwise, in what is named. */
  answer(next: Partial<ReceiverOptions>): void
  /** Signatures are checked with these, by path. */
  setSecret(path: string, secret: string): void
  close(): Promise<void>
}

/** Records everything that arrives before it answers. */
export async function startChaosReceiver(options: ReceiverOptions): Promise<ChaosReceiver> {
  const receipts: Receipt[] = []
  const secrets = new Map<string, string>()
  let how = options
  let open = 0

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    try {
      for await (const chunk of request) chunks.push(chunk)
    } catch {
      return // the sender died while it was writing: nothing arrived
    }
    const { random, delayMs, until, refuse = 0, cut: cutShare = 0 } = how
    const draw = random()
    const refused = draw < refuse
    const cut = !refused && draw < refuse + cutShare
    receipts.push(receiptOf(request, Buffer.concat(chunks), !refused && !cut))
    open++
    await until
    await pause(delayMs())
    open--
    if (cut) return void request.socket.destroy()
    response.statusCode = refused ? 503 : 200
    response.end('{"ok":true}')
  }

  function receiptOf(request: IncomingMessage, body: Buffer, taken: boolean): Receipt {
    const path = request.url ?? ''
    const at = Date.now()
    const secret = secrets.get(path)
    const input = { headers: request.headers, body, secrets: secret === undefined ? [] : [secret], now: at }
    return {
      path,
      messageId: String(request.headers['webhook-id']),
      eventId: eventIdOf(body),
      bodyHash: createHash('sha256').update(body).digest('base64url'),
      verified: SCHEMES.every((scheme) => scheme.verify(input).ok),
      taken,
      at,
    }
  }

  const servers = [0, 1].map(() => createServer((request, response) => void handle(request, response)))
  for (const server of servers) {
    server.keepAliveTimeout = 60_000
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', 1024, resolve))
  }
  return {
    origins: servers.map((server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    receipts,
    open: () => open,
    answer: (next) => {
      how = { ...how, ...next }
    },
    setSecret: (path, secret) => void secrets.set(path, secret),
    async close() {
      for (const server of servers) {
        const closed = new Promise((resolve) => server.close(resolve))
        server.closeAllConnections()
        await closed
      }
    },
  }
}

function eventIdOf(body: Buffer): string {
  try {
    const { metadata }: { metadata: { eventId: string } } = JSON.parse(body.toString())
    return metadata.eventId
  } catch {
    return 'unreadable'
  }
}
