import type { HttpResponse } from '../contracts/http.ts'
import type { FailedOutcome, Outcome, Receipt } from '../contracts/outcome.ts'
import { classifyResponse } from './classify.ts'
import { asObject, asText, type JsonObject, jsonObject } from './provider-error.ts'
import { parseRetryAfter } from './retry-after.ts'
import { type SlackMeaning, slackApiMeaning, slackWebhookMeaning } from './slack-words.ts'

/**
 * What an answer of Slack's Web API means. Only HTTP 200 with `ok: true` is delivered; `ok: false` says why in `error`,
 * whatever the status. A word that is not known is tried again, `ambiguous`: Slack adds words, and one that ended the
 * message or the connection would lose what a later try, or a newer version, delivers; the failures show meanwhile.
 * A 200 that is not such an answer may come after the message was posted.
 *
 * @param now epoch ms, for a `Retry-After` that is a date.
 */
export function slackApiOutcome(response: HttpResponse, now: number): Outcome {
  const { status } = response
  const answer = answerOf(response)
  if (status === 200 && answer?.ok === true) {
    const receipt = receiptOf(answer)
    return { kind: 'delivered', status, ...(receipt === undefined ? {} : { receipt }) }
  }
  const word = answer?.ok === false ? asText(answer.error) : undefined
  const meaning = word === undefined || status === 429 ? undefined : slackApiMeaning(word)
  const notes = answer === undefined ? [] : notesOf(answer)
  if (meaning !== undefined) return failed(meaning, response, now, word, notes)
  if (!isSuccess(status))
    return { ...httpFailure(response, now), ...(word === undefined ? {} : { providerCode: word }) }
  return answer?.ok === false ? failed(UNKNOWN, response, now, word, notes) : unreadable(status)
}

/**
 * What an answer to an incoming webhook means: 200 with the text `ok` is delivered, else the text is Slack's word; one
 * that is not known goes by its status, as a webhook's (410 is gone, all others are tried again).
 *
 * @param now epoch ms, for a `Retry-After` that is a date.
 */
export function slackWebhookOutcome(response: HttpResponse, now: number): Outcome {
  const { status } = response
  const text = response.text.trim()
  if (status === 200 && text === 'ok') return { kind: 'delivered', status }
  if (isSuccess(status)) return unreadable(status)
  const word = WORD.test(text) ? text : undefined
  const meaning = word === undefined || status === 429 ? undefined : slackWebhookMeaning(word)
  if (meaning !== undefined) return failed(meaning, response, now, word, [])
  return { ...classifyResponse(response, now), ...(word === undefined ? {} : { providerCode: word }) }
}

const WORD = /^[a-z][a-z0-9_]{0,99}$/

const UNKNOWN: SlackMeaning = {
  kind: 'retry',
  code: 'provider_error',
  text: 'Slack reported an error',
  ambiguous: true,
}

function failed(
  { kind, code, text, ambiguous, retryAfterMs: wait }: SlackMeaning,
  { status, headers }: HttpResponse,
  now: number,
  word: string | undefined,
  notes: readonly string[],
): FailedOutcome {
  const failure = {
    code,
    status,
    detail: notes.length === 0 ? text : `${text} (${notes.join('; ')})`,
    ...(word === undefined ? {} : { providerCode: word }),
  }
  if (kind !== 'retry') return { kind, ...failure }
  const retryAfterMs = parseRetryAfter(headers['retry-after'], now) ?? wait
  return {
    kind,
    ...failure,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(ambiguous === undefined ? {} : { ambiguous }),
  }
}

/** By the status alone; a 410 of the API is about one of its methods, not about a channel. */
function httpFailure(response: HttpResponse, now: number): Outcome {
  const outcome = classifyResponse(response, now)
  return outcome.kind === 'gone' ? { ...outcome, kind: 'retry', code: 'http_4xx' } : outcome
}

function unreadable(status: number): FailedOutcome {
  return {
    kind: 'retry',
    code: 'invalid_response',
    status,
    ambiguous: true,
    detail: 'The answer is not one that Slack gives',
  }
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300
}

function receiptOf(answer: JsonObject): Receipt | undefined {
  const channel = asText(answer.channel)
  const ts = asText(answer.ts)
  if (channel === undefined && ts === undefined) return undefined
  return { ...(channel === undefined ? {} : { channel }), ...(ts === undefined ? {} : { ts }) }
}

/** `needed: chat:write`, and the lines in which Slack says what is wrong with which block. */
function notesOf(answer: JsonObject): readonly string[] {
  const notes: string[] = []
  for (const name of ['needed', 'provided']) {
    const value = asText(answer[name])
    if (value !== undefined) notes.push(`${name}: ${value}`)
  }
  const messages = texts(asObject(answer.response_metadata)?.messages)
  return [...notes, ...(messages.length > 0 ? messages : texts(answer.errors))]
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((one): one is string => asText(one) !== undefined) : []
}

/**
 * The answer, or its beginning: Slack repeats the message behind `ok`, `channel` and `ts`, so that the answer to a long
 * one is longer than what is read of it.
 */
function answerOf({ text, truncated }: HttpResponse): JsonObject | undefined {
  return truncated ? leadingMembers(text) : jsonObject(text)
}

/** One member of an object, as far as its value is no object and no list, with the comma behind it. */
const MEMBER = /\s*("(?:[^"\\]|\\.)*")\s*:\s*("(?:[^"\\]|\\.)*"|true|false|null|-?\d[\d.eE+-]*)\s*,/y

function leadingMembers(text: string): JsonObject | undefined {
  const start = /^\s*\{/.exec(text)
  if (start === null) return undefined
  const members: string[] = []
  const member = new RegExp(MEMBER)
  member.lastIndex = start[0].length
  for (let found = member.exec(text); found !== null; found = member.exec(text)) members.push(`${found[1]}:${found[2]}`)
  return jsonObject(`{${members.join(',')}}`)
}
