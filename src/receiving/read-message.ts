import type { Importance } from '../contracts/event.ts'
import { fieldsOf, textOf } from './fields.ts'
import type { ReadableFormat, ReceivedDigest, ReceivedEvent, ReceivedItem, ReceivedTest } from './types.ts'

type Fields = Readonly<Record<string, unknown>>
type ReadMessage = ReceivedEvent | ReceivedDigest | ReceivedTest

const IMPORTANCES: readonly Importance[] = ['low', 'normal', 'high', 'urgent']
const ISO = /^\d{4}-\d{2}-\d{2}T[\d:.]{5,15}(?:Z|[+-]\d{2}:\d{2})$/

/** Reads the payload of a format that signalbox writes; `undefined` where it is not one. Further fields are ignored. */
export function readMessage(payload: unknown, format: ReadableFormat | undefined): ReadMessage | undefined {
  const fields = fieldsOf(payload)
  if (fields === undefined) return undefined
  for (const name of format === undefined ? FORMATS : [format]) {
    const message = READERS[name](fields)
    if (message !== undefined) return message
  }
  return undefined
}

const READERS: Readonly<Record<ReadableFormat, (payload: Fields) => ReadMessage | undefined>> = {
  cloudevents: (payload) =>
    payload.specversion === '1.0' ? enveloped(payload.type, payload.time, payload.data) : undefined,
  standard: (payload) => enveloped(payload.type, payload.timestamp, payload.data),
  ghost: (payload) => messageOf(payload.type, payload.timestamp, payload),
}

export const FORMATS: readonly ReadableFormat[] = ['cloudevents', 'standard', 'ghost']

function enveloped(type: unknown, time: unknown, data: unknown): ReadMessage | undefined {
  const fields = fieldsOf(data)
  return fields === undefined ? undefined : messageOf(type, time, fields)
}

function messageOf(type: unknown, time: unknown, data: Fields): ReadMessage | undefined {
  const { orgName, href } = data
  const timestamp = instantOf(time)
  if (typeof type !== 'string' || typeof orgName !== 'string' || typeof href !== 'string') return undefined
  if (timestamp === undefined || !isOptionalText(data.orgId)) return undefined
  const base = { orgName, href, timestamp, ...(data.orgId === undefined ? {} : { orgId: data.orgId }) }
  if (type === 'digest') {
    const digest = digestOf(data)
    return digest && { kind: 'digest', type, ...digest, ...base }
  }
  const words = wordsOf(data)
  if (words === undefined) return undefined
  if (type === 'test') return { kind: 'test', type, title: words.title, body: words.body, ...base }
  return { kind: 'event', type, ...words, ...base }
}

function digestOf(data: Fields): Pick<ReceivedDigest, 'subject' | 'items' | 'total' | 'key'> | undefined {
  const { subject, items, total, key } = data
  if (typeof subject !== 'string' || !Array.isArray(items) || !isOptionalText(key)) return undefined
  if (total !== undefined && typeof total !== 'number') return undefined
  const read = items.map(itemOf)
  const known = read.filter((item) => item !== undefined)
  if (known.length < read.length) return undefined
  return {
    subject,
    items: known,
    ...(total === undefined ? {} : { total }),
    ...(key === undefined ? {} : { key }),
  }
}

function itemOf(item: unknown): ReceivedItem | undefined {
  const fields = fieldsOf(item)
  const words = fields && wordsOf(fields)
  if (fields === undefined || words === undefined) return undefined
  const { type, href } = fields
  const timestamp = instantOf(fields.timestamp)
  if (typeof type !== 'string' || typeof href !== 'string') return undefined
  return { type, href, ...words, ...(timestamp === undefined ? {} : { timestamp }) }
}

interface Words extends Pick<ReceivedItem, 'title' | 'body' | 'id' | 'category' | 'importance' | 'metadata'> {}

function wordsOf({ title, body, id, category, importance, metadata }: Fields): Words | undefined {
  if (typeof title !== 'string' || typeof body !== 'string') return undefined
  if (!isOptionalText(id) || !isOptionalText(category)) return undefined
  const known = IMPORTANCES.find((one) => one === importance)
  const object = fieldsOf(metadata)
  if ((importance !== undefined && known === undefined) || (metadata !== undefined && object === undefined)) return
  return {
    title,
    body,
    ...(id === undefined ? {} : { id }),
    ...(category === undefined ? {} : { category }),
    ...(known === undefined ? {} : { importance: known }),
    ...(object === undefined ? {} : { metadata: object }),
  }
}

function isOptionalText(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string'
}

function instantOf(value: unknown): number | undefined {
  const text = textOf(value)
  if (text === undefined || !ISO.test(text)) return undefined
  const at = Date.parse(text)
  return Number.isNaN(at) ? undefined : at
}
