import type { Clock } from './clock.ts'
import type { OutcomeCode } from './outcome.ts'

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly url: string
  /** Checked by the transport that takes them from users; names in any case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  /** Epoch ms: the whole exchange, from the call to the last byte read, ends by then. */
  readonly deadlineAt: number
  /** How much of the response body is kept, in bytes: 1 to 4_194_304. @default 16_384 */
  readonly maxResponseBytes?: number
  /** For shutdown, not for deadlines. An aborted request rejects with `signal.reason`. */
  readonly signal?: AbortSignal
}

export interface HttpResponse {
  readonly status: number
  /** Lower-case names; repeated ones joined with `, `. */
  readonly headers: Readonly<Record<string, string>>
  /** The first 16 KiB (`maxResponseBytes`) of the body as text, decoded as UTF-8; the rest was discarded. */
  readonly text: string
  readonly truncated: boolean
}

/** Why no response arrived. Rejections of {@link HttpPort.request} carry it, and nothing secret: no URL, no header. */
export interface HttpFailure {
  readonly name: 'HttpError'
  readonly code: OutcomeCode
  /** Whether the request had been written when it failed: `false`, it certainly did not arrive. */
  readonly written: boolean | 'unknown'
  readonly message: string
}

/** The only way to the network: everything that transports send goes through it. */
export interface HttpPort {
  /** What `deadlineAt` is measured on. A dispatcher that was given another clock refuses the port. @default not told */
  readonly clock?: Clock
  /**
   * One exchange under the egress guard. Redirects are never followed: a 3xx is a response. Settles by `deadlineAt`,
   * also while connecting, queued, or reading; a request that was still queued is then never sent.
   * @throws HttpFailure · `signal.reason` when aborted
   */
  request(request: HttpRequest): Promise<HttpResponse>
  /** Checks a URL without any I/O, at create and update. @throws SignalboxError `blocked_url` */
  check(url: string): void
  /** Frees sockets. */
  close(): Promise<void>
}
