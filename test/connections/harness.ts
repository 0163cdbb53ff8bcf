import { z } from 'zod'
import { defineCatalog } from '../../src/catalog/index.ts'
import type { AttemptOnce, ConnectionsDeps } from '../../src/connections/deps.ts'
import { createConnections } from '../../src/connections/service.ts'
import type { Connections } from '../../src/connections/types.ts'
import { createVault, type Vault } from '../../src/connections/vault.ts'
import type { ConnectionRecord } from '../../src/contracts/connection.ts'
import type { HttpPort } from '../../src/contracts/http.ts'
import type { Message } from '../../src/contracts/message.ts'
import type { Outcome } from '../../src/contracts/outcome.ts'
import type { Store } from '../../src/contracts/store.ts'
import type { Transport } from '../../src/contracts/transport.ts'
import { createDeliveries } from '../../src/deliveries/service.ts'
import type { Deliveries } from '../../src/deliveries/types.ts'
import { createDeliveryIds, createTimings } from '../../src/dispatch/plan.ts'
import { aesGcm } from '../../src/encryption/aes-gcm.ts'
import { SignalboxError } from '../../src/errors.ts'
import { ghostSignature, standardWebhooks } from '../../src/signing/index.ts'
import { memoryStore } from '../../src/stores/memory.ts'

export const ORG = 'org_1'
export const NOW = Date.UTC(2026, 10, 21, 9)
export const HOUR = 3_600_000

const catalog = defineCatalog({
  categories: {
    breach: { label: 'Breach', events: { breach_logged: { label: 'Logged' }, breach_closed: { label: 'Closed' } } },
    team: { label: 'Team', events: { member_joined: { label: 'Joined' } } },
  },
})

const hookConfig = z.strictObject({
  url: z.string().refine(URL.canParse, 'must be an absolute URL'),
  headers: z.record(z.string(), z.string()).optional(),
})

/** Signs; has an optional secret field; one connection a URL and set of types. */
export const hook: Transport<'hook', z.input<typeof hookConfig>, z.output<typeof hookConfig>, string> = {
  name: 'hook',
  config: hookConfig,
  fields: [
    { name: 'url', label: 'URL', kind: 'url', required: true },
    { name: 'headers', label: 'Headers', kind: 'headers', required: false, secret: true },
  ],
  signatures: [ghostSignature(), standardWebhooks()],
  pace: { perSecond: 5, burst: 5 },
  defaultLabel: (config) => new URL(config.url).host,
  describe: (config) => `${new URL(config.url).origin}/…`,
  uniqueKey: ({ config, eventTypes }) => JSON.stringify([config.url, eventTypes]),
  build: (message) => message.kind,
  send: async () => ({ kind: 'delivered' }),
}

const chatConfig = z.strictObject({ hookUrl: z.string().refine(URL.canParse), channel: z.string().optional() })

/** Does not sign; its URL is a secret; incomplete without a channel. */
export const chat: Transport<'chat', z.input<typeof chatConfig>, z.output<typeof chatConfig>, string> = {
  name: 'chat',
  config: chatConfig,
  fields: [
    { name: 'hookUrl', label: 'URL', kind: 'url', required: true, secret: true },
    { name: 'channel', label: 'Channel', kind: 'channel', required: false },
  ],
  missing: (config) => (config.channel === undefined ? ['a channel'] : []),
  describe: (config) => `${new URL(config.hookUrl).origin} ${config.channel ?? ''}`.trim(),
  build: (message) => message.kind,
  send: async () => ({ kind: 'delivered' }),
  channels: async ({ connection, token, deadlineAt, now }) => [
    { id: 'C1', name: `general of ${new URL(connection.config.hookUrl).host}`, config: { channel: 'C1' } },
    { id: token ?? 'no token', name: String(deadlineAt - now), config: {} },
  ],
}

export interface Harness {
  readonly connections: Connections
  readonly deliveries: Deliveries
  readonly store: Store
  readonly vault: Vault
  readonly transports: Map<string, Transport>
  readonly attempted: { readonly record: ConnectionRecord; readonly message: Message; readonly deliveryId: string }[]
  readonly changed: string[]
  /** The next attempt's outcome. */
  outcome: Outcome
  now: number
  /** The whole record as the store has it. */
  record(id: string): Promise<ConnectionRecord>
}

export function aes(...ids: string[]): ReturnType<typeof aesGcm> {
  return aesGcm({ keys: ids.map((id) => ({ id, key: Buffer.alloc(32, id) })) })
}

export function harness(options: Partial<Omit<ConnectionsDeps, 'store'>> & { readonly store?: Store } = {}): Harness {
  const store = options.store ?? memoryStore()
  const vault = options.vault ?? createVault({ encryption: aes('k1') })
  let count = 0
  const attempt: AttemptOnce = async (record, message, deliveryId) => {
    self.attempted.push({ record, message, deliveryId })
    const { outcome, now } = self
    return {
      outcome,
      attempt: {
        deliveryId,
        orgId: record.orgId,
        connectionId: record.id,
        number: 1,
        startedAt: now,
        durationMs: 42,
        outcome: outcome.kind,
        ...(outcome.kind === 'delivered' ? {} : { code: outcome.code }),
        ...(outcome.status === undefined ? {} : { status: outcome.status }),
        ...(outcome.kind === 'delivered' || outcome.detail === undefined ? {} : { detail: outcome.detail }),
      },
    }
  }
  const clock = { now: () => self.now, setTimer: () => () => {} }
  const transports = new Map<string, Transport>(
    options.transports ?? [
      ['hook', hook],
      ['chat', chat],
    ],
  )
  const onChange = (orgId: string): void => {
    self.changed.push(orgId)
  }
  const deps: ConnectionsDeps = {
    catalog,
    http,
    clock,
    ids: (prefix) => `${prefix}_${String(++count).padStart(4, '0')}`,
    organisation: async () => ({ name: 'Acme', settingsUrl: 'https://app.example.com/settings' }),
    attempt,
    onChange,
    ...options,
    transports,
    vault,
    store,
  }
  const self: Harness = {
    connections: createConnections(deps),
    deliveries: createDeliveries({
      store,
      clock,
      authorize: options.authorize,
      plan: { deliveryId: createDeliveryIds(), timings: createTimings(undefined) },
      onChange,
    }),
    store,
    vault,
    transports,
    attempted: [],
    changed: [],
    outcome: { kind: 'delivered', status: 204 },
    now: NOW,
    async record(id) {
      const record = await store.connections.get({ orgId: ORG, id })
      if (record === undefined) throw new Error(`no connection ${id}`)
      return record
    },
  }
  return self
}

const http: HttpPort = {
  request: () => Promise.reject(new Error('nothing here sends')),
  check(url) {
    if (new URL(url).hostname.startsWith('10.')) {
      throw new SignalboxError('blocked_url', 'the address is private')
    }
  },
  close: async () => {},
}

/** The code and field of what a promise rejects with. */
export async function failure(promise: Promise<unknown>): Promise<{ code: string; field?: string; message: string }> {
  try {
    await promise
  } catch (error) {
    if (!(error instanceof SignalboxError)) throw error
    return { code: error.code, ...(error.field === undefined ? {} : { field: error.field }), message: error.message }
  }
  throw new Error('nothing was thrown')
}
