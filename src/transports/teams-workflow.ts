import { z } from 'zod'
import type { Connection, Pace } from '../contracts/connection.ts'
import type { HttpResponse } from '../contracts/http.ts'
import type { Message } from '../contracts/message.ts'
import type { Outcome, RetryPolicy } from '../contracts/outcome.ts'
import type { FieldDescription, Transport } from '../contracts/transport.ts'
import { classifyResponse } from '../delivery/classify.ts'
import { microsoftError } from '../delivery/graph-outcome.ts'
import { endDetail } from '../delivery/reasons.ts'
import { checkDeadlineMs, checkPaceOption, checkTransportName } from '../delivery/transport-options.ts'
import { checkOptions } from '../errors.ts'
import { allowedHosts } from '../http/allowed-hosts.ts'
import { truncatedUrl } from '../http/redact.ts'
import { requestOutcome } from '../http/request-outcome.ts'
import { adaptiveCard } from '../payloads/adaptive-card.ts'
import type { AnyAdaptiveCard } from '../payloads/adaptive-card-types.ts'
import { toJson } from '../payloads/json.ts'

export interface TeamsWorkflowConfig {
  /** What Teams shows once a workflow with a webhook trigger is made. All of it is a secret: it holds its signature. */
  readonly url: string
}

export interface TeamsWorkflowTransportOptions<Name extends string = 'teams-workflow'> {
  /** Unique in a dispatcher. @default 'teams-workflow' */
  readonly name?: Name
  /**
   * Where workflows may live: hosts as `URL.host` gives them, or `*.` and a domain for all names below it.
   * @default ['*.logic.azure.com', '*.environment.api.powerplatform.com']
   */
  readonly hosts?: readonly string[]
  /** Draws single messages another way; `undefined`: the default card. Pure. */
  readonly render?: (message: Message, connection: Connection<TeamsWorkflowConfig>) => AnyAdaptiveCard | undefined
  /** Of one connection. @default { perSecond: 1, burst: 1 } */
  readonly pace?: Pace | false
  /** @default the dispatcher's */
  readonly retry?: RetryPolicy
  /** For the whole exchange: connect, request, response. In ms, 100 to 60,000. @default 10_000 */
  readonly deadlineMs?: number
}

const HOSTS: readonly string[] = Object.freeze(['*.logic.azure.com', '*.environment.api.powerplatform.com'])
const ONE_A_SECOND: Pace = Object.freeze({ perSecond: 1, burst: 1 })

/**
 * Microsoft Teams channels through a Workflows webhook (the successor of Office 365 connectors): one Adaptive Card a
 * message, POSTed to a URL that the user gave. Needs no OAuth.
 *
 * A 2xx says that the workflow was started, not that the card was posted: what fails later is seen in Power Automate
 * only. Failures are those of a webhook: 410 is gone, and everything else is tried again. That holds for 401, 403 and
 * 404 too: a workflow answers them while it is switched off or its host moves, as well as when it was deleted, and one
 * that goes on doing so is suspended as failing.
 *
 * @example
 * createDispatcher({ store: memoryStore(), transports: [teamsWorkflowTransport()] })
 * @throws SignalboxError `invalid_input` for options that break a rule.
 */
export function teamsWorkflowTransport<const Name extends string = 'teams-workflow'>(
  options: TeamsWorkflowTransportOptions<Name> = {},
): Transport<Name, TeamsWorkflowConfig, TeamsWorkflowConfig, string> {
  checkOptions(options, OPTIONS)
  const { hosts = HOSTS, pace = ONE_A_SECOND, render, retry, deadlineMs } = options
  const name = (options.name ?? 'teams-workflow') as Name
  const isAllowed = allowedHosts(hosts)
  checkTransportName(name)
  checkPaceOption(pace)
  if (deadlineMs !== undefined) checkDeadlineMs(deadlineMs)

  const config = z.strictObject({
    url: z
      .string()
      .max(2048, 'must be at most 2048 characters')
      .refine(URL.canParse, { error: 'must be an absolute URL', abort: true })
      .refine((url) => isAllowed(new URL(url)), { error: `must be at one of: ${hosts.join(', ')}` }),
  })

  return {
    name,
    config,
    fields,
    ...(pace === false ? {} : { pace }),
    ...(retry === undefined ? {} : { retry }),
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
    ...(render === undefined ? { variant: () => 'default' } : {}),
    defaultLabel: ({ url }) => new URL(url).host,
    describe: ({ url }) => truncatedUrl(url, { originOnly: true }),
    build: (message, connection) => workflowMessage(render?.(message, connection) ?? adaptiveCard(message)),
    send: (body, context) =>
      requestOutcome(
        context,
        {
          method: 'POST',
          url: context.connection.config.url,
          headers: { 'content-type': 'application/json' },
          body,
        },
        workflowOutcome,
      ),
  }
}

const OPTIONS: readonly string[] = [
  'name',
  'hosts',
  'render',
  'pace',
  'retry',
  'deadlineMs',
] satisfies (keyof TeamsWorkflowTransportOptions)[]

const fields: readonly FieldDescription[] = [
  {
    name: 'url',
    label: 'Workflow URL',
    kind: 'url',
    required: true,
    secret: true,
    help: 'In Teams: Workflows, “Post to a channel when a webhook request is received”',
  },
]

/** The card goes in as an object, unlike Graph's. */
function workflowMessage(card: AnyAdaptiveCard): string {
  return toJson({
    type: 'message',
    attachments: [{ contentType: 'application/vnd.microsoft.card.adaptive', contentUrl: null, content: card }],
  })
}

function workflowOutcome(response: HttpResponse, now: number): Outcome {
  const outcome = classifyResponse(response, now)
  if (outcome.kind === 'delivered') return outcome
  const { detail: said, ...word } = microsoftError(response.text)
  if (outcome.kind === 'gone') return { ...outcome, ...word, ...endDetail(outcome.code, said) }
  return { ...outcome, ...word, ...(said === undefined ? {} : { detail: said }) }
}
