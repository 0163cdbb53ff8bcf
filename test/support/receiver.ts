import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Received {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

export type Answer = (request: Received, response: ServerResponse, count: number) => void

/** A loopback endpoint that keeps what it is sent, and answers as `answer` says (200 by default). */
export async function startReceiver(answer: Answer = (_request, response) => response.end('ok')): Promise<{
  readonly url: string
  readonly requests: readonly Received[]
  answerWith(next: Answer): void
  close(): Promise<void>
}> {
  const requests: Received[] = []
  let current = answer
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('error', () => {})
    request.on('end', () => {
      const { method = '', url = '/', headers } = request
      const received = { method, path: url, headers, body: Buffer.concat(chunks) }
      requests.push(received)
      current(received, response, requests.length)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    answerWith(next) {
      current = next
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** Egress options under which tests reach their own loopback receivers. */
export const LOOPBACK = { allow: [{ cidr: '127.0.0.0/8', plainHttp: true }] } as const

export function status(code: number, headers: Readonly<Record<string, string>> = {}, body = ''): Answer {
  return (_request, response) => {
    response.writeHead(code, headers)
    response.end(body)
  }
}
