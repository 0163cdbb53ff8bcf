import type { Engine } from '../../src/contracts/engine.ts'
import { bullmqEngine } from '../../src/engines/bullmq.ts'
import { aesGcm, createDispatcher } from '../../src/index.ts'
import { slackOAuth, storedTokens } from '../../src/oauth/index.ts'
import { sqliteStore } from '../../src/stores/sqlite.ts'
import { slackTransport } from '../../src/transports/slack.ts'
import { webhookTransport } from '../../src/transports/webhook.ts'
import { LOOPBACK } from '../support/receiver.ts'

export const ORG = 'org_1'

export interface WorkerOptions {
  /** The SQLite file that host and workers share. */
  readonly path: string
  readonly redisUrl: string
  /** Of the keys in Redis. */
  readonly prefix: string
  /** Slack, on loopback. */
  readonly slackUrl: string
  readonly sweepMs: number
}

/** What a worker tells its host. */
export type Report = { readonly kind: 'ready' } | { readonly kind: 'closed'; readonly delivered: number }

/** The dispatcher that the host and each worker have: over the same store, and woken by the same queue. */
export function openDispatcher(options: WorkerOptions) {
  const store = sqliteStore({ path: options.path })
  const engine: Engine = bullmqEngine({
    connection: { url: options.redisUrl },
    prefix: options.prefix,
    sweepMs: options.sweepMs,
    maxIds: 25,
  })
  const dispatcher = createDispatcher({
    store,
    engine,
    transports: [
      webhookTransport({ retry: { delaysMs: [200, 200, 200, 200] } }),
      slackTransport({ apiUrl: `${options.slackUrl}/api` }),
    ],
    tokens: storedTokens({
      providers: [
        slackOAuth({
          clientId: 'id',
          clientSecret: 'secret',
          redirectUri: 'https://app.example.com/oauth',
          apiUrl: `${options.slackUrl}/api`,
        }),
      ],
    }),
    encryption: aesGcm({ keys: [{ id: 'k1', key: Buffer.alloc(32, 1) }] }),
    worker: { concurrency: 16, leaseMs: 2000 },
    egress: LOOPBACK,
  })
  return {
    dispatcher,
    async close() {
      await dispatcher.close()
      await store.close()
    },
  }
}

export function eventOf(id: string, type = 'case_assigned') {
  return {
    id,
    orgId: ORG,
    type,
    title: `Case ${id}`,
    body: 'Body',
    href: `https://app.example.com/cases/${id}`,
    metadata: { id },
  }
}
