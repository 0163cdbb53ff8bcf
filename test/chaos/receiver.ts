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
  /** Share of requests that are answered with 503. @default 0 */
  readonly refuse?: number
  /** Share of requests whose connection is cut without an answer. @default 0 */
  readonly cut?: number
}

export interface ChaosReceiver {
  /** `http://127.0.0.1:port` */
  readonly origin: string
  readonly receipts: readonly Receipt[]
  /** Requests that arrived and are not answered yet. */
  open(): number
  /** From now on answers take this long, in ms. */
  answerAfter(delayMs: () => number): void
  /** Signatures are checked with these, by path. */
  setSecret(path: string, secret: string): void
  close(): Promise<void>
}

/** Records everything that arrives before it answers. */
export async function startChaosReceiver(options: ReceiverOptions): Promise<ChaosReceiver> {
  const receipts: Receipt[] = []
  const secrets = new Map<string, string>()
  let { delayMs } = options
  let open = 0

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    try {
      for await (const chunk of request) chunks.push(chunk)
    } catch {
      return // the sender died while it was writing: nothing arrived
    }
    const draw = options.random()
    const refused = draw < (options.refuse ?? 0)
    const cut = !refused && draw < (options.refuse ?? 0) + (options.cut ?? 0)
    receipts.push(receiptOf(request, Buffer.concat(chunks), !refused && !cut))
    open++
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

  const server = createServer((request, response) => void handle(request, response))
  server.keepAliveTimeout = 60_000
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', 1024, resolve))
  const { port } = server.address() as AddressInfo
  return {
    origin: `http://127.0.0.1:${port}`,
    receipts,
    open: () => open,
    answerAfter: (next) => {
      delayMs = next
    },
    setSecret: (path, secret) => void secrets.set(path, secret),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
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
