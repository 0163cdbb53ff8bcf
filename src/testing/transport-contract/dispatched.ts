import assert, { AssertionError } from 'node:assert/strict'
import type { EventInput, Outcome } from '../../contracts/index.ts'
import type { AttemptView } from '../../deliveries/types.ts'
import { createDispatcher } from '../../dispatcher.ts'
import { memoryStore } from '../../stores/memory.ts'
import { ORG } from './messages.ts'
import { told } from './outcomes.ts'
import { checkDiscretion, secretsOf } from './secrets.ts'
import type { ServiceRequest } from './service.ts'
import { type ExchangeCase, failure, type World } from './world.ts'

export const dispatcherCases: readonly ExchangeCase[] = [
  {
    name: 'dispatched: a connection is made, an event delivered, and neither tells a secret',
    async run(world) {
      const service = await world.service()
      const { outcome, told: shown } = await dispatched(world, service.origin)
      assert.equal(outcome?.kind, 'delivered', `the outcome is ${outcome === undefined ? 'pending' : told(outcome)}`)
      const { config } = await world.connection(service.origin)
      checkDiscretion(shown, secretsIn(world, config), 'what is shown of a connection')
    },
  },
  {
    name: 'dispatched: no secret is recorded when the service repeats the request in its answer',
    async run(world) {
      for (const status of [200, 400, 404, 500]) {
        for (const echo of ECHOES) {
          const service = await world.service((request) => ({ status, ...echo(request) }))
          const { outcome, attempts } = await dispatched(world, service.origin)
          const { config } = await world.connection(service.origin)
          const secrets = secretsIn(world, config)
          checkDiscretion(outcome, secrets, `the outcome of an answer (${status}) that repeats the request`)
          checkDiscretion(attempts, secrets, `the record of an answer (${status}) that repeats the request`)
          await service.close()
        }
      }
    },
  },
]

/** A URL that is not marked secret is shown, and its query with it. */
function secretsIn({ harness, signingSecrets }: World, config: unknown): readonly string[] {
  const fields = harness.transport.fields.filter((field) => field.secret)
  return secretsOf({ ...harness, transport: { ...harness.transport, fields } }, config, signingSecrets)
}

const ECHOES: readonly ((request: ServiceRequest) => { headers: Record<string, string>; body: string })[] = [
  ({ method, path, headers, text }) => ({
    headers: { 'content-type': 'text/plain' },
    body: `${method} ${path}\n${JSON.stringify(headers)}\n${text}`,
  }),
  // where services put their words: each of them repeats all that it was sent
  ({ path, headers, text }) => {
    const words = `${path} ${JSON.stringify(headers)}`
    const error = { code: words, message: words }
    const body = JSON.stringify({ ok: false, error, errors: [words], message: words, code: words, id: words, text })
    return { headers: { 'content-type': 'application/json' }, body }
  },
  ({ path, headers }) => {
    const words = `${path} ${JSON.stringify(headers)}`
    return { headers: { 'content-type': 'application/json' }, body: JSON.stringify({ ok: false, error: words }) }
  },
]

const EVENT: EventInput = {
  orgId: ORG,
  type: 'breach_logged',
  title: 'Breach logged',
  body: 'A laptop was lost.',
  href: 'https://app.example.com/breaches/1',
}

interface Dispatched {
  /** Absent: nothing was attempted. */
  readonly outcome: Outcome | undefined
  readonly attempts: readonly AttemptView[]
  /** What a settings page would get to see. */
  readonly told: unknown
}

/** The whole way, with a dispatcher of its own: the one that redacts. */
async function dispatched({ transport, harness, signingSecrets, http }: World, origin: string): Promise<Dispatched> {
  const { token } = harness
  const dispatcher = createDispatcher({
    store: memoryStore(),
    transports: [transport],
    http: http(origin),
    ...(token === undefined ? {} : { tokens: { get: async () => ({ ok: true, token }) as const } }),
    retry: { quick: false },
  })
  try {
    const [secret] = signingSecrets
    const { connection } = await dispatcher.connections.create({
      orgId: ORG,
      transport: transport.name,
      config: harness.config(origin),
      ...(secret === undefined || transport.signatures === undefined ? {} : { secret }),
    })
    const { deliveries } = await dispatcher.dispatch(EVENT, { wait: true })
    const [delivery] = deliveries
    assert.ok(delivery !== undefined, 'the event has no delivery')
    const { attempts } = await dispatcher.deliveries.get({ orgId: ORG, id: delivery.id })
    const shown = await dispatcher.connections.get({ orgId: ORG, id: connection.id })
    return { outcome: delivery.outcome, attempts, told: [connection, shown, attempts] }
  } catch (error) {
    if (error instanceof AssertionError) throw error
    throw failure(`the dispatcher refuses the transport: ${error instanceof Error ? error.message : error}`, error)
  } finally {
    await dispatcher.close()
  }
}
