import type { Logger } from '../../src/contracts/clock.ts'
import type { Store } from '../../src/contracts/store.ts'
import { createDispatcher } from '../../src/dispatcher.ts'
import type { Dispatcher } from '../../src/dispatcher-api.ts'
import { aesGcm } from '../../src/encryption/aes-gcm.ts'
import { ghostSignature, standardWebhooks } from '../../src/signing/index.ts'
import { sqliteStore } from '../../src/stores/sqlite.ts'
import { webhookTransport } from '../../src/transports/webhook.ts'

/** What the checker and the processes that it kills agree on. */
export const ORG = 'org_chaos'
export const CONCURRENCY = 48
const PER_CONNECTION = 16
/** Short, so that what a killed process held is taken over soon; long enough for a machine that is busy. */
const LEASE_MS = 1500
export const SCHEMES = [ghostSignature(), standardWebhooks()] as const

const KEY = Buffer.alloc(32, 'signalbox chaos')

export function openStore(path: string): Store {
  return sqliteStore({ path })
}

export function openDispatcher(store: Store, logger?: Logger): Dispatcher {
  return createDispatcher({
    store,
    transports: [
      webhookTransport({
        signatures: SCHEMES,
        // short, and never used up: the receiver refuses a few of a hundred requests
        retry: { delaysMs: Array.from({ length: 40 }, (_, round) => Math.min(30 * 2 ** round, 400)) },
      }),
    ],
    worker: { concurrency: CONCURRENCY, perConnection: PER_CONNECTION, leaseMs: LEASE_MS, pollMs: 50 },
    egress: { allow: [{ cidr: '127.0.0.0/8', plainHttp: true }] },
    encryption: aesGcm({ keys: [{ id: 'chaos', key: KEY }] }),
    ...(logger === undefined ? {} : { logger }),
  })
}

export function eventOf(id: string) {
  return {
    id,
    orgId: ORG,
    type: 'case_assigned',
    title: `Case ${id}`,
    body: 'x'.repeat(id.length * 16),
    href: `https://app.example.com/cases/${id}`,
    metadata: { eventId: id },
  }
}

/** mulberry32: small, seeded, good enough to choose moments. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
