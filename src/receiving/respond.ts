import type { EventBase } from '../contracts/event.ts'
import { isReceiveError } from './errors.ts'
import type { ReceiveErrorContext, Reception, WebhookHandler } from './types.ts'

export interface RespondDeps<E extends EventBase> {
  readonly accept: () => Promise<Reception<E>>
  readonly handler: WebhookHandler<E>
  readonly onError: (error: unknown, context: ReceiveErrorContext) => void
}

/** One request, from its acceptance to its answer. Rejects never: whatever goes wrong is an answer, and is reported. */
export async function respond<E extends EventBase>({ accept, handler, onError }: RespondDeps<E>): Promise<Response> {
  let reception: Reception<E>
  try {
    reception = await accept()
  } catch (error) {
    const response = refusal(error)
    report(onError, error, { status: response.status })
    return response
  }
  // Handled: the sender may forget it.
  if (reception.duplicate) return new Response(null, { status: 204 })

  const { confirm, release, ...webhook } = reception
  const { id, type } = webhook
  const name = { id, ...(type === undefined ? {} : { type }) }
  let response: Response
  let failed = false
  try {
    const result = await handler(webhook)
    response = isResponse(result) ? result : new Response(null, { status: 204 })
  } catch (error) {
    failed = true
    response = json(500, { error: 'handler_failed' })
    report(onError, error, { status: 500, ...name })
  }
  try {
    await (!failed && response.status >= 200 && response.status < 300 ? confirm() : release())
  } catch (error) {
    // The answer stands: what the handler has done is done, and a claim runs out by itself.
    report(onError, error, { status: response.status, ...name })
  }
  return response
}

/** The default: what the sender can do nothing about. */
export function printServerErrors(error: unknown, { status }: ReceiveErrorContext): void {
  if (status >= 500 || (isReceiveError(error) && error.status >= 500)) console.error(error)
}

export function report(onError: RespondDeps<EventBase>['onError'], error: unknown, context: ReceiveErrorContext): void {
  try {
    onError(error, context)
  } catch (thrown) {
    console.error(thrown)
  }
}

function refusal(error: unknown): Response {
  if (!isReceiveError(error)) return json(500, { error: 'receiver_failed' })
  const { status, code, field, failure } = error
  const reason = failure ?? (code === 'invalid_input' ? field : undefined)
  return json(
    status,
    { error: code, ...(reason === undefined ? {} : { reason }) },
    status === 405 ? { allow: 'POST' } : {},
  )
}

function json(status: number, body: object, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json', ...headers } })
}

/** A `Response` of any implementation: frameworks bring their own. */
function isResponse(value: unknown): value is Response {
  return (
    typeof value === 'object' &&
    value !== null &&
    'status' in value &&
    typeof value.status === 'number' &&
    'arrayBuffer' in value &&
    typeof value.arrayBuffer === 'function'
  )
}
