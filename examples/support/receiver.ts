import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** One request as it arrived. `body` is raw: signatures are over bytes. */
export interface Received {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
}

export interface Receiver {
  readonly requests: readonly Received[]
  /** The latest request; throws where none came. */
  last(): Received
  url(path: string): string
  close(): Promise<void>
}

/**
 * Stands for the endpoints of customers: a server on 127.0.0.1 that keeps what it gets. `answer` says what to answer to
 * the `nth` request of a path (1 for the first); the default is 204.
 */
export async function startReceiver(answer?: (request: Received, nth: number) => Answer): Promise<Receiver> {
  const requests: Received[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const received = { path: request.url ?? '/', headers: request.headers, body: Buffer.concat(chunks) }
    requests.push(received)
    const nth = requests.filter((one) => one.path === received.path).length
    const { status, headers } = answer?.(received, nth) ?? { status: 204 }
    response.writeHead(status, headers).end()
  })
  const port = await listen(server)
  return {
    requests,
    last() {
      const latest = requests.at(-1)
      if (latest === undefined) throw new Error('no request has arrived')
      return latest
    },
    url: (path) => `http://127.0.0.1:${port}${path}`,
    close: () => close(server),
  }
}

/** On a free port of the loopback interface. Answers the port. */
export async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

export async function close(server: Server): Promise<void> {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
}
