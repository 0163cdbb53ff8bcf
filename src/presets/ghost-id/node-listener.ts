import { type NodeRequest, type NodeResponse, readNodeBody, writeNodeResponse } from '../../receiving/node.ts'

/** What is used of `http.IncomingMessage`, and of what Express adds to it. */
export interface GhostIdNodeRequest extends NodeRequest {
  readonly url?: string | undefined
  /** Express: the URL before a router took its own path off. */
  readonly originalUrl?: string | undefined
}

/** Takes a request of `node:http`, Express or Connect; further arguments (`next`) are ignored. */
export type GhostIdNodeListener = (request: GhostIdNodeRequest, response: NodeResponse) => Promise<void>

/** A listener over a handler that takes the body apart from the request, which has none here. */
export function nodeListener(
  handle: (request: Request, readBody: () => Promise<Uint8Array>) => Promise<Response>,
  maxBodyBytes: number,
): GhostIdNodeListener {
  return async (incoming, outgoing) => {
    const response = await handle(requestOf(incoming), () => bodyOf(incoming, maxBodyBytes))
    await writeNodeResponse(response, outgoing)
  }
}

function requestOf({ method = 'GET', url = '/', originalUrl = url, headers }: GhostIdNodeRequest): Request {
  const origin = `http://${headers.host ?? ''}`
  // The path is appended, not resolved: one that begins with two slashes would name another host.
  const target = originalUrl.startsWith('/') ? originalUrl : '/'
  const address = URL.canParse(origin + target) ? origin + target : `http://localhost${target}`
  const copied = new Headers()
  for (const [name, value] of Object.entries(headers)) {
    for (const one of value === undefined || name.startsWith(':') ? [] : [value].flat()) copied.append(name, one)
  }
  return new Request(address, { method, headers: copied })
}

/** No signature is over these bytes: what a body parser (`express.json()`) made of them says the same. */
async function bodyOf(incoming: GhostIdNodeRequest, maxBodyBytes: number): Promise<Uint8Array> {
  const { body, readableDidRead } = incoming
  const isParsed = readableDidRead === true && typeof body === 'object' && body !== null && !ArrayBuffer.isView(body)
  return isParsed ? Buffer.from(JSON.stringify(body)) : readNodeBody(incoming, maxBodyBytes)
}
