import { AssertionError } from 'node:assert/strict'
import { inspect } from 'node:util'
import type { Connection } from '../contracts/connection.ts'
import type { Message } from '../contracts/message.ts'
import type { FailedOutcome, Outcome } from '../contracts/outcome.ts'
import type { SendContext, Transport } from '../contracts/transport.ts'
import { checkOptions, invalidInput } from '../errors.ts'
import { typeOf } from '../payloads/message-data.ts'
import { isPlainObject, partMatches } from './recorder/part-matches.ts'
import { payloadJson } from './recorder/payload-json.ts'
import { type RecorderConfig, recordingTransport, type Wrapped, wrapTransport } from './recorder/transports.ts'

export type { RecorderConfig }

/** A message that a dispatcher sent. */
export interface SentMessage {
  /** The transport's name. */
  readonly transport: string
  readonly orgId: string
  readonly connectionId: string
  /** The event's type, `digest`, or `test`. */
  readonly type: string
  /** The events in it: one, those that a digest kept, or none. */
  readonly eventIds: readonly string[]
  readonly message: Message
  /** What the transport built: of `recorder.transport()` the message, of `recorder.wrap()` the real wire body. */
  readonly payload: unknown
  /** The payload parsed, where it is JSON text, or an object whose `body` is: Slack's, Teams', Discord's, a webhook's. */
  readonly json?: unknown
  /** Its config with the secret fields, as transports see it. */
  readonly connection: Connection
  readonly deliveryId: string
  readonly messageId: string
  /** 1 for the first exchange of the delivery. */
  readonly attempt: number
}

export interface RecordedAttempt extends SentMessage {
  readonly outcome: Outcome
}

/** Every field that is named has to match: objects in the parts they name, lists and everything else as a whole. */
export interface SentMatch
  extends Partial<Pick<SentMessage, Exclude<keyof SentMessage, 'message' | 'payload' | 'json' | 'connection'>>> {
  /** In parts: `{ event: { title: 'Breach logged' } }`. */
  readonly message?: object
  /** In parts: `{ text: 'Breach logged' }`. Compared with `json` too. */
  readonly payload?: unknown
  /** In parts: `{ config: { channelId: 'C1' } }`. */
  readonly connection?: object
}

export interface FailOptions {
  /** How many attempts fail so; `Infinity`: until `reset`. @default 1 */
  readonly times?: number
  /** Only attempts of this transport. @default of any */
  readonly transport?: string
  /** Only attempts of this connection. @default of any */
  readonly connectionId?: string
}

/** Transports that send nothing, and what they were given to send. */
export interface Recorder {
  /** A transport that takes any config and sends nothing. @param name unique in the dispatcher; @default 'recorder' */
  transport<const Name extends string = 'recorder'>(
    name?: Name,
  ): Transport<Name, RecorderConfig, RecorderConfig, Message>
  /**
   * The same transport, with its config, fields and real payloads, that sends nothing. It has no `provider`, so that the
   * dispatcher needs no `tokens`, no `channels`, which would have to ask the service, and no `pace`, which would keep the
   * second message of a second waiting.
   */
  wrap<T extends Transport>(transport: T): Wrapped<T>
  /** What was delivered, oldest first. */
  readonly sent: readonly SentMessage[]
  /** Every attempt, those that {@link Recorder.fail} let fail included. */
  readonly attempts: readonly RecordedAttempt[]
  /**
   * At least one message was sent that matches, or exactly `times`. Answers the first.
   * @throws AssertionError that lists what was sent instead
   */
  assertSent(match: SentMatch, options?: { readonly times?: number }): SentMessage
  /** @throws AssertionError naming the first that matches */
  assertNotSent(match: SentMatch): void
  /** @throws AssertionError that lists what was sent */
  assertNothingSent(): void
  /** The next attempts end so, in the order of the calls. */
  fail(outcome: FailedOutcome, options?: FailOptions): void
  /** Forgets what was sent, and the failures that are left. */
  reset(): void
}

/**
 * Records what a dispatcher sends, for the tests of a host: the real dispatcher, its filters, retries and records, and no
 * network.
 *
 * @example
 * const recorder = createRecorder()
 * const dispatcher = createDispatcher({
 *   store: memoryStore(),
 *   transports: [recorder.wrap(webhookTransport()), recorder.transport('crm')],
 * })
 * const { connection } = await dispatcher.connections.create({ orgId: 'org_1', transport: 'crm', config: {} })
 * await dispatcher.dispatch(event, { wait: true })
 * recorder.assertSent({ type: 'breach_logged', connectionId: connection.id })
 */
export function createRecorder(): Recorder {
  const attempts: RecordedAttempt[] = []
  const failures: Failure[] = []
  // a payload that connections share is built once: what it was built from is found again by its message's id
  const messages = new Map<string, Message>()

  const sent = (): readonly SentMessage[] =>
    attempts.filter((one) => one.outcome.kind === 'delivered').map(({ outcome: _, ...rest }) => rest)

  const record = (transport: string, payload: unknown, context: SendContext): Outcome => {
    const message = messages.get(`${context.connection.orgId}\n${context.messageId}`)
    if (message === undefined) throw new Error('the recorder has not built this message')
    const { connection, deliveryId, messageId, attempt } = context
    const json = payloadJson(payload)
    const outcome = nextFailure(failures, transport, connection.id) ?? { kind: 'delivered' }
    attempts.push({
      transport,
      orgId: connection.orgId,
      connectionId: connection.id,
      type: typeOf(message),
      eventIds: eventIdsOf(message),
      message,
      payload,
      ...(json === undefined ? {} : { json }),
      connection,
      deliveryId,
      messageId,
      attempt,
      outcome,
    })
    return outcome
  }

  const tape = {
    built: (message: Message): void => void messages.set(`${message.orgId}\n${message.id}`, message),
    record,
  }

  return {
    transport: <const Name extends string = 'recorder'>(name?: Name) =>
      recordingTransport((name ?? 'recorder') as Name, tape),
    wrap: (transport) => wrapTransport(transport, tape),
    get sent() {
      return sent()
    },
    get attempts() {
      return [...attempts]
    },
    assertSent(match, options = {}) {
      checkOptions(match, FIELDS)
      checkOptions(options, ['times'])
      const { times } = options
      if (times !== undefined) checkTimes(times)
      const all = sent()
      const found = all.filter((one) => matches(one, match))
      const [first] = found
      if (first !== undefined && (times === undefined || found.length === times)) return first
      if (first === undefined) throw assertion(`no message was sent that matches ${shown(match)}`, all, match)
      throw assertion(`what matches ${shown(match)} was sent ${found.length} times, not ${times}`, all, match)
    },
    assertNotSent(match) {
      checkOptions(match, FIELDS)
      const found = sent().filter((one) => matches(one, match))
      if (found.length > 0) throw assertion(`a message was sent that matches ${shown(match)}`, found, match)
    },
    assertNothingSent() {
      const all = sent()
      if (all.length > 0) throw assertion('something was sent', all)
    },
    fail(outcome, options = {}) {
      checkOptions(options, ['times', 'transport', 'connectionId'])
      const { times = 1, ...where } = options
      if (times !== Number.POSITIVE_INFINITY) checkTimes(times)
      failures.push({ outcome, where, left: times })
    },
    reset() {
      attempts.length = 0
      failures.length = 0
    },
  }
}

function checkTimes(times: number): void {
  if (!Number.isInteger(times) || times < 1) throw invalidInput('times', 'must be a positive whole number')
}

function matches(one: SentMessage, { payload, ...rest }: SentMatch): boolean {
  if (!partMatches(one, rest)) return false
  if (payload === undefined || partMatches(one.payload, payload)) return true
  return isPlainObject(payload) && partMatches(one.json, payload)
}

interface Failure {
  readonly outcome: FailedOutcome
  readonly where: Pick<FailOptions, 'transport' | 'connectionId'>
  left: number
}

function nextFailure(failures: Failure[], transport: string, connectionId: string): FailedOutcome | undefined {
  const index = failures.findIndex(({ where }) => partMatches({ transport, connectionId }, where))
  const failure = failures[index]
  if (failure === undefined) return undefined
  failure.left -= 1
  if (failure.left === 0) failures.splice(index, 1)
  return failure.outcome
}

function eventIdsOf(message: Message): readonly string[] {
  if (message.kind === 'event') return [message.event.id]
  return message.kind === 'digest' ? message.events.map((event) => event.id) : []
}

/** A misspelt one would match nothing, and `assertNotSent` would be content. */
const FIELDS: readonly string[] = [
  'transport',
  'orgId',
  'connectionId',
  'type',
  'eventIds',
  'message',
  'payload',
  'connection',
  'deliveryId',
  'messageId',
  'attempt',
] satisfies (keyof SentMatch)[]

const MAX_LISTED = 20

function assertion(what: string, all: readonly SentMessage[], { payload }: SentMatch = {}): AssertionError {
  const lines = all.slice(0, MAX_LISTED).map((one) => `  ${shown({ ...summaryOf(one), ...partsOf(one, payload) })}`)
  const more = all.length > MAX_LISTED ? [`  … and ${all.length - MAX_LISTED} more`] : []
  const list = all.length === 0 ? 'Nothing was sent.' : ['Sent:', ...lines, ...more].join('\n')
  return new AssertionError({ message: `${what}. ${list}` })
}

/** Without the connection: its config has secrets. */
function summaryOf({ transport, orgId, connectionId, type, message, attempt }: SentMessage): object {
  const title =
    message.kind === 'event' ? message.event.title : message.kind === 'test' ? message.title : message.subject
  return { type, connectionId, orgId, transport, title, ...(attempt === 1 ? {} : { attempt }) }
}

/** Of what was built, what the assertion asked for; all of it where none of that is there. */
function partsOf({ payload, json = payload }: SentMessage, wanted: unknown): object {
  if (wanted === undefined) return {}
  if (!isPlainObject(wanted) || !isPlainObject(json)) return { payload: json }
  const parts = Object.entries(json).filter(([key]) => Object.hasOwn(wanted, key))
  return { payload: parts.length === 0 ? json : Object.fromEntries(parts) }
}

function shown(value: unknown): string {
  return inspect(value, { depth: 6, breakLength: Number.POSITIVE_INFINITY, maxStringLength: 200 })
}
