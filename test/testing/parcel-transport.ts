import { createHash } from 'node:crypto'
import { z } from 'zod'
import { isHttpError } from '../../src/http/index.ts'
import { classifyHttpFailure, classifyResponse, type Message, type Transport } from '../../src/index.ts'
import { standardWebhooks } from '../../src/signing/index.ts'
import type { ServiceRequest, TransportHarness } from '../../src/testing/index.ts'

export interface ParcelInput {
  readonly url: string
  readonly room: string
  readonly key: string
  readonly style?: 'short' | 'long' | undefined
}

export interface ParcelConfig {
  readonly url: string
  readonly room: string
  readonly key: string
  readonly style: 'short' | 'long'
}

/** `undefined`: this message is not sent. */
export type Parcel = { readonly body: string } | undefined

export type ParcelTransport = Transport<'parcel', ParcelInput, ParcelConfig, Parcel>

const schemes = [standardWebhooks()]

/** A transport that makes every promise there is, and keeps it: the base of those that break one. */
export function parcelTransport(): ParcelTransport {
  return {
    name: 'parcel',
    provider: 'parcels',
    signatures: schemes,
    config: z.strictObject({
      url: z.url(),
      room: z.string().min(1),
      key: z.string().min(1),
      style: z.enum(['short', 'long']).default('short'),
    }),
    fields: [
      { name: 'url', label: 'Endpoint', kind: 'url', required: true },
      { name: 'room', label: 'Room', kind: 'text', required: true },
      { name: 'key', label: 'Key', kind: 'text', required: true, secret: true },
      {
        name: 'style',
        label: 'Style',
        kind: 'select',
        required: false,
        options: ['short', 'long'].map((value) => ({ value, label: value })),
      },
    ],
    variant: ({ style }) => style,
    describe: ({ url }) => new URL(url).host,
    build: (message, { config }) => {
      const text = textOf(message)
      if (text === undefined) return undefined
      const most = config.style === 'short' ? 200 : 2_000
      const id = createHash('sha256').update(message.id).digest('hex')
      return { body: JSON.stringify({ id, text: [...text].slice(0, most).join('') }) }
    },
    async send(parcel, { connection, http, token, secrets, messageId, now, deadlineAt, signal }) {
      if (parcel === undefined) return { kind: 'rejected', code: 'unsupported_message' }
      if (token === undefined) return { kind: 'reauthorize', code: 'token_missing' }
      const { url, room, key } = connection.config
      const { body } = parcel
      const headers: Record<string, string> = { 'content-type': 'application/json', 'x-room': room, 'x-key': key }
      for (const scheme of schemes) Object.assign(headers, scheme.sign({ id: messageId, sentAt: now, body, secrets }))
      headers.authorization = `Bearer ${token}`
      try {
        const response = await http.request({ method: 'POST', url, headers, body, deadlineAt, signal })
        const { status, text } = response
        const snippet = text
        if (status === 401 && text === 'expired') return { kind: 'retry', code: 'token_expired', status, snippet }
        if (status === 401) return { kind: 'reauthorize', code: 'token_revoked', status, snippet }
        if (status === 400) return { kind: 'rejected', code: 'invalid_payload', status, snippet }
        const outcome = classifyResponse(response, now)
        if (outcome.kind !== 'delivered') return { ...outcome, snippet }
        const id = receiptOf(text)
        if (id === undefined) return { kind: 'retry', code: 'invalid_response', ambiguous: true, status, snippet }
        return { ...outcome, receipt: { id } }
      } catch (error) {
        if (isHttpError(error)) return classifyHttpFailure(error)
        throw error
      }
    },
  }
}

export function textOf(message: Message): string | undefined {
  if (message.kind === 'digest') return message.events.map((event) => event.title).join(', ')
  if (message.kind === 'test') return message.title
  return message.event.type === 'heartbeat' ? undefined : `${message.event.title}: ${message.event.body}`
}

function receiptOf(text: string): string | undefined {
  try {
    const parsed: unknown = JSON.parse(text)
    const id = typeof parsed === 'object' && parsed !== null ? Reflect.get(parsed, 'id') : undefined
    return typeof id === 'string' ? id : undefined
  } catch {
    return undefined
  }
}

export const KEY = 'key_5f0c2a9144d1'
const TOKEN = 'tok_9b3e77aa20c1'
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'

export const parcelHarness = {
  config: (origin: string): ParcelInput => ({ url: `${origin}/parcels?list=q_8f1d77`, room: 'R1', key: KEY }),
  otherConfig: (origin: string): ParcelInput => ({ url: `${origin}/other`, room: 'R2', key: 'k', style: 'short' }),
  token: TOKEN,
  signingSecrets: [SECRET],
  secrets: [KEY],
  success: ({ headers }: ServiceRequest) =>
    headers.authorization === `Bearer ${TOKEN}` && headers['x-key'] === KEY
      ? { status: 201, body: '{"id":"p_1"}' }
      : { status: 403 },
  receipt: { id: 'p_1' },
  gone: [{ status: 410 }],
  reauthorize: [{ status: 401, body: 'revoked' }],
  tokenExpired: [{ status: 401, body: 'expired' }],
  rejected: [{ status: 400 }],
  unsupported: {
    kind: 'event',
    id: 'msg_1',
    orgId: 'org_1',
    orgName: 'Acme',
    timestamp: 1_780_000_000_000,
    event: {
      id: 'evt_1',
      orgId: 'org_1',
      type: 'heartbeat',
      title: 'Heartbeat',
      body: '',
      href: 'https://app.example.com',
      orgName: 'Acme',
      importance: 'low',
      timestamp: 1_780_000_000_000,
      messageId: 'msg_1',
      acceptedAt: 1_780_000_000_000,
    },
  },
} as const satisfies Omit<TransportHarness<ParcelInput>, 'transport'>
