import { checkOptions, invalidInput } from '../../errors.ts'
import {
  type GhostCmsBody,
  type GhostCmsFormatOptions,
  ghostCmsEventBody,
  ghostCmsWriter,
} from '../../payloads/ghost-cms.ts'
import { type GhostCmsSignatureOptions, ghostCmsSignature } from '../../signing/ghost-cms.ts'
import { checkEventType } from './connection.ts'
import type { GhostCmsEventType } from './events.ts'

/** One delivery of Ghost CMS. */
export interface GhostCmsRequestInput extends GhostCmsSignatureOptions, Pick<GhostCmsFormatOptions, 'contentVersion'> {
  readonly event: GhostCmsEventType
  /** Sent as it is, its keys in their order. @default {} */
  readonly current?: object | undefined
  /** @default {} */
  readonly previous?: object | undefined
  /** @default none: no signature header */
  readonly secret?: string | undefined
  /** Epoch ms: the time in the signature. @default Date.now() */
  readonly sentAt?: number | undefined
  /** With or without the top-level `event`. @default 'with-event' */
  readonly body?: Exclude<GhostCmsBody, 'documented'>
}

/** What goes on the wire. */
export interface GhostCmsRequest {
  readonly headers: Record<string, string>
  readonly body: string
}

const FIELDS: readonly string[] = [
  'event',
  'current',
  'previous',
  'secret',
  'sentAt',
  'contentVersion',
  'body',
  'signs',
] satisfies (keyof GhostCmsRequestInput)[]

/** @throws SignalboxError `invalid_input` naming the field */
export function ghostCmsRequest(input: GhostCmsRequestInput): GhostCmsRequest {
  checkOptions(input, FIELDS)
  const { event, current = {}, previous = {}, secret, sentAt = Date.now(), contentVersion, signs } = input
  const { body = 'with-event' } = input
  checkEventType(event)
  if (body !== 'with-event' && body !== 'without-event') {
    throw invalidInput('body', "must be 'with-event' or 'without-event'")
  }
  const writer = ghostCmsWriter({ body, ...(contentVersion === undefined ? {} : { contentVersion }) })
  const wire = writer.wire(ghostCmsEventBody(event, { current, previous }, body))
  const version = wire.headers?.['content-version']
  const secrets = secret === undefined ? [] : [secret]
  const scheme = ghostCmsSignature(signs === undefined ? {} : { signs })
  return {
    headers: {
      'Content-Type': wire.contentType,
      ...(version === undefined ? {} : { 'Content-Version': version }),
      ...scheme.sign({ id: '', sentAt, body: wire.body, secrets }),
    },
    body: wire.body,
  }
}
