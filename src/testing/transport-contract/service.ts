import { createServer as createHttpServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net'

/** A request as the service got it. */
export interface ServiceRequest {
  readonly method: string
  /** Path and query. */
  readonly path: string
  /** Names in lower case. */
  readonly headers: IncomingHttpHeaders
  /** The bytes, as signatures need them. */
  readonly body: Buffer
  readonly text: string
}

export interface ServiceAnswer {
  /** @default 200 */
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** @default '' */
  readonly body?: string
}

/** A loopback server, until `close`. */
export interface Service {
  /** `http://127.0.0.1:<port>` */
  readonly origin: string
  close(): Promise<void>
}

export interface HttpService extends Service {
  readonly requests: readonly ServiceRequest[]
}

/** Answers every request that is complete as `answer` says. */
export async function startService(answer: (request: ServiceRequest) => ServiceAnswer): Promise<HttpService> {
  const requests: ServiceRequest[] = []
  const server = createHttpServer((incoming, response) => {
    const chunks: Buffer[] = []
    incoming.on('error', () => {})
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      const body = Buffer.concat(chunks)
      const { method = '', url: path = '', headers } = incoming
      const request = { method, path, headers, body, text: body.toString() }
      requests.push(request)
      write(response, answer, request)
    })
  })
  const origin = await listen(server)
  return {
    origin,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** An answer that throws is a mistake in the harness: it must not end the process. */
function write(
  response: ServerResponse,
  answer: (request: ServiceRequest) => ServiceAnswer,
  request: ServiceRequest,
): void {
  try {
    const { status = 200, headers = {}, body = '' } = answer(request)
    response.writeHead(status, headers).end(body)
  } catch (error) {
    response.writeHead(599, { 'content-type': 'text/plain' }).end(`the harness could not answer: ${error}`)
  }
}

export interface RawService extends Service {
  /** How many connections brought a whole request. */
  readonly arrived: () => number
  /** Resolves when the first connection that brought a request has gone. */
  readonly disconnected: Promise<void>
}

/** A server below HTTP, for what goes wrong: `onRequest` gets the socket when a whole request has come. */
export async function startRawService(onRequest: (socket: Socket) => void): Promise<RawService> {
  const sockets = new Set<Socket>()
  let arrived = 0
  let left: () => void = () => {}
  const disconnected = new Promise<void>((resolve) => {
    left = resolve
  })
  const server = createTcpServer((socket) => {
    sockets.add(socket)
    let received = Buffer.alloc(0)
    let isWhole = false
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      if (isWhole) return
      received = Buffer.concat([received, chunk])
      isWhole = isWholeRequest(received)
      if (!isWhole) return
      arrived += 1
      onRequest(socket)
    })
    socket.on('close', () => {
      sockets.delete(socket)
      if (isWhole) left()
    })
  })
  return {
    origin: await listen(server),
    arrived: () => arrived,
    disconnected,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}

function isWholeRequest(received: Buffer): boolean {
  const end = received.indexOf('\r\n\r\n')
  if (end === -1) return false
  const head = received.toString('latin1', 0, end)
  if (/^transfer-encoding: *chunked/im.test(head)) return received.toString('latin1').endsWith('0\r\n\r\n')
  const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0)
  return received.length >= end + 4 + length
}

/** An origin on which nothing listens. */
export async function deadOrigin(): Promise<string> {
  const server = createTcpServer()
  const origin = await listen(server)
  await new Promise((resolve) => server.close(resolve))
  return origin
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  return `http://127.0.0.1:${port}`
}
