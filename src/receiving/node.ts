import { isUint8Array } from 'node:util/types'
import { badBody, incomplete, tooLarge } from './errors.ts'

/** What is used of `http.IncomingMessage`, and of what frameworks add to it. */
export interface NodeRequest {
  readonly method?: string | undefined
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly readableDidRead?: boolean
  readonly destroyed?: boolean
  /** The raw bytes, where a framework or the platform has kept them. */
  readonly rawBody?: unknown
  /** What a body parser made of it; bytes and text are the raw body. */
  readonly body?: unknown
  on(event: 'data', listener: (chunk: Uint8Array) => void): unknown
  on(event: 'end' | 'error' | 'close', listener: () => void): unknown
  off(event: 'data', listener: (chunk: Uint8Array) => void): unknown
  resume(): unknown
}

/** What is used of `http.ServerResponse`. */
export interface NodeResponse {
  statusCode: number
  readonly headersSent: boolean
  setHeader(name: string, value: string | readonly string[]): unknown
  end(body?: Uint8Array): unknown
}

/** Takes a request of `node:http`, Express or Connect; further arguments (`next`) are ignored. */
export type NodeListener = (request: NodeRequest, response: NodeResponse) => Promise<void>

/**
 * The raw body of a request: what was kept of it, else the stream. Bodies that a parser has consumed are gone: what is
 * serialised again has other bytes.
 *
 * @throws ReceiveError
 */
export async function readNodeBody(request: NodeRequest, maxBodyBytes: number): Promise<Uint8Array> {
  const kept = keptBody(request)
  if (kept !== undefined) return kept
  if (request.readableDidRead === true) {
    throw badBody(
      500,
      'the raw bytes are gone, something has read them (express.json()?): put the receiver before the body parser, ' +
        "or express.raw({ type: '*/*' }) before the receiver, or keep the bytes as request.rawBody",
    )
  }
  if (request.destroyed === true) throw incomplete()
  if (Number(request.headers['content-length']) > maxBodyBytes) throw tooLarge(maxBodyBytes)
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = []
    let size = 0
    const add = (chunk: Uint8Array): void => {
      size += chunk.byteLength
      if (size <= maxBodyBytes) {
        chunks.push(chunk)
        return
      }
      // The rest is read and dropped: a connection that is closed over it would take the answer with it.
      request.off('data', add)
      request.resume()
      chunks.length = 0
      reject(tooLarge(maxBodyBytes))
    }
    const cut = (): void => reject(incomplete())
    request.on('data', add)
    request.on('end', () => resolve(Buffer.concat(chunks)))
    request.on('error', cut)
    request.on('close', cut)
  })
}

function keptBody({ rawBody, body, readableDidRead }: NodeRequest): Uint8Array | undefined {
  if (isUint8Array(rawBody)) return rawBody
  if (typeof rawBody === 'string') return Buffer.from(rawBody)
  if (isUint8Array(body)) return body
  return readableDidRead === true && typeof body === 'string' ? Buffer.from(body) : undefined
}

/** Writes a Fetch `Response` as an answer of `node:http`, unless the handler has answered by itself. */
export async function writeNodeResponse(answer: Response, response: NodeResponse): Promise<void> {
  if (response.headersSent) return
  const body = new Uint8Array(await answer.arrayBuffer())
  response.statusCode = answer.status
  answer.headers.forEach((value, name) => {
    if (name !== 'set-cookie') response.setHeader(name, value)
  })
  const cookies = answer.headers.getSetCookie()
  if (cookies.length > 0) response.setHeader('set-cookie', cookies)
  if (body.byteLength === 0) response.end()
  else response.end(body)
}
