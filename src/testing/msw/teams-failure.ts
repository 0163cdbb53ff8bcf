import { checkStatus, httpStatus, NETWORK_ERROR, type Reply } from './fake.ts'
import type { Fault } from './faults.ts'
import { type GraphOperation, graphError } from './graph.ts'
import { loginError } from './microsoft-token.ts'
import { workflowError } from './teams-workflow.ts'

/** `token`: the token endpoint. `workflow`: a Workflows webhook. The others are calls of Graph. */
export type TeamsOperation = GraphOperation | 'token' | 'workflow'

/**
 * An HTTP status; a status with Graph's word; the word alone (`Forbidden`, `NotFound`, and for `token` one of OAuth:
 * `invalid_grant`); or a connection that breaks off.
 */
export type TeamsFailure =
  | number
  | string
  | { readonly status: number; readonly code: string; readonly message?: string }
  | 'network_error'

/** @throws SignalboxError `invalid_input` */
export function checkTeamsFailure(failure: TeamsFailure): void {
  if (typeof failure === 'number') checkStatus(failure)
  else if (typeof failure === 'object') checkStatus(failure.status)
}

const STATUS: Readonly<Record<string, number>> = {
  InvalidAuthenticationToken: 401,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  ResourceNotFound: 404,
  RequestEntityTooLarge: 413,
  TooManyRequests: 429,
  InternalServerError: 500,
  BadGateway: 502,
  ServiceUnavailable: 503,
  ServiceNotAvailable: 503,
  GatewayTimeout: 504,
  invalid_client: 401,
}

/** The answer that stands for a failure that was ordered. */
export function teamsFailure(
  { failure, retryAfter }: Fault<TeamsFailure>,
  operation: TeamsOperation,
  call: { at: number },
): Reply {
  if (failure === 'network_error') return NETWORK_ERROR
  const headers = retryAfter === undefined ? {} : { headers: { 'retry-after': String(retryAfter) } }
  if (typeof failure === 'number') {
    const code = Object.keys(STATUS).find((word) => STATUS[word] === failure)
    if (code === undefined || operation === 'token') return { ...httpStatus(failure), ...headers }
    return { ...graphError(failure, code, 'This answer was ordered by the test.', call.at), ...headers }
  }
  const asked = typeof failure === 'string' ? { status: STATUS[failure] ?? 400, code: failure } : failure
  const { status, code, message = 'This answer was ordered by the test.' } = { message: undefined, ...asked }
  if (operation === 'token') return { ...loginError(code, 50000, message, status), ...headers }
  if (operation === 'workflow') return { ...workflowError(status, code, message), ...headers }
  return { ...graphError(status, code, message, call.at), ...headers }
}
