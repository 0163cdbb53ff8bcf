import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

/** A fake behind a server on 127.0.0.1, for clients that msw does not see (`undiciHttp`, other processes). */
export interface Loopback {
  /** `http://127.0.0.1:<port>`, without a slash at the end. */
  readonly url: string
  /** Opens exactly this server to a dispatcher: `createDispatcher({ egress: fake.egress })`. */
  readonly egress: {
    readonly allow: readonly [{ readonly cidr: string; readonly ports: readonly [number]; readonly plainHttp: true }]
  }
  /** Where a URL of the real service is served here. */
  link(url: string): string
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

export interface LoopbackParts {
  /** The real origin of a path, or `undefined` where the service has none such. */
  locate(path: string): string | undefined
  /** `undefined`: nobody answers there. A response of type `error` is a connection that breaks off. */
  answer(request: Request, link: (url: string) => string): Promise<Response | undefined>
}

/** Listens on a free port of 127.0.0.1. Requests are rebuilt with the URL of the real service. */
export async function startLoopback(parts: LoopbackParts): Promise<Loopback> {
  let url = ''
  const link = (real: string): string => {
    const { pathname, search } = new URL(real)
    return url + pathname + search
  }
  const server = createServer((incoming, outgoing) => {
    serve(incoming, outgoing, (request) => parts.answer(request, link), parts.locate).catch(() => outgoing.destroy())
  })
  const port = await new Promise<number>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : 0)
    })
  })
  url = `http://127.0.0.1:${port}`
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return {
    url,
    egress: { allow: [{ cidr: '127.0.0.1/32', ports: [port], plainHttp: true }] },
    link,
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** What belongs to the connection, not to the request. */
const HOP_BY_HOP = new Set(['host', 'connection', 'keep-alive', 'transfer-encoding', 'content-length', 'expect'])

async function serve(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  answer: (request: Request) => Promise<Response | undefined>,
  locate: LoopbackParts['locate'],
): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk)
  const path = incoming.url ?? '/'
  const origin = locate(path)
  const headers = new Headers()
  for (const [name, values] of Object.entries(incoming.headersDistinct)) {
    for (const value of HOP_BY_HOP.has(name) ? [] : (values ?? [])) headers.append(name, value)
  }
  const method = incoming.method ?? 'GET'
  const body = method === 'GET' || method === 'HEAD' ? null : Buffer.concat(chunks)
  const response =
    origin === undefined ? undefined : await answer(new Request(origin + path, { method, headers, body }))
  if (response?.type === 'error') {
    outgoing.destroy()
    return
  }
  if (response === undefined) {
    outgoing.writeHead(404, { 'content-type': 'text/plain' }).end('no handler answers this path')
    return
  }
  outgoing.writeHead(response.status, Object.fromEntries(response.headers))
  outgoing.end(Buffer.from(await response.arrayBuffer()))
}
