import { randomUUID } from 'node:crypto'
import { checkCard } from './adaptive-card.ts'
import type { Reply } from './fake.ts'
import { type GraphParts, MAX_MESSAGE_BYTES } from './graph.ts'
import { isObject, mediaType, parseJson } from './values.ts'

export function workflowError(status: number, code: string, message: string): Reply {
  return { status, json: { error: { code, message } }, error: code }
}

/**
 * Answers a POST to a workflow's trigger. The trigger looks at the envelope only: the workflow itself runs after 202,
 * and nobody hears of a card that it can't post. Such a request is answered 202, is not in `received`, and has the
 * `error` `InvalidCard` in `requests`.
 */
export function postToWorkflow({ state, call, limiter, post }: Omit<GraphParts, 'user' | 'pageSize'>): Reply {
  const signature = state.workflows.get(call.url.pathname)
  if (signature === undefined) return workflowError(404, 'WorkflowNotFound', 'The workflow could not be found.')
  if (call.url.searchParams.get('sig') !== signature) {
    return workflowError(401, 'DirectApiInvalidAuthorizationScheme', 'The signature of the URL is not valid.')
  }
  if (call.method !== 'POST') return workflowError(405, 'MethodNotAllowed', 'The trigger takes POST.')
  const body = mediaType(call.headers) === 'application/json' ? parseJson(call.text) : undefined
  if (!isObject(body) || !Array.isArray(body.attachments)) {
    return workflowError(400, 'TriggerInputSchemaMismatch', 'The input does not match the schema of the trigger.')
  }
  const allowance = limiter.take(call.url.pathname, call.at)
  if (allowance?.ok === false) {
    const headers = { 'retry-after': String(Math.ceil(allowance.waitMs / 1000)) }
    return { ...workflowError(429, 'WorkflowTriggerThrottled', 'The trigger was throttled.'), headers }
  }
  const accepted: Reply = { status: 202, headers: { 'x-ms-workflow-run-id': randomUUID() } }
  const [attachment]: readonly unknown[] = body.attachments
  const fits =
    body.type === 'message' &&
    isObject(attachment) &&
    attachment.contentType === 'application/vnd.microsoft.card.adaptive' &&
    isObject(attachment.content) &&
    checkCard(attachment.content).length === 0 &&
    call.bytes.length <= MAX_MESSAGE_BYTES
  if (!fits || !isObject(attachment) || !isObject(attachment.content)) return { ...accepted, error: 'InvalidCard' }
  post({ via: 'workflow', card: attachment.content, body })
  return accepted
}
