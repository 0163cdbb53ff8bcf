import { createHash } from 'node:crypto'
import type { VerifiedWebhook } from '../signing/verify-webhook.ts'
import { fieldsOf, textOf } from './fields.ts'

interface Parts {
  readonly verified: VerifiedWebhook
  readonly headers: Readonly<Record<string, string>>
  readonly payload: unknown
}

/**
 * What every repetition of a message shares, and no two messages do. A hash of the body is the last resort: two messages
 * with the same bytes would be one, which is why Ghost CMS (`{"event":"site.changed"}`) has its signed time in it.
 */
export function messageId({ verified, headers, payload }: Parts): string {
  const { id, scheme, timestamp, body } = verified
  if (id !== undefined) return id
  switch (scheme) {
    case 'stripe':
      return nonEmpty(fieldsOf(payload)?.id) ?? hashOf(body)
    case 'github':
      return nonEmpty(headers['x-github-delivery']) ?? hashOf(body)
    case 'slack-request':
      return nonEmpty(fieldsOf(payload)?.event_id) ?? hashOf(body)
    case 'ghost-cms':
      return hashOf(body, timestamp)
    default:
      return hashOf(body)
  }
}

/** What the sender calls a message. */
export function messageType({ verified, headers, payload }: Parts): string | undefined {
  if (verified.scheme === 'github') return nonEmpty(headers['x-github-event'])
  const fields = fieldsOf(payload)
  return nonEmpty(verified.scheme === 'ghost-cms' ? fields?.event : fields?.type)
}

function hashOf(body: Uint8Array, timestamp?: number): string {
  const hash = createHash('sha256').update(body)
  if (timestamp !== undefined) hash.update(String(timestamp))
  return `sha256:${hash.digest('hex')}`
}

function nonEmpty(value: unknown): string | undefined {
  return textOf(value) || undefined
}
