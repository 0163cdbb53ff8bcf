import type { Message, Outcome, SendContext, Transport } from '../../src/contracts/index.ts'
import type { Journal, RequestSeen } from './journal.ts'
import type { Random } from './random.ts'
import { MINUTE, SECOND } from './settings.ts'
import type { Timeline } from './timeline.ts'

interface Config {
  readonly channel?: string
}

interface Wire {
  readonly body: string
  readonly message: Message
}

/** What the destinations of a world answer, until they are told to be kind. */
export interface Destinations {
  /** The transports of one process. */
  transportsOf(process: string, isAlive: () => boolean): readonly Transport[]
  calm(): void
}

const DEADLINE_MS = 10 * SECOND

export function createDestinations(deps: {
  readonly timeline: Timeline
  readonly journal: Journal
  readonly random: Random
  /** Of a hundred exchanges, so many go wrong. */
  readonly failPercent: number
}): Destinations {
  const { timeline, journal, random } = deps
  let isCalm = false
  let requests = 0

  function outcome(): Outcome | 'throw' | 'hang' {
    if (isCalm || !random.chance(deps.failPercent / 100)) {
      const cooldownMs = !isCalm && random.chance(0.05) ? random.int(1, 30) * SECOND : undefined
      return { kind: 'delivered', status: 200, ...(cooldownMs === undefined ? {} : { cooldownMs }) }
    }
    const wait = (): { retryAfterMs?: number } =>
      random.chance(0.5) ? { retryAfterMs: random.pick([0, 500, 5 * SECOND, 10 * MINUTE, 90 * MINUTE]) } : {}
    switch (
      random.weighted({ error: 5, limited: 3, ambiguous: 2, rejected: 1, gone: 0.4, auth: 0.4, throw: 1, hang: 1 })
    ) {
      case 'error':
        return { kind: 'retry', code: 'http_5xx', status: 503, ...wait() }
      case 'limited':
        return { kind: 'retry', code: 'rate_limited', status: 429, ...wait() }
      case 'ambiguous':
        return { kind: 'retry', code: 'connection_reset', ambiguous: true }
      case 'rejected':
        return { kind: 'rejected', code: 'invalid_payload', status: 400 }
      case 'gone':
        return { kind: 'gone', code: 'gone', status: 410 }
      case 'auth':
        return { kind: 'reauthorize', code: 'token_revoked' }
      case 'throw':
        return 'throw'
      case 'hang':
        return 'hang'
    }
  }

  function send(process: string, isAlive: () => boolean, wire: Wire, context: SendContext): Promise<Outcome> {
    if (context.signal.aborted) return Promise.reject(context.signal.reason)
    const request = ++requests
    journal.add(process, { kind: 'request', ...seen(request, wire, context) })
    const planned = outcome()
    const ms =
      planned === 'hang' ? DEADLINE_MS : random.chance(0.5) ? 0 : random.int(0, random.pick([20, 500, 9 * SECOND]))
    const arrives = planned !== 'throw' && (planned !== 'hang' || random.chance(0.5))
    // on its way nothing holds it up, not even the end of its sender
    if (arrives) timeline.after(random.int(0, ms), () => journal.add('-', { kind: 'arrival', request }))
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        cancel()
        journal.add(process, { kind: 'response', request, outcome: 'aborted' })
        reject(context.signal.reason)
      }
      const end = (): void => {
        context.signal.removeEventListener('abort', abort)
        if (!isAlive()) return
        const answer: Outcome | 'threw' =
          planned === 'throw'
            ? 'threw'
            : planned === 'hang'
              ? { kind: 'retry', code: 'timeout', ambiguous: true }
              : planned
        journal.add(process, { kind: 'response', request, outcome: answer })
        if (answer === 'threw') reject(new Error('a bug of the transport'))
        else resolve(answer)
      }
      const cancel = timeline.after(ms, end)
      context.signal.addEventListener('abort', abort)
    })
  }

  return {
    transportsOf(process, isAlive) {
      const base: Omit<Transport<string, Config, Config, Wire>, 'name'> = {
        config: {
          '~standard': { version: 1, vendor: 'simulation', validate: (value) => ({ value: value as Config }) },
        },
        fields: [{ name: 'channel', label: 'Channel', kind: 'text', required: false }],
        deadlineMs: DEADLINE_MS,
        missing: (config) => (config.channel === undefined ? ['a channel'] : []),
        build: (message) => ({ body: JSON.stringify(message), message }),
        send: (wire, context) => send(process, isAlive, wire, context),
      }
      return [
        { ...base, name: 'plain' },
        { ...base, name: 'paced', pace: { perSecond: 1, burst: 1 }, variant: () => 'json' },
      ]
    },
    calm() {
      isCalm = true
    },
  }
}

function seen(request: number, { body, message }: Wire, context: SendContext): RequestSeen {
  const { connection, deliveryId, messageId, attempt } = context
  const about = { request, connectionId: connection.id, orgId: connection.orgId, deliveryId, messageId, attempt, body }
  switch (message.kind) {
    case 'event':
      return { ...about, message: 'event', urgent: message.event.importance === 'urgent', eventIds: [message.event.id] }
    case 'digest':
      return {
        ...about,
        message: 'digest',
        urgent: false,
        eventIds: message.events.map((event) => event.id),
        total: message.total,
      }
    case 'test':
      return { ...about, message: 'test', urgent: false, eventIds: [] }
  }
}
