import type { HttpRequest, HttpResponse } from '../contracts/http.ts'
import type { Outcome } from '../contracts/outcome.ts'
import type { SendContext } from '../contracts/transport.ts'
import { classifyHttpFailure } from '../delivery/classify.ts'
import { isHttpError } from './http-error.ts'

/**
 * One exchange of a transport with a service, as an outcome: what `classify` makes of the response, or what the network
 * did. A failure keeps the response as its snippet; a success does not, services answer with what they were sent.
 *
 * @throws whatever is no HttpError: `signal.reason`, bugs.
 */
export async function requestOutcome(
  context: Pick<SendContext, 'http' | 'now' | 'deadlineAt' | 'signal'>,
  request: Omit<HttpRequest, 'deadlineAt' | 'signal'>,
  classify: (response: HttpResponse, now: number) => Outcome,
): Promise<Outcome> {
  const { http, now, deadlineAt, signal } = context
  try {
    const response = await http.request({ ...request, deadlineAt, signal })
    const outcome = classify(response, now)
    return outcome.kind === 'delivered' || response.text === '' ? outcome : { ...outcome, snippet: response.text }
  } catch (error) {
    if (isHttpError(error)) return classifyHttpFailure(error)
    throw error
  }
}
