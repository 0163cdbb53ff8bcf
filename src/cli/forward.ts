import type { IncomingHttpHeaders } from 'node:http'
import { isHttpError, truncatedUrl, undiciHttp } from 'signalbox/http'
import { egressFor } from './egress.ts'

const DEADLINE_MS = 30_000

/** Headers of one connection, not of the message (RFC 9110, 7.6.1), and those that the HTTP client writes itself. */
const OWN: ReadonlySet<string> = new Set([
  'accept-encoding',
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

export interface Forwarded {
  /** What the sender is answered: 502 where no answer came. */
  readonly status: number
  readonly contentType?: string
  readonly text: string
  /** Why no answer came. */
  readonly error?: string
}

export interface Forwarder {
  /** For people: without the query, and only the beginning of the path. */
  readonly name: string
  forward(headers: IncomingHttpHeaders, body: Uint8Array): Promise<Forwarded>
  close(): Promise<void>
}

/** Sends requests on to one URL, the body byte for byte, so that signatures hold there too. @throws `blocked_url` */
export function createForwarder(url: string, signal: AbortSignal): Forwarder {
  const http = undiciHttp({ ...egressFor(url), userAgent: false })
  http.check(url)
  return {
    name: truncatedUrl(url),
    async forward(headers, body) {
      try {
        const deadlineAt = Date.now() + DEADLINE_MS
        const request = { method: 'POST', url, headers: endToEnd(headers), body, deadlineAt, signal } as const
        const { status, headers: answered, text } = await http.request(request)
        const contentType = answered['content-type']
        return { status, text, ...(contentType === undefined ? {} : { contentType }) }
      } catch (error) {
        if (isHttpError(error)) return { status: 502, text: '', error: error.code }
        if (signal.aborted) return { status: 502, text: '', error: 'cancelled' }
        throw error
      }
    },
    close: http.close,
  }
}

function endToEnd(headers: IncomingHttpHeaders): Record<string, string> {
  const named = new Set(headers.connection?.split(',').map((name) => name.trim().toLowerCase()))
  const kept: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || OWN.has(name) || named.has(name)) continue
    kept[name] = typeof value === 'string' ? value : value.join(', ')
  }
  return kept
}
