import { parseConfig } from '../connections/parse-config.ts'
import { checkSecret } from '../connections/secrets.ts'
import type { Ids } from '../contracts/clock.ts'
import type { Connection, ConnectionRecord } from '../contracts/connection.ts'
import type { EventBase, StoredEvent } from '../contracts/event.ts'
import type { HttpPort } from '../contracts/http.ts'
import type { Outcome } from '../contracts/outcome.ts'
import type { Transport } from '../contracts/transport.ts'
import { NEW_HEALTH } from '../delivery/health.ts'
import { resolveRetryPolicy } from '../delivery/policy.ts'
import { compileTiming } from '../digest/timing.ts'
import { invalidInput } from '../errors.ts'
import { redactor } from '../http/redact.ts'
import { confidentialOf } from '../worker/confidential.ts'
import type { ExchangeOnce } from '../worker/exchange.ts'
import { eventMessage } from '../worker/messages.ts'
import type { SendInput } from './types.ts'

export interface SendDeps {
  readonly transports: ReadonlyMap<string, Transport>
  readonly http: HttpPort
  readonly exchange: ExchangeOnce
  readonly ids: Ids
  readonly now: () => number
  readonly complete: (event: EventBase) => Promise<StoredEvent>
}

/** One guarded attempt to a destination that is not stored. */
export async function sendOnce(
  input: SendInput<string, unknown, EventBase>,
  signal: AbortSignal,
  deps: SendDeps,
): Promise<Outcome> {
  const transport = deps.transports.get(input.transport)
  if (transport === undefined) {
    throw invalidInput('transport', `must be one of: ${[...deps.transports.keys()].join(', ')}`)
  }
  const config = await parseConfig(transport, input.config, deps.http)
  const secrets = secretsOf(transport, input.secret)
  const event = await deps.complete({ ...input.event, orgId: input.orgId })
  const id = deps.ids('con')
  const connection: Connection = {
    id,
    orgId: input.orgId,
    transport: transport.name,
    label: transport.name,
    config,
    categories: [],
    eventTypes: [],
  }
  const at = deps.now()
  const record: ConnectionRecord = {
    ...connection,
    config,
    status: 'active',
    health: NEW_HEALTH,
    createdAt: at,
    updatedAt: at,
    version: 1,
  }
  const { outcome } = await deps.exchange({
    prepared: {
      kind: 'ready',
      record,
      transport,
      connection,
      secrets: secrets.map((secret) => ({ secret })),
      policy: resolveRetryPolicy(transport.retry),
      timing: compileTiming({}, undefined),
      variant: undefined,
      redact: redactor(confidentialOf(transport, config, secrets)),
    },
    message: eventMessage(event),
    deliveryId: deps.ids('dlv'),
    number: 1,
    signal,
  })
  return outcome
}

function secretsOf(transport: Transport, secret: string | undefined): readonly string[] {
  const schemes = transport.signatures ?? []
  if (secret === undefined) return []
  if (schemes.length === 0) throw invalidInput('secret', `the transport ${transport.name} does not sign`)
  return [checkSecret(schemes, secret)]
}
