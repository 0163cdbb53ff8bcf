import type { ReceivedWebhook, ReceiveError } from 'signalbox/receiving'
import type { Forwarded } from './forward.ts'
import { type Output, size, toJson } from './output.ts'

/** What was made of a verified request. */
export interface Handled {
  readonly webhook: ReceivedWebhook
  /** Epoch ms of its arrival. */
  readonly at: number
  readonly forwarded?: Forwarded & { readonly ms: number }
  readonly saved?: string
}

export interface Refused {
  readonly error: ReceiveError
  readonly at: number
  readonly method: string
  /** Without the query: senders put keys there. */
  readonly path: string
  readonly bytes: number
}

export interface Totals {
  readonly received: number
  readonly refused: number
  readonly duplicates: number
  readonly forwarded: number
  readonly failed: number
}

export interface Start {
  readonly url: string
  readonly scheme: string
  /** Only a generated one: whoever gave one knows it. */
  readonly secret?: string
  readonly forwardTo?: string
}

/** How `listen` tells what happens. */
export interface Report {
  started(start: Start): void
  handled(handled: Handled): void
  refused(refused: Refused): void
  ended(totals: Totals): void
}

export function humanReport({ line, plain, brief, payload: show, style }: Output): Report {
  return {
    started({ url, scheme, secret, forwardTo }) {
      line(`${style('bold', 'Listening')} on ${url} for webhooks signed by the scheme ${scheme}`)
      if (secret !== undefined) plain(`Signing secret, generated for this run: ${style('bold', secret)}`)
      if (forwardTo !== undefined) line(`Forwarding to ${forwardTo}`)
      line(style('dim', 'Ctrl+C ends'))
    },
    handled({ webhook, at, forwarded, saved }) {
      const { type = '(no type)', id, raw, payload, duplicate } = webhook
      const mark = duplicate ? style('yellow', '● duplicate') : style('green', '✓')
      line(`\n${mark} ${clock(at)}  ${style('bold', brief(type))}  ${brief(id)}  ${size(raw.byteLength)}`)
      line(show(payload, raw))
      if (saved !== undefined) line(style('dim', `  saved as ${saved}`))
      if (forwarded === undefined) return
      const { status, error, ms } = forwarded
      line(style(isSuccess(status) ? 'green' : 'red', `  → ${error ?? status}`) + style('dim', ` in ${ms} ms`))
    },
    refused({ error, at, method, path, bytes }) {
      const { status, code, failure, message } = error
      const reason = failure === undefined ? message : `${code}: ${failure}`
      line(`\n${style('red', `✗ ${clock(at)}  ${status} ${reason}`)}`)
      line(style('dim', `  ${brief(`${method} ${path}`)}  ${size(bytes)}`))
    },
    ended({ received, refused, duplicates, forwarded, failed }) {
      const parts = [`${received} verified`, `${refused} refused`]
      if (duplicates > 0) parts.push(`${duplicates} of them duplicates`)
      if (forwarded > 0) parts.push(`${forwarded} forwarded, ${failed} without success`)
      line(`\n${style('bold', 'Ended')}: ${parts.join(', ')}`)
    },
  }
}

/** One line of JSON for each thing that happens, told apart by `kind`. */
export function jsonReport({ line, plain }: Output): Report {
  const write = (value: object): void => line(toJson(value) ?? '{"kind":"received","payload":null}')
  return {
    // As it is: the generated secret is in it, and no other.
    started: (start) => plain(JSON.stringify({ kind: 'listening', ...start })),
    handled({ webhook, at, forwarded, saved }) {
      const { id, type, scheme, timestamp, duplicate, raw, payload } = webhook
      write({
        kind: 'received',
        at: new Date(at).toISOString(),
        id,
        type,
        scheme,
        sentAt: timestamp === undefined ? undefined : new Date(timestamp).toISOString(),
        duplicate,
        bytes: raw.byteLength,
        // Too deep to be written: the rest of the line still is.
        payload: toJson(payload) === undefined ? null : payload,
        forwarded: forwarded && { status: forwarded.status, error: forwarded.error, ms: forwarded.ms },
        saved,
      })
    },
    refused({ error, at, method, path, bytes }) {
      const { status, code, failure, field } = error
      write({ kind: 'refused', at: new Date(at).toISOString(), status, code, failure, field, method, path, bytes })
    },
    ended: (totals) => write({ kind: 'ended', ...totals }),
  }
}

function clock(at: number): string {
  return new Date(at).toTimeString().slice(0, 8)
}

export function isSuccess(status: number): boolean {
  return status >= 200 && status < 300
}
