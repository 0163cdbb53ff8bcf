import { z } from 'zod'
import type { Outcome, Transport } from '../../src/contracts/index.ts'
import { classifyHttpFailure, classifyResponse } from '../../src/delivery/classify.ts'
import { isHttpError } from '../../src/http/index.ts'

/** Where a transport of the host's own has its bug. */
export const CLUMSY = ['send', 'build', 'variant', 'missing', 'validate', 'describe', 'channels'] as const
type Clumsy = (typeof CLUMSY)[number]

export interface IncomingConfig {
  readonly url: string
  readonly appKey: string
  readonly clumsy?: Clumsy | undefined
}

/**
 * A transport as a host may write one, in good faith: URL and key are secret, and what the service says is passed on as
 * detail, error word and receipt. Where it is `clumsy` it throws all that it knows, once `armed`.
 */
export function incomingTransport(armed: () => boolean): Transport<'incoming', IncomingConfig, IncomingConfig, string> {
  const schema = z.strictObject({ url: z.string(), appKey: z.string(), clumsy: z.enum(CLUMSY).optional() })
  const stumble = (config: IncomingConfig, place: Clumsy, token?: string): void => {
    if (config.clumsy !== place || !armed()) return
    const cause = Object.assign(new Error(`refused: ${config.appKey}`), { config, token })
    throw new Error(`${place}: cannot reach ${config.url} with ${config.appKey} and ${token}`, { cause })
  }
  return {
    name: 'incoming',
    config: {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate(value) {
          const result = schema.safeParse(value)
          if (!result.success) return { issues: result.error.issues }
          stumble(result.data, 'validate')
          return { value: result.data }
        },
      },
    },
    fields: [
      { name: 'url', label: 'URL', kind: 'url', required: true, secret: true },
      { name: 'appKey', label: 'Key', kind: 'text', required: true, secret: true },
    ],
    deadlineMs: 1500,
    retry: { delaysMs: [] },
    missing(config) {
      stumble(config, 'missing')
      return []
    },
    variant(config) {
      stumble(config, 'variant')
      return 'same'
    },
    describe(config) {
      stumble(config, 'describe')
      return new URL(config.url).host
    },
    build(message, { config }) {
      stumble(config, 'build')
      return JSON.stringify({ id: message.id })
    },
    async send(body, { connection: { config }, token, http, deadlineAt, signal, now }): Promise<Outcome> {
      stumble(config, 'send', token)
      const headers = {
        'content-type': 'application/json',
        'x-app-key': config.appKey,
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      }
      try {
        const response = await http.request({ method: 'POST', url: config.url, headers, body, deadlineAt, signal })
        const outcome = { ...classifyResponse(response, now), snippet: response.text.slice(0, 2_048) }
        const said = wordsOf(response.text)
        if (outcome.kind === 'delivered')
          return { ...outcome, receipt: { id: said.id ?? '', echo: response.headers['x-echo'] ?? '' } }
        return {
          ...outcome,
          ...(response.status === 401 ? { kind: 'retry', code: 'token_expired' } : {}),
          ...(said.error === undefined ? {} : { providerCode: said.error }),
          detail: `it said: ${response.text}`,
        }
      } catch (error) {
        if (isHttpError(error)) return classifyHttpFailure(error)
        throw error
      }
    },
    async channels({ connection: { config }, token }) {
      stumble(config, 'channels', token)
      return []
    },
  }
}

function wordsOf(text: string): { readonly id?: string; readonly error?: string } {
  try {
    const said = JSON.parse(text)
    return {
      ...(typeof said?.id === 'string' ? { id: said.id } : {}),
      ...(typeof said?.error === 'string' ? { error: said.error } : {}),
    }
  } catch {
    return {}
  }
}
